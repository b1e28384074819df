-- Takes one payment that the channel may have taken in and nobody else is looking after, and keeps
-- others from it for a while.
UPDATE app.payments p
SET attempts = p.attempts + 1, updated_at = clock_timestamp(),
    next_at = clock_timestamp() + least(10 * 2 ^ least(p.attempts, 6), 600) * interval '1 second'
FROM app.orders o
WHERE o.id = p.order_id
  AND p.id = (SELECT d.id FROM app.payments d
              WHERE d.status IN ('created', 'sent') AND d.next_at <= clock_timestamp()
                AND d.channel NOT IN ('none', 'wallet')
                AND NOT EXISTS (SELECT FROM app.sagas g WHERE g.order_id = d.order_id
                                AND g.status IN ('running', 'compensating'))
              ORDER BY d.next_at
              LIMIT 1
              FOR UPDATE SKIP LOCKED)
RETURNING p.payment_no, p.status, o.status = 'pending'
