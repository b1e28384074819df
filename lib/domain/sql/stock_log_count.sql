SELECT count(*)
FROM app.stock_log l
WHERE ($1::text IS NULL OR l.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR l.product_id = (SELECT id FROM app.products WHERE sku = $2))
