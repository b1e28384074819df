-- The digits of the longest factor in what is made of $1.
WITH RECURSIVE above (product_id) AS (
    SELECT $1::bigint
    UNION
    SELECT l.product_id FROM above a JOIN app.recipe_lines l ON l.ingredient_id = a.product_id
)
SELECT coalesce(max(length(n.num::text) + length(n.den::text)), 0)
FROM above a JOIN app.recipe_needs n ON n.product_id = a.product_id
