-- $1 product id, without a cycle: recipes within recipes on the longest way through it.
WITH RECURSIVE below (product_id, depth) AS (
    SELECT $1::bigint, 0
    UNION
    SELECT l.ingredient_id, b.depth + 1
    FROM below b JOIN app.recipe_lines l ON l.product_id = b.product_id
    WHERE b.depth < 32
), above (product_id, depth) AS (
    SELECT $1::bigint, 0
    UNION
    SELECT l.product_id, a.depth + 1
    FROM above a JOIN app.recipe_lines l ON l.ingredient_id = a.product_id
    WHERE a.depth < 32
)
SELECT (SELECT max(depth) FROM below) + (SELECT max(depth) FROM above)
