-- $1 category (null: all), $2 active (null: both), $3 after this SKU, $4 rows, $5 rows left out
SELECT d.document::text, d.sku
FROM app.product_documents d
WHERE ($1::text IS NULL OR d.category = $1)
  AND ($2::boolean IS NULL OR d.active = $2)
  AND ($3::text IS NULL OR d.sku > $3)
ORDER BY d.sku
LIMIT $4::bigint OFFSET $5::bigint
