-- $1 SKU: under lock against other changes; whether quantities in its unit exist.
SELECT p.id, p.version, p.unit,
       EXISTS (SELECT FROM app.stock k WHERE k.product_id = p.id)
       OR EXISTS (SELECT FROM app.recipe_lines l WHERE l.ingredient_id = p.id)
       OR EXISTS (SELECT FROM app.recipes r WHERE r.product_id = p.id)
       OR EXISTS (SELECT FROM app.product_units u WHERE u.product_id = p.id)
FROM app.products p
WHERE p.sku = $1
FOR NO KEY UPDATE OF p
