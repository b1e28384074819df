-- $1 mark of the key, $2 how many: phones without a hash by it
SELECT m.id, m.phone
FROM app.members m
WHERE m.phone IS NOT NULL AND (m.phone_hash IS NULL OR NOT starts_with(m.phone_hash, $1))
ORDER BY m.id
LIMIT $2::bigint
FOR NO KEY UPDATE SKIP LOCKED
