-- $1 product id: who counts it in a unit that nobody knows any more: a recipe, or a store's packs.
SELECT p.sku, l.unit
FROM app.recipe_lines l
JOIN app.products p ON p.id = l.product_id
WHERE l.ingredient_id = $1::bigint
  AND NOT EXISTS (SELECT FROM app.unit_factor(l.ingredient_id, l.unit))
UNION ALL
SELECT s.code, k.pack_unit
FROM app.stock k
JOIN app.stores s ON s.id = k.store_id
WHERE k.product_id = $1::bigint AND k.pack_unit IS NOT NULL
  AND NOT EXISTS (SELECT FROM app.unit_factor(k.product_id, k.pack_unit))
ORDER BY 1
LIMIT 1
