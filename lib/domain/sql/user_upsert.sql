-- $1 name, $2 password hash, $3 role, $4 store (null for the whole chain)
INSERT INTO app.users AS u (username, password_hash, role, store_id)
VALUES ($1, $2, $3, (SELECT s.id FROM app.stores s WHERE s.code = $4))
ON CONFLICT (username) DO UPDATE
SET password_hash = excluded.password_hash, role = excluded.role, store_id = excluded.store_id,
    active = true, version = u.version + 1, updated_at = now()
