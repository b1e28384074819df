-- $1 [{"idx","store","product","delta","unit","reason","reason_code","note"}], $2 ref, $3 only this
-- store (null: all). Each (store, product) stands at most once in $1. Rows: idx, outcome, quantity,
-- change in base units, store, product.
WITH item AS (
    SELECT i.idx, i.store, i.reason, i.reason_code, i.note, s.id AS store_id, p.id AS product_id,
           app.exact_quantity(i.delta * f.num, f.den) AS delta,
           CASE WHEN i.unit <> p.unit THEN i.unit END AS unit,
           CASE WHEN i.unit <> p.unit THEN i.delta END AS unit_delta,
           CASE WHEN s.id IS NULL THEN 'unknown_store'
                WHEN $3::text IS NOT NULL AND i.store <> $3 THEN 'forbidden_store'
                WHEN p.id IS NULL THEN 'unknown_product'
                WHEN f.num IS NULL THEN 'unknown_unit'
                WHEN i.reason_code IS NOT NULL AND r.code IS NULL THEN 'unknown_reason_code'
                WHEN i.delta > 0 AND i.reason IN ('waste', 'supplier_return')
                  OR i.delta < 0 AND i.reason = 'receipt' THEN 'wrong_sign' END AS problem
    FROM jsonb_to_recordset($1::jsonb)
             AS i (idx integer, store text, product text, delta numeric, unit text, reason text,
                   reason_code text, note text)
    LEFT JOIN app.stores s ON s.code = i.store
    LEFT JOIN app.products p ON p.sku = i.product
    LEFT JOIN LATERAL app.unit_factor(p.id, i.unit) f ON true
    LEFT JOIN app.stock_reasons r ON r.change_type = i.reason AND r.code = i.reason_code
), changed AS (
    UPDATE app.stock k
    SET qty = k.qty + i.delta,
        updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
    FROM item i
    WHERE k.store_id = i.store_id AND k.product_id = i.product_id
      AND i.problem IS NULL
      AND (k.qty + i.delta >= 0 OR k.policy <> 'forbid')
    RETURNING i.idx, k.store_id, k.product_id, k.qty, k.policy, i.delta, i.unit, i.unit_delta,
              i.reason, i.reason_code, i.note
), logged AS (
    INSERT INTO app.stock_log (store_id, product_id, change_type, quantity, stock_after, unit,
                               unit_quantity, ref, reason_code, reason, flagged, created_at)
    SELECT c.store_id, c.product_id, c.reason, c.delta, c.qty, c.unit, c.unit_delta,
           $2::text || ':' || c.idx, c.reason_code, c.note, c.policy = 'flag' AND c.qty < 0,
           clock_timestamp()
    FROM changed c
    RETURNING 1
)
SELECT i.idx,
       coalesce(i.problem, CASE WHEN c.idx IS NULL THEN 'insufficient_stock' ELSE '' END),
       -- Null where nobody may know: an unknown key, another's store.
       CASE WHEN i.problem IN ('unknown_store', 'forbidden_store', 'unknown_product') THEN NULL
            ELSE trim_scale(coalesce(c.qty, k.qty, 0))::text END,
       trim_scale(c.delta)::text, c.store_id, c.product_id
FROM item i
LEFT JOIN changed c ON c.idx = i.idx
LEFT JOIN app.stock k ON k.store_id = i.store_id AND k.product_id = i.product_id
ORDER BY i.idx
