-- $1 [{"idx","store","product","delta","unit"}], $2 only this store (null: all).
-- A product that comes to a store for the first time gets its row; inserted in key order, as every
-- lock on stock is taken in key order.
INSERT INTO app.stock (store_id, product_id)
SELECT DISTINCT s.id, p.id
FROM jsonb_to_recordset($1::jsonb) AS i (idx integer, store text, product text, delta numeric,
                                         unit text)
JOIN app.stores s ON s.code = i.store
JOIN app.products p ON p.sku = i.product
WHERE i.delta > 0
  AND ($2::text IS NULL OR s.code = $2)
  AND EXISTS (SELECT FROM app.unit_factor(p.id, i.unit))
ORDER BY s.id, p.id
ON CONFLICT (store_id, product_id) DO NOTHING
