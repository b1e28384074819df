-- $1 survivor, $2 other, $3 user: what is going to move of the profile
INSERT INTO app.member_merges (survivor_id, other_id, other_status, moved, user_id)
SELECT s.id, o.id, o.status,
       jsonb_strip_nulls(jsonb_build_object(
           'phone', CASE WHEN s.phone IS NULL THEN o.phone END,
           'unionid', CASE WHEN s.unionid IS NULL THEN o.unionid END)),
       $3::bigint
FROM app.members s, app.members o
WHERE s.id = $1::bigint AND o.id = $2::bigint
RETURNING id
