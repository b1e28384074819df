-- $1 payment number, $2 amount that came in (null: as asked for); the order is locked.
SELECT p.id, p.status, p.channel, p.method, coalesce($2::numeric, p.amount)::numeric(12,2)::text,
       $2::numeric IS NULL OR $2::numeric = p.amount
FROM app.payments p
WHERE p.payment_no = $1
