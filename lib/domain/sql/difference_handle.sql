-- $1 id, $2 note: whether it was dealt with before, if there is such a difference
WITH it AS (
    SELECT d.id, d.handled_at IS NOT NULL AS was_handled
    FROM app.differences d
    WHERE d.id = $1::bigint
    FOR UPDATE),
now AS (
    UPDATE app.differences d
    SET handled_at = clock_timestamp(), handled_note = $2, updated_at = clock_timestamp()
    FROM it
    WHERE d.id = it.id AND NOT it.was_handled)
SELECT was_handled FROM it
