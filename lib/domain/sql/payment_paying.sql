-- $1 payment number
SELECT count(*) FROM app.payments p
WHERE p.payment_no = $1 AND p.status = 'succeeded' AND NOT p.is_surplus
