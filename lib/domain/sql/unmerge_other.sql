-- $1 merge, $2 hash of the phone that goes back: the other is itself again
UPDATE app.members m
SET status = g.other_status, merged_into = NULL, phone = coalesce(m.phone, g.moved ->> 'phone'),
    phone_hash = CASE WHEN g.moved ? 'phone' THEN $2 ELSE m.phone_hash END,
    unionid = coalesce(m.unionid, g.moved ->> 'unionid'), version = m.version + 1, updated_at = now()
FROM app.member_merges g
WHERE g.id = $1::bigint AND m.id = g.other_id
