-- $1 merge: the other leads to the survivor, and keeps what the survivor has of its own
UPDATE app.members m
SET status = 'merged', merged_into = g.survivor_id, version = m.version + 1, updated_at = now(),
    phone = CASE WHEN g.moved ? 'phone' THEN NULL ELSE m.phone END,
    phone_hash = CASE WHEN g.moved ? 'phone' THEN NULL ELSE m.phone_hash END,
    unionid = CASE WHEN g.moved ? 'unionid' THEN NULL ELSE m.unionid END
FROM app.member_merges g
WHERE g.id = $1::bigint AND m.id = g.other_id
