SELECT count(*)
FROM app.stock k
WHERE ($1::text IS NULL OR k.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR k.product_id = (SELECT id FROM app.products WHERE sku = $2))
