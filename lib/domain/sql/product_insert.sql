-- $1 SKU, $2 name, $3 material code, $4 unit, $5 price, $6 category
INSERT INTO app.products (sku, name, material_code, unit, price, category)
VALUES ($1, $2, $3, $4, $5::numeric, coalesce($6, ''))
ON CONFLICT (sku) DO NOTHING
