-- $1 order id: the payments that a channel may still take in, and whether one of them is being made
-- right now.
SELECT p.payment_no
FROM app.payments p
WHERE p.order_id = $1::bigint AND p.status IN ('created', 'sent')
ORDER BY p.id
