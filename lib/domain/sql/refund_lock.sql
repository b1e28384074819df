-- $1 refund number: its order, locked before the refund is (the order of all locks).
SELECT o.id, o.order_no, r.id, r.status, p.is_surplus
FROM app.refunds r
JOIN app.payments p ON p.id = r.payment_id
JOIN app.orders o ON o.id = r.order_id
WHERE r.refund_no = $1
FOR UPDATE OF o
