-- $1 order number, $2 only this store (null: all): the money of an order.
SELECT json_build_object(
           'payments', coalesce((SELECT json_agg(p.document ORDER BY p.id)
                                 FROM app.payment_documents p WHERE p.order_id = o.id), '[]'::json),
           'refunds', coalesce((SELECT json_agg(r.document ORDER BY r.id)
                                FROM app.refund_documents r WHERE r.order_id = o.id), '[]'::json))::text
FROM app.orders o
JOIN app.stores s ON s.id = o.store_id
WHERE o.order_no = $1 AND ($2::text IS NULL OR s.code = $2)
