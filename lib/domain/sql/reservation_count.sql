SELECT count(*)
FROM app.reservation_documents d
WHERE ($1::text IS NULL OR d.store_code = $1)
  AND ($2::text IS NULL OR d.status = $2)
