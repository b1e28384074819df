-- $1 ids, $2 token
UPDATE app.members m
SET name = $2, phone = NULL, phone_hash = NULL, unionid = NULL, version = m.version + 1,
    status = CASE WHEN m.merged_into IS NULL THEN 'erased' ELSE m.status END,
    erased_at = CASE WHEN m.merged_into IS NULL THEN now() END, updated_at = now()
WHERE m.id = ANY ($1::bigint[])
