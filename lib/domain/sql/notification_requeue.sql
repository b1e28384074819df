-- $1 state, $2 a channel or NULL, $3 ids or NULL: those are due now, with all their attempts before
-- them.
UPDATE app.notifications
SET state = 'queued', attempts = 0, next_at = now(), updated_at = clock_timestamp()
WHERE state = $1 AND ($2::text IS NULL OR channel = $2)
  AND ($3::bigint[] IS NULL OR id = ANY ($3::bigint[]))
