-- $1 only this store (null: all), $2 after this code, $3 rows, $4 rows left out before
SELECT d.document::text, d.code
FROM app.store_documents d
WHERE ($1::text IS NULL OR d.code = $1)
  AND ($2::text IS NULL OR d.code > $2)
ORDER BY d.code
LIMIT $3::bigint OFFSET $4::bigint
