-- $1 order id, $2 method, $3 channel that holds the money: a payment that has come in already.
INSERT INTO app.payments (order_id, payment_no, method, channel, amount, status, paid_at)
SELECT o.id,
       o.order_no || '-P' || (SELECT count(*) + 1 FROM app.payments p WHERE p.order_id = o.id),
       coalesce($2, o.payment_method), $3, o.total_amount, 'succeeded', clock_timestamp()
FROM app.orders o
WHERE o.id = $1::bigint
RETURNING payment_no
