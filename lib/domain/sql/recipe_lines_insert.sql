-- $1 product id, $2 [{"line_no","product","quantity","unit","yield"}]
INSERT INTO app.recipe_lines (product_id, line_no, ingredient_id, quantity, unit, yield)
SELECT $1::bigint, i.line_no, p.id, i.quantity, coalesce(i.unit, p.unit), coalesce(i.yield, 1)
FROM jsonb_to_recordset($2::jsonb)
         AS i (line_no integer, product text, quantity numeric, unit text, yield numeric)
JOIN app.products p ON p.sku = i.product
