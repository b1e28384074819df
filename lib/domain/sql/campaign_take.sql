-- $1 [{"id","off"}] of campaigns with a budget, $2 ids of coupons as an array: takes both; how many
-- of each were taken.
WITH wanted AS (
    SELECT id, off FROM jsonb_to_recordset($1::jsonb) AS w (id bigint, off numeric)
), money AS (
    UPDATE app.campaigns c
    SET spent = c.spent + w.off,
        updated_at = greatest(clock_timestamp(), c.updated_at + interval '1 microsecond')
    FROM wanted w
    WHERE c.id = w.id AND c.spent + w.off <= c.budget
    RETURNING c.id
), used AS (
    UPDATE app.coupons u
    SET uses = u.uses + 1,
        updated_at = greatest(clock_timestamp(), u.updated_at + interval '1 microsecond')
    WHERE u.id = ANY ($2::bigint[]) AND u.uses < u.uses_max
    RETURNING u.id
)
SELECT (SELECT count(*) FROM money), (SELECT count(*) FROM used)
