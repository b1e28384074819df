-- $1 order number, $2 only this store (null: all)
SELECT d.document::text
FROM app.order_documents d
WHERE d.order_no = $1 AND ($2::text IS NULL OR d.store_code = $2)
