-- $1 channel, $2 day, $3 with what was only recorded, $4 fee in millionths (null: not compared),
-- $5 how far off a fee may be: the bill's rows and ours of the day, side by side.
INSERT INTO reconcile_pair (kind, number, nth, file, line, channel_no, fen, fee_e5, fee_due_e5, state,
                            state_text, at, local_id, local_fen, local_status, local_at, class)
WITH ours AS (
    SELECT 'payment' COLLATE "C" AS kind, p.payment_no COLLATE "C" AS number, 1 AS nth, p.id,
           (p.amount * 100)::bigint AS fen, p.status, p.paid_at AS at
    FROM app.payments p
    WHERE p.method = $1
      AND p.paid_at >= $2::date::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND p.paid_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND p.channel <> 'wallet' AND (p.channel <> 'none' OR $3::boolean)
    UNION ALL
    SELECT 'refund', r.refund_no, 1, r.id, (r.amount * 100)::bigint, r.status, r.accepted_at
    FROM app.refunds r
    JOIN app.payments p ON p.id = r.payment_id
    WHERE p.method = $1
      AND r.accepted_at >= $2::date::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND r.accepted_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND r.status <> 'failed'
      AND p.channel <> 'wallet' AND (p.channel <> 'none' OR $3::boolean))
SELECT coalesce(b.kind, o.kind), coalesce(b.number, o.number), coalesce(b.nth, 0), b.file, b.line,
       b.channel_no, b.fen, b.fee_e5, b.due, b.state, b.state_text, b.at, o.id, o.fen, o.status, o.at,
       CASE WHEN b.nth > 1 THEN 'duplicate_channel'
            WHEN b.line IS NOT NULL AND o.id IS NOT NULL THEN
                app.reconcile_class(b.kind, b.state, b.fen,
                                    coalesce(abs(b.fee_e5 - b.due) > $5::bigint, false),
                                    o.status, o.fen) END
FROM (SELECT t.*, CASE t.kind WHEN 'payment' THEN 1 ELSE -1 END
                      * ((t.settled_fen * $4::bigint + 500) / 1000) AS due
      FROM reconcile_bill t
      WHERE t.kind <> 'flow') b
FULL JOIN ours o ON b.number = o.number AND b.kind = o.kind AND b.nth = o.nth
