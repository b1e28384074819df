-- $1 terms: the stores and products they name that there are not
SELECT 'stores', w
FROM jsonb_array_elements_text($1::jsonb -> 'stores') w
WHERE NOT EXISTS (SELECT FROM app.stores s WHERE s.code = w)
UNION ALL
SELECT 'products', w
FROM jsonb_array_elements_text($1::jsonb -> 'products') w
WHERE NOT EXISTS (SELECT FROM app.products p WHERE p.sku = w)
ORDER BY 1 DESC, 2
LIMIT 1
