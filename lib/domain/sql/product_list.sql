-- $1 category (null: all), $2 active (null: both)
SELECT d.document::text, :keys
FROM (SELECT p.id, p.sku, p.name, p.category, p.price, p.updated_at
      FROM app.products p
      WHERE ($1::text IS NULL OR p.category = $1)
        AND ($2::boolean IS NULL OR p.active = $2)
        AND :after
      :order
      :rows) p
JOIN app.product_documents d ON d.id = p.id
:order
