-- $1 product id, $2 [{"line_no","product","unit"}]: what stands in the way, line by line.
SELECT i.line_no, i.product,
       CASE WHEN p.id IS NULL THEN 'unknown_product'
            WHEN p.id = $1::bigint THEN 'recipe_cycle'
            ELSE 'unknown_unit' END, i.unit
FROM jsonb_to_recordset($2::jsonb) AS i (line_no integer, product text, unit text)
LEFT JOIN app.products p ON p.sku = i.product
LEFT JOIN LATERAL app.unit_factor(p.id, i.unit) f ON true
WHERE p.id IS NULL OR p.id = $1::bigint OR f.num IS NULL
ORDER BY i.line_no
