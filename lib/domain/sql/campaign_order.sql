-- $1 order number, $2 only this store (null: all): the basket it was, at the prices and the time it
-- was made
SELECT o.id, s.code, o.channel, o.member_id,
       to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       (SELECT json_agg(json_build_object('line_no', i.line_no, 'product', i.sku,
                                          'quantity', i.quantity::text, 'price', i.price::text))
        FROM app.order_items i WHERE i.order_id = o.id)::text
FROM app.orders o
JOIN app.stores s ON s.id = o.store_id
WHERE o.order_no = $1 AND ($2::text IS NULL OR s.code = $2)
