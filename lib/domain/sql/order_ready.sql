-- $1 id, $2 user: what is being prepared is ready; the order itself stays accepted.
WITH moved AS (
    UPDATE app.orders o
    SET fulfilment_status = 'ready',
        updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
    WHERE o.id = $1::bigint AND o.status = 'accepted' AND o.fulfilment_status = 'preparing'
    RETURNING o.id, o.status, o.payment_status, o.fulfilment_status
)
INSERT INTO app.order_status_history (order_id, from_status, to_status, payment_status,
                                      fulfilment_status, user_id)
SELECT m.id, m.status, m.status, m.payment_status, m.fulfilment_status, $2::bigint FROM moved m
