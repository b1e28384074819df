-- $1 ids, $2 hashes
UPDATE app.members m
SET phone_hash = u.hash
FROM unnest($1::bigint[], $2::text[]) u (id, hash)
WHERE m.id = u.id
