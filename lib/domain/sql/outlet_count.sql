SELECT count(*) FROM app.stores s WHERE ($1::text IS NULL OR s.code = $1)
