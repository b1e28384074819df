-- $1 id, $2 from, $3 to, $4 reason, $5 payment method (null: as it is), $6 user. The guard on the
-- old status is repeated in the write. Fulfilment follows: accepted is being prepared.
WITH moved AS (
    UPDATE app.orders o
    SET status = $3,
        payment_status = CASE WHEN $3 = 'paid' THEN 'paid' ELSE o.payment_status END,
        fulfilment_status = CASE $3 WHEN 'accepted' THEN 'preparing' WHEN 'fulfilled' THEN 'fulfilled'
                                    WHEN 'cancelled' THEN 'cancelled' ELSE o.fulfilment_status END,
        payment_method = coalesce($5, o.payment_method),
        paid_at = CASE WHEN $3 = 'paid' THEN clock_timestamp() ELSE o.paid_at END,
        cancel_reason = CASE WHEN $3 = 'cancelled' THEN $4 ELSE o.cancel_reason END,
        cancelled_at = CASE WHEN $3 = 'cancelled' THEN clock_timestamp() ELSE o.cancelled_at END,
        updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
    WHERE o.id = $1::bigint AND o.status = $2
    RETURNING o.id, o.payment_status, o.fulfilment_status
)
INSERT INTO app.order_status_history (order_id, from_status, to_status, payment_status,
                                      fulfilment_status, reason, user_id)
SELECT m.id, $2, $3, m.payment_status, m.fulfilment_status, $4, $6::bigint FROM moved m
