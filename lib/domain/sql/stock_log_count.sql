-- Parameters 1 to 3 as in stock_log_list
SELECT count(*)
FROM app.stock_log l
WHERE ($1::text IS NULL OR l.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR l.product_id = (SELECT id FROM app.products WHERE sku = $2))
  AND ($3::bigint IS NULL OR l.id > $3::bigint)
