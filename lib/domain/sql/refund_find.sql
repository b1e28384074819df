-- $1 refund number, $2 order id, $3 amount (null: any): whether there is such a refund already, and
-- whether it is the same.
SELECT r.order_id = $2::bigint AND ($3::numeric IS NULL OR r.amount = $3::numeric), r.status
FROM app.refunds r
WHERE r.refund_no = $1
