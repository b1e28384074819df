-- $1 [{"idx","store","product","delta","reason","note"}], $2 ref, $3 only this store (null: all).
-- Each (store, product) stands at most once in $1. Rows: idx, outcome, quantity.
WITH item AS (
    SELECT i.idx, i.store, i.delta, i.reason, i.note, s.id AS store_id, p.id AS product_id
    FROM jsonb_to_recordset($1::jsonb)
             AS i (idx integer, store text, product text, delta numeric, reason text, note text)
    LEFT JOIN app.stores s ON s.code = i.store
    LEFT JOIN app.products p ON p.sku = i.product
), changed AS (
    UPDATE app.stock k
    SET qty = k.qty + i.delta,
        updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
    FROM item i
    WHERE k.store_id = i.store_id AND k.product_id = i.product_id
      AND ($3::text IS NULL OR i.store = $3)
      AND (k.qty + i.delta >= 0 OR k.policy = 'allow')
    RETURNING i.idx, k.store_id, k.product_id, k.qty, i.delta, i.reason, i.note
), logged AS (
    INSERT INTO app.stock_log (store_id, product_id, change_type, quantity, stock_after, ref, reason,
                               created_at)
    SELECT c.store_id, c.product_id, c.reason, c.delta, c.qty, $2::text || ':' || c.idx, c.note,
           clock_timestamp()
    FROM changed c
    RETURNING 1
)
SELECT i.idx,
       CASE WHEN i.store_id IS NULL THEN 'unknown_store'
            WHEN $3::text IS NOT NULL AND i.store <> $3 THEN 'forbidden_store'
            WHEN i.product_id IS NULL THEN 'unknown_product'
            WHEN c.idx IS NULL THEN 'insufficient_stock'
            ELSE '' END,
       -- Null where nobody may know: an unknown key, another's store.
       CASE WHEN $3::text IS NOT NULL AND i.store <> $3 THEN NULL
            ELSE trim_scale(coalesce(c.qty, k.qty,
                     CASE WHEN i.store_id IS NOT NULL AND i.product_id IS NOT NULL THEN 0 END))::text
       END
FROM item i
LEFT JOIN changed c ON c.idx = i.idx
LEFT JOIN app.stock k ON k.store_id = i.store_id AND k.product_id = i.product_id
ORDER BY i.idx
