SELECT d.document::text
FROM app.recipe_documents d
JOIN app.products p ON p.id = d.product_id
WHERE p.sku = $1
