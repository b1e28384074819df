-- $1 id, $2 version it must have, $3 password hash, $4 role, $5 store, $6 name to show, $7 active;
-- null: as it is. A new role comes with its store.
UPDATE app.users u
SET password_hash = coalesce($3, u.password_hash),
    role = coalesce($4, u.role),
    store_id = CASE WHEN $4::text IS NULL THEN u.store_id
                    ELSE (SELECT s.id FROM app.stores s WHERE s.code = $5) END,
    display_name = coalesce($6, u.display_name),
    active = coalesce($7::boolean, u.active),
    version = u.version + 1, updated_at = now()
WHERE u.id = $1::bigint AND u.version = $2::integer
RETURNING u.id
