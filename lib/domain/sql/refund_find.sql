-- $1 refund number, $2 order id, $3 amount, $4 payment number (null: any): whether the refund that has
-- this number is of the order, and whether it is the same.
SELECT r.order_id = $2::bigint,
       ($3::numeric IS NULL OR r.amount = $3::numeric) AND ($4::text IS NULL OR p.payment_no = $4)
FROM app.refunds r
JOIN app.payments p ON p.id = r.payment_id
WHERE r.refund_no = $1
