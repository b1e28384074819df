-- $1 store, $2 product (null: all), $3 moved since, $4 $5 after this key, $6 rows, $7 rows left out.
-- The quantity and what moved come from one snapshot, so that "the ERP's figure plus what moved
-- since" and "what is there now" are about the same instant.
SELECT json_build_object(
           'store', s.code,
           'product', p.sku,
           'product_name', p.name,
           'material_code', p.material_code,
           'unit', p.unit,
           'qty', trim_scale(k.qty)::text,
           'policy', k.policy,
           'moved_qty', CASE WHEN $3::timestamptz IS NULL THEN '0' ELSE
               (SELECT trim_scale(coalesce(sum(l.quantity), 0))::text
                FROM app.stock_log l
                WHERE l.store_id = k.store_id AND l.product_id = k.product_id
                  AND l.created_at >= $3::timestamptz AND l.change_type <> 'erp_sync') END,
           'updated_at', to_char(k.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       )::text, k.store_id, k.product_id
FROM (SELECT c.*
      FROM app.stock c
      WHERE ($1::text IS NULL OR c.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR c.product_id = (SELECT id FROM app.products WHERE sku = $2))
        AND ($4::bigint IS NULL OR (c.store_id, c.product_id) > ($4::bigint, $5::bigint))
      ORDER BY c.store_id, c.product_id
      LIMIT $6::bigint OFFSET $7::bigint) k
JOIN app.stores s ON s.id = k.store_id
JOIN app.products p ON p.id = k.product_id
ORDER BY k.store_id, k.product_id
