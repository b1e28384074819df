-- $1 id, $2 name, $3 phone, $4 its hash, $5 unionid; null: as it is. Whoever has a unionid keeps it.
UPDATE app.members m
SET name = coalesce($2, m.name), phone = coalesce($3, m.phone),
    phone_hash = CASE WHEN $3::text IS NULL THEN m.phone_hash ELSE $4 END,
    unionid = coalesce(m.unionid, $5), version = m.version + 1, updated_at = now()
WHERE m.id = $1::bigint
  AND (coalesce($2, m.name), coalesce($3, m.phone), coalesce(m.unionid, $5))
      IS DISTINCT FROM (m.name, m.phone, m.unionid)
