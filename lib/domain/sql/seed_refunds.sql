-- Each refund was recorded at its till, as its payment was.
INSERT INTO app.refunds (payment_id, order_id, refund_no, amount, status, reason, accepted_at,
                         final_at, created_at, updated_at)
SELECT p.id, r.order_id, p.payment_no || '-R1', r.amount, 'succeeded', r.reason, r.at, r.at, r.at, r.at
FROM seed_refund r
JOIN app.payments p ON p.order_id = r.order_id
ORDER BY r.order_id
