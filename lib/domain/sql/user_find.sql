-- Who may log in.
SELECT u.id, u.username, u.password_hash, u.role, s.code
FROM app.users u
LEFT JOIN app.stores s ON s.id = u.store_id
WHERE u.username = $1 AND u.active
