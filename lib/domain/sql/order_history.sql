-- $1 order number, $2 only this store (null: all): every change of the order, oldest first.
SELECT coalesce(json_agg(json_build_object(
           'from_status', h.from_status,
           'status', h.to_status,
           'payment_status', h.payment_status,
           'fulfilment_status', h.fulfilment_status,
           'reason', h.reason,
           'user', u.username,
           'at', to_char(h.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
           ORDER BY h.id), '[]'::json)::text
FROM app.orders o
JOIN app.stores s ON s.id = o.store_id
JOIN app.order_status_history h ON h.order_id = o.id
LEFT JOIN app.users u ON u.id = h.user_id
WHERE o.order_no = $1 AND ($2::text IS NULL OR s.code = $2)
GROUP BY o.id
