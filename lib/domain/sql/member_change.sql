-- $1 number, $2 version it must have, $3 name, $4 phone, $5 its hash, $6 level, $7 status; null: as
-- it is
UPDATE app.members m
SET name = coalesce($3, m.name), phone = coalesce($4, m.phone),
    phone_hash = CASE WHEN $4::text IS NULL THEN m.phone_hash ELSE $5 END,
    level = coalesce($6, m.level), status = coalesce($7, m.status), version = m.version + 1,
    updated_at = now()
WHERE m.member_no = $1 AND m.version = $2::integer AND m.status IN ('active', 'closed')
RETURNING m.member_no
