-- $1 channel, $2 day, $3 how far off a fee may be: what the bill has and our day has not is looked for
-- once on all days, by its number and by the channel's; what we have alone is told from what we have
-- twice; and a row that the bill of another day has had is a duplicate here.
INSERT INTO reconcile_found
WITH missing AS MATERIALIZED (
    SELECT m.*, coalesce(abs(m.fee_e5 - m.fee_due_e5) > $3::bigint, false) AS fee_is_off
    FROM reconcile_pair m
    WHERE m.local_id IS NULL AND m.nth = 1),
hits AS (
    SELECT m.kind, m.number, 1 AS way, p.id, (p.amount * 100)::bigint AS fen, p.status, p.paid_at AS at
    FROM missing m
    JOIN app.payments p ON p.payment_no = m.number COLLATE "default"
    WHERE m.kind = 'payment'
    UNION ALL
    SELECT m.kind, m.number, 2, p.id, (p.amount * 100)::bigint, p.status, p.paid_at
    FROM missing m
    JOIN app.payments p ON p.transaction_id = m.channel_no AND p.method = $1
    WHERE m.kind = 'payment'
    UNION ALL
    SELECT m.kind, m.number, 1, r.id, (r.amount * 100)::bigint, r.status, r.accepted_at
    FROM missing m
    JOIN app.refunds r ON r.refund_no = m.number COLLATE "default"
    WHERE m.kind = 'refund'),
first_hits AS (
    SELECT DISTINCT ON (kind, number) * FROM hits ORDER BY kind, number, way, id),
hit AS (
    SELECT h.*, (h.at AT TIME ZONE 'Asia/Shanghai')::date AS local_date,
           -- Of two rows of the bill that mean one of ours the second is one too many.
           row_number() OVER (PARTITION BY h.kind, h.id ORDER BY h.way, h.number) > 1
               OR h.way = 2 AND EXISTS (SELECT FROM reconcile_pair q
                                        WHERE q.kind = h.kind AND q.local_id = h.id AND q.nth = 1)
               AS is_taken
    FROM first_hits h),
-- Rows of ours that the bills of other days have.
late AS (
    SELECT d.kind, d.local_id, min(c.bill_date) AS bill_date
    FROM app.reconciliations c
    JOIN app.differences d ON d.reconciliation_id = c.id AND d.is_late
    WHERE c.channel = $1 AND c.is_current AND c.bill_date <> $2::date
    GROUP BY d.kind, d.local_id),
-- The day of a hit whose own bill has had it.
had AS (
    SELECT h.kind, h.number, c.bill_date
    FROM hit h
    JOIN app.reconciliations c
      ON c.channel = $1 AND c.is_current AND c.bill_date = h.local_date AND c.bill_date <> $2::date
    WHERE NOT EXISTS (SELECT FROM app.differences d
                      WHERE d.reconciliation_id = c.id AND d.kind = h.kind AND d.local_id = h.id
                        AND (d.class IN ('local_only', 'duplicate_local')
                             OR d.class = 'duplicate_channel' AND d.other_date = $2::date)))
SELECT m.kind, m.number, m.nth,
       CASE WHEN h.id IS NULL THEN 'channel_only'
            WHEN h.is_taken OR l.bill_date IS NOT NULL OR a.bill_date IS NOT NULL
                THEN 'duplicate_channel'
            ELSE CASE app.reconcile_class(m.kind, m.state, m.fen, m.fee_is_off, h.status, h.fen)
                     WHEN 'matched' THEN CASE WHEN h.local_date = $2::date THEN 'matched'
                                              ELSE 'other_day' END
                     ELSE app.reconcile_class(m.kind, m.state, m.fen, m.fee_is_off, h.status, h.fen)
                 END END,
       h.id, h.fen, h.status, h.at,
       h.id IS NOT NULL AND h.local_date IS DISTINCT FROM $2::date
           AND NOT (h.is_taken OR l.bill_date IS NOT NULL OR a.bill_date IS NOT NULL),
       coalesce(l.bill_date, a.bill_date,
                CASE WHEN h.local_date <> $2::date THEN h.local_date END)
FROM missing m
LEFT JOIN hit h USING (kind, number)
LEFT JOIN late l ON l.kind = h.kind AND l.local_id = h.id
LEFT JOIN had a ON a.kind = h.kind AND a.number = h.number
UNION ALL
-- Ours alone: unless a row of the bill under another number means it.
SELECT q.kind, q.number, 0,
       CASE WHEN EXISTS (SELECT FROM hit h
                         WHERE h.kind = q.kind AND h.id = q.local_id AND NOT h.is_taken)
                THEN 'matched'
            WHEN EXISTS (SELECT FROM app.payments p
                         JOIN app.payments t ON t.transaction_id = p.transaction_id AND t.id <> p.id
                         WHERE q.kind = 'payment' AND p.id = q.local_id AND t.status = 'succeeded'
                           AND (t.id < p.id OR EXISTS (SELECT FROM reconcile_pair x
                                                       WHERE x.kind = 'payment' AND x.nth = 1
                                                         AND x.local_id = t.id)))
                THEN 'duplicate_local'
            ELSE 'local_only' END,
       q.local_id, q.local_fen, q.local_status, q.local_at, false, NULL
FROM reconcile_pair q
WHERE q.nth = 0
UNION ALL
-- On both sides, but the bill of another day has had it.
SELECT q.kind, q.number, q.nth, 'duplicate_channel', q.local_id, q.local_fen, q.local_status,
       q.local_at, false, l.bill_date
FROM late l
JOIN reconcile_pair q ON q.kind = l.kind AND q.local_id = l.local_id AND q.nth = 1
