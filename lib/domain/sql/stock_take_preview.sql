-- $1 store, $2 items, $3 counted at (null: now), $4 note: what the count would say
SELECT json_build_object(
           'id', NULL,
           'store', s.code,
           'counted_at', to_char(coalesce($3::timestamptz, now()) AT TIME ZONE 'UTC',
                                 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'note', $4::text,
           'created_at', NULL,
           'lines', (SELECT coalesce(json_agg(app.stock_take_line(
                                p.sku, p.name, p.unit, l.unit, l.unit_quantity, l.counted, l.expected,
                                l.difference, l.previous_at, l.opening, l.received, l.transferred,
                                l.adjusted, l.waste, l.theoretical, l.actual, l.variance)
                                ORDER BY p.sku), '[]'::json)
                     FROM app.stock_take_plan(s.id, $2::jsonb, coalesce($3::timestamptz, now())) l
                     JOIN app.products p ON p.id = l.product_id)
       )::text
FROM app.stores s
WHERE s.code = $1
