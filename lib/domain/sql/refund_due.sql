-- $1 only this number (null: whichever is due first): takes a refund that the channel is to be told
-- of, or asked about, and keeps others from it for a while.
UPDATE app.refunds r
SET attempts = r.attempts + 1, updated_at = clock_timestamp(),
    next_at = clock_timestamp() + least(10 * 2 ^ least(r.attempts, 6), 600) * interval '1 second'
FROM app.payments p
WHERE p.id = r.payment_id
  AND r.id = (SELECT d.id FROM app.refunds d
              JOIN app.payments q ON q.id = d.payment_id
              WHERE d.status IN ('requested', 'accepted') AND q.channel NOT IN ('none', 'wallet')
                AND CASE WHEN $1::text IS NULL THEN d.next_at <= clock_timestamp()
                         ELSE d.refund_no = $1 END
              ORDER BY d.next_at
              LIMIT 1
              FOR UPDATE OF d SKIP LOCKED)
RETURNING r.refund_no, r.status, r.amount::text, p.payment_no
