-- $1 payment number: what of it came in and is not on its way back; no row when nothing.
SELECT p.id, p.channel, (p.amount - r.amount)::text
FROM app.payments p,
     LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM app.refunds
              WHERE payment_id = p.id AND status <> 'failed') r
WHERE p.payment_no = $1 AND p.status = 'succeeded' AND p.amount > r.amount
