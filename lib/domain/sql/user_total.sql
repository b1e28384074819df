SELECT count(*) FROM app.users u WHERE ($1::text IS NULL OR u.role = $1)
