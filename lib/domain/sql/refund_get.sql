-- $1 refund number, $2 order number (null: any), $3 only this store (null: all)
SELECT d.document::text
FROM app.refund_documents d
JOIN app.orders o ON o.id = d.order_id
JOIN app.stores s ON s.id = o.store_id
WHERE d.refund_no = $1 AND ($2::text IS NULL OR o.order_no = $2)
  AND ($3::text IS NULL OR s.code = $3)
