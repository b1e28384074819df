-- $1 [{"idx","store","product"}]: locks the rows in key order, whatever order they were sent in.
SELECT k.store_id, k.product_id
FROM app.stock k
WHERE (k.store_id, k.product_id) IN (
        SELECT s.id, p.id
        FROM jsonb_to_recordset($1::jsonb) AS i (idx integer, store text, product text)
        JOIN app.stores s ON s.code = i.store
        JOIN app.products p ON p.sku = i.product)
ORDER BY k.store_id, k.product_id
FOR UPDATE
