-- Parameters as in order_list
SELECT count(*)
FROM app.orders o
WHERE ($1::text IS NULL OR o.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR o.status = $2)
  AND ($3::text IS NULL OR o.payment_status = $3)
  AND ($4::timestamptz IS NULL OR o.updated_at >= $4::timestamptz)
  AND ($5::timestamptz IS NULL OR o.updated_at < $5::timestamptz)
  AND ($6::timestamptz IS NULL OR o.created_at >= $6::timestamptz)
  AND ($7::timestamptz IS NULL OR o.created_at < $7::timestamptz)
