-- $1 store, $2 product (null: all), $3 'zero', 'min', 'par': only what is below (null: all)
SELECT count(*)
FROM app.stock k
WHERE ($1::text IS NULL OR k.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR k.product_id = (SELECT id FROM app.products WHERE sku = $2))
  AND ($3::text IS NULL
       OR k.qty < CASE $3 WHEN 'zero' THEN 0 WHEN 'min' THEN k.min_qty ELSE k.par_qty END)
