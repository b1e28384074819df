-- $1 order number: the refunds of it that a channel has to be told of.
SELECT r.refund_no
FROM app.refunds r
JOIN app.orders o ON o.id = r.order_id
WHERE o.order_no = $1 AND r.status = 'requested'
ORDER BY r.id
