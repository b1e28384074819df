-- $1 payment id, $2 refund number (null: the next), $3 amount, $4 reason, $5 restock, $6 user
INSERT INTO app.refunds (payment_id, order_id, refund_no, amount, status, reason, restock, user_id,
                         next_at)
SELECT p.id, p.order_id,
       coalesce($2, p.payment_no || '-R' ||
                    (SELECT count(*) + 1 FROM app.refunds r WHERE r.payment_id = p.id)),
       $3::numeric, 'requested', $4, $5::boolean, $6::bigint, clock_timestamp()
FROM app.payments p
WHERE p.id = $1::bigint
RETURNING id, refund_no
