-- $1 store, $2 product: its row under lock; whether the unit $3 (null: none) is one of the product.
SELECT k.store_id, k.product_id, k.version, k.qty < 0,
       $3::text IS NULL OR EXISTS (SELECT FROM app.unit_factor(k.product_id, $3))
FROM app.stock k
JOIN app.stores s ON s.id = k.store_id
JOIN app.products p ON p.id = k.product_id
WHERE s.code = $1 AND p.sku = $2
FOR UPDATE OF k
