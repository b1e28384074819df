-- $1 order id: when all that was paid for it is back, whether its stock is to come back as well, and
-- why; else no row.
SELECT bool_or(r.restock), (array_agg(r.reason ORDER BY r.restock DESC, r.id DESC))[1]
FROM app.orders o
JOIN app.payments p ON p.order_id = o.id AND p.status = 'succeeded' AND NOT p.is_surplus
JOIN app.refunds r ON r.payment_id = p.id AND r.status = 'succeeded'
WHERE o.id = $1::bigint AND o.payment_status = 'refunded'
HAVING count(*) > 0
