-- $1 name, $2 phone, $3 its hash, $4 unionid, $5 level, $6 store; no row: phone or unionid belong to
-- another
INSERT INTO app.members (name, phone, phone_hash, unionid, level, store_id)
VALUES ($1, $2, $3, $4, coalesce($5, 'normal'), (SELECT s.id FROM app.stores s WHERE s.code = $6))
ON CONFLICT DO NOTHING
RETURNING member_no, id
