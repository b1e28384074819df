-- $1 product id: an ingredient through which its recipe would contain itself; no row: none.
WITH RECURSIVE below (through, product_id) AS (
    SELECT l.ingredient_id, l.ingredient_id FROM app.recipe_lines l WHERE l.product_id = $1::bigint
    UNION
    SELECT b.through, l.ingredient_id
    FROM below b JOIN app.recipe_lines l ON l.product_id = b.product_id
)
SELECT p.sku
FROM below b JOIN app.products p ON p.id = b.through
WHERE b.product_id = $1::bigint
ORDER BY p.sku
LIMIT 1
