-- $1 order id, $2 amount (null: the rest), $3 payment number (null: the payment that paid the order):
-- what of it is not refunded or about to be, how many refunds there were, and how the amount compares.
SELECT p.id, p.channel, p.payment_no, rest.amount::text, rest.refunds,
       coalesce($2::numeric, rest.amount)::numeric(12,2)::text,
       coalesce($2::numeric, rest.amount) > rest.amount, coalesce($2::numeric, rest.amount) = rest.amount,
       p.is_surplus
FROM app.payments p,
     LATERAL (SELECT p.amount - coalesce(sum(r.amount) FILTER (WHERE r.status <> 'failed'), 0) AS amount,
                     count(*) AS refunds
              FROM app.refunds r WHERE r.payment_id = p.id) rest
WHERE p.order_id = $1::bigint AND p.status = 'succeeded'
  AND CASE WHEN $3::text IS NULL THEN NOT p.is_surplus ELSE p.payment_no = $3 END
