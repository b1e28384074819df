-- Parameters as in stock_log_list
SELECT count(*)
FROM app.stock_log c
WHERE ($1::text IS NULL OR c.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR c.product_id = (SELECT id FROM app.products WHERE sku = $2))
  AND ($3::text IS NULL OR c.order_id = (SELECT id FROM app.orders WHERE order_no = $3))
  AND ($4::text IS NULL OR c.change_type = $4)
  AND ($5::timestamptz IS NULL OR c.created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR c.created_at < $6::timestamptz)
  AND ($7::boolean IS NOT TRUE OR c.flagged)
  AND ($8::bigint IS NULL OR c.id > $8::bigint)
