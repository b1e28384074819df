-- $1 id, $2 only this store, at either end (null: all)
SELECT d.document::text
FROM app.stock_transfer_documents d
WHERE d.id = $1::bigint AND ($2::text IS NULL OR $2 IN (d.from_code, d.to_code))
