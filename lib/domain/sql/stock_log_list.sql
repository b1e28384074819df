-- $1 store, $2 product (null: all), $3 after this id, $4 rows, $5 rows left out
SELECT json_build_object(
           'id', l.id,
           'store', s.code,
           'product', p.sku,
           'order_no', o.order_no,
           'change_type', l.change_type,
           'quantity', trim_scale(l.quantity)::text,
           'stock_after', trim_scale(l.stock_after)::text,
           'ref', l.ref,
           'reason', l.reason,
           'created_at', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       )::text, l.id
FROM (SELECT c.*
      FROM app.stock_log c
      WHERE ($1::text IS NULL OR c.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR c.product_id = (SELECT id FROM app.products WHERE sku = $2))
        AND ($3::bigint IS NULL OR c.id > $3::bigint)
      ORDER BY c.id
      LIMIT $4::bigint OFFSET $5::bigint) l
JOIN app.stores s ON s.id = l.store_id
JOIN app.products p ON p.id = l.product_id
LEFT JOIN app.orders o ON o.id = l.order_id
ORDER BY l.id
