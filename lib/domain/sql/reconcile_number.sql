-- $1 day: refunds that the bill gives no number of ours are taken for those of the same payment and
-- amount, of this day first; else they go by the channel's number, amount and time.
WITH theirs AS (
    SELECT b.ctid AS place, b.payment_no, b.fen,
           coalesce(b.channel_no, b.kind) || '/' || b.fen || '/'
               || to_char(b.at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDDHH24MISS') AS name,
           row_number() OVER (PARTITION BY b.payment_no, b.fen ORDER BY b.file, b.line) AS nth
    FROM reconcile_bill b
    WHERE b.number IS NULL),
ours AS (
    SELECT r.refund_no, p.payment_no, (r.amount * 100)::bigint AS fen,
           row_number() OVER (
               PARTITION BY p.payment_no, r.amount
               ORDER BY (r.accepted_at AT TIME ZONE 'Asia/Shanghai')::date IS DISTINCT FROM $1::date,
                        r.id) AS nth
    FROM app.payments p
    JOIN app.refunds r ON r.payment_id = p.id
    WHERE p.payment_no IN (SELECT payment_no FROM theirs)
      AND NOT EXISTS (SELECT FROM reconcile_bill b
                      WHERE b.kind = 'refund' AND b.number = r.refund_no COLLATE "C"))
UPDATE reconcile_bill b
SET number = coalesce(o.refund_no, t.name)
FROM theirs t
LEFT JOIN ours o USING (payment_no, fen, nth)
WHERE b.ctid = t.place
