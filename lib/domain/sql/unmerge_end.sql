-- $1 merge, $2 user
UPDATE app.member_merges g
SET undone_at = clock_timestamp(), undone_by = $2::bigint, updated_at = clock_timestamp()
WHERE g.id = $1::bigint
