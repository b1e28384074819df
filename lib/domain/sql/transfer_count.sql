SELECT count(*)
FROM app.stock_transfer_documents d
WHERE ($1::text IS NULL OR $1 IN (d.from_code, d.to_code))
  AND ($2::text IS NULL OR d.status = $2)
