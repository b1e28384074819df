-- $1 id, $2 only this store (null: all)
SELECT d.document::text
FROM app.reservation_documents d
WHERE d.id = $1::bigint AND ($2::text IS NULL OR d.store_code = $2)
