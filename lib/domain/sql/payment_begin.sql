-- $1 order id, $2 method, $3 channel: a payment that the channel is about to be asked for.
INSERT INTO app.payments (order_id, payment_no, method, channel, amount, status, next_at)
SELECT o.id,
       o.order_no || '-P' || (SELECT count(*) + 1 FROM app.payments p WHERE p.order_id = o.id),
       coalesce($2, o.payment_method), $3, o.total_amount, 'created',
       clock_timestamp() + interval '1 minute'
FROM app.orders o
WHERE o.id = $1::bigint
RETURNING id, payment_no, amount::text
