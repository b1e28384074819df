-- $1 order number, $2 only this store (null: all): the order, locked against other transitions.
SELECT o.id, o.status, o.payment_status, o.fulfilment_status, o.total_amount::text,
       o.payment_method, o.member_ref, o.member_id
FROM app.orders o
JOIN app.stores s ON s.id = o.store_id
WHERE o.order_no = $1 AND ($2::text IS NULL OR s.code = $2)
FOR UPDATE OF o
