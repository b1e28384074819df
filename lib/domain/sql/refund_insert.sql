-- $1 payment id, $2 refund number (null: the next that nobody has), $3 amount, $4 reason, $5 restock,
-- $6 user. Whoever makes a number for this payment holds the lock of its order.
WITH RECURSIVE next (no, refund_no) AS (
    SELECT r.refunds + 1, p.payment_no || '-R' || r.refunds + 1
    FROM app.payments p,
         LATERAL (SELECT count(*) AS refunds FROM app.refunds WHERE payment_id = p.id) r
    WHERE p.id = $1::bigint
    UNION ALL
    SELECT n.no + 1, p.payment_no || '-R' || n.no + 1
    FROM next n
    JOIN app.payments p ON p.id = $1::bigint
    WHERE EXISTS (SELECT FROM app.refunds r WHERE r.refund_no = n.refund_no)
)
INSERT INTO app.refunds (payment_id, order_id, refund_no, amount, status, reason, restock, user_id,
                         next_at)
SELECT p.id, p.order_id,
       coalesce($2, (SELECT n.refund_no FROM next n ORDER BY n.no DESC LIMIT 1)),
       $3::numeric, 'requested', $4, $5::boolean, $6::bigint, clock_timestamp()
FROM app.payments p
WHERE p.id = $1::bigint
RETURNING id, refund_no
