-- $1 merge: the survivor gives back what moved, unless it has another by now
UPDATE app.members m
SET phone = CASE WHEN m.phone = g.moved ->> 'phone' THEN NULL ELSE m.phone END,
    phone_hash = CASE WHEN m.phone = g.moved ->> 'phone' THEN NULL ELSE m.phone_hash END,
    unionid = CASE WHEN m.unionid = g.moved ->> 'unionid' THEN NULL ELSE m.unionid END,
    version = m.version + 1, updated_at = now()
FROM app.member_merges g
WHERE g.id = $1::bigint AND m.id = g.survivor_id
