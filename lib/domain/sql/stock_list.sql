-- $1 store, $2 product (null: all), $3 'zero', 'min', 'par': only what is below (null: all), $4 moved
-- since.
-- The quantity and what moved come from one snapshot, so that "the ERP's figure plus what moved
-- since" and "what is there now" are about the same instant.
SELECT json_build_object(
           'store', s.code,
           'product', p.sku,
           'product_name', p.name,
           'material_code', p.material_code,
           'unit', p.unit,
           'qty', trim_scale(k.qty)::text,
           'reserved', trim_scale(k.reserved)::text,
           'available', trim_scale(k.qty - k.reserved)::text,
           'policy', k.policy,
           'par_qty', trim_scale(k.par_qty)::text,
           'min_qty', trim_scale(k.min_qty)::text,
           'pack_unit', k.pack_unit,
           'version', k.version,
           'moved_qty', CASE WHEN $4::timestamptz IS NULL THEN '0' ELSE
               (SELECT trim_scale(coalesce(sum(l.quantity), 0))::text
                FROM app.stock_log l
                WHERE l.store_id = k.store_id AND l.product_id = k.product_id
                  AND l.created_at >= $4::timestamptz AND l.change_type <> 'erp_sync') END,
           'updated_at', to_char(k.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       )::text, :keys
FROM (SELECT k.*
      FROM app.stock_levels k
      WHERE ($1::text IS NULL OR k.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR k.product_id = (SELECT id FROM app.products WHERE sku = $2))
        AND ($3::text IS NULL
             OR k.qty < CASE $3 WHEN 'zero' THEN 0 WHEN 'min' THEN k.min_qty ELSE k.par_qty END)
        AND :after
      :order
      :rows) k
JOIN app.stores s ON s.id = k.store_id
JOIN app.products p ON p.id = k.product_id
:order
