-- $1 store, $2 [{"line_no","product","quantity"}]: what stands in the way of the order, line by
-- line; no rows when nothing does. A dish is sold where all that its recipe needs is stocked.
SELECT i.line_no, i.product,
       CASE WHEN p.id IS NULL THEN 'unknown_product'
            WHEN NOT p.active THEN 'inactive_product'
            ELSE 'not_sold_here' END
FROM jsonb_to_recordset($2::jsonb) AS i (line_no integer, product text)
LEFT JOIN app.products p ON p.sku = i.product
LEFT JOIN app.recipe_needs n ON n.product_id = p.id
LEFT JOIN app.stock k ON k.product_id = coalesce(n.ingredient_id, p.id)
    AND k.store_id = (SELECT id FROM app.stores WHERE code = $1)
WHERE p.id IS NULL OR NOT p.active OR k.product_id IS NULL
GROUP BY i.line_no, i.product, p.id, p.active
ORDER BY i.line_no
