-- $1 name, $2 password hash, $3 role, $4 store, $5 name to show; no row: the name is taken
INSERT INTO app.users (username, password_hash, role, store_id, display_name)
VALUES ($1, $2, $3, (SELECT s.id FROM app.stores s WHERE s.code = $4), coalesce($5, ''))
ON CONFLICT (username) DO NOTHING
RETURNING id
