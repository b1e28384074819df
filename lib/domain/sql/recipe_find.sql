-- $1 SKU: the product's id, the version of its recipe (0: none).
SELECT p.id, coalesce(r.version, 0)
FROM app.products p
LEFT JOIN app.recipes r ON r.product_id = p.id
WHERE p.sku = $1
