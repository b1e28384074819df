-- $1 order id, $2 reason, $3 user: brings the payment axis in line with the refunds of the payment
-- that paid the order, and says so in the history when that changes anything.
WITH money AS (
    SELECT coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0) AS done,
           count(*) FILTER (WHERE r.status IN ('requested', 'accepted')) AS open
    FROM app.payments p
    LEFT JOIN app.refunds r ON r.payment_id = p.id
    WHERE p.order_id = $1::bigint AND p.status = 'succeeded' AND NOT p.is_surplus
    HAVING count(p.id) > 0
), changed AS (
    UPDATE app.orders o
    SET refund_amount = m.done,
        payment_status = CASE WHEN m.open > 0 THEN 'refunding'
                              WHEN m.done >= o.total_amount THEN 'refunded'
                              WHEN m.done > 0 THEN 'partially_refunded' ELSE 'paid' END,
        updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
    FROM money m
    WHERE o.id = $1::bigint
    RETURNING o.id, o.status, o.payment_status, o.fulfilment_status
)
INSERT INTO app.order_status_history (order_id, from_status, to_status, payment_status,
                                      fulfilment_status, reason, user_id)
SELECT c.id, c.status, c.status, c.payment_status, c.fulfilment_status, $2, $3::bigint
FROM changed c
