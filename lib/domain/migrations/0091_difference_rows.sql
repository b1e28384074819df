-- As before, joined as sets: looked up row by row, a day on which nothing agreed took minutes to list.
CREATE INDEX idx_differences_late ON app.differences (kind, local_id) WHERE is_late;

CREATE OR REPLACE VIEW app.difference_rows AS
SELECT d.*, c.channel, c.bill_date, c.bill_hash,
       (last.bill_date - c.bill_date)::integer AS age_days,
       late.bill_date AS closed_on,
       o.order_no, o.status AS order_status, s.code AS store
FROM app.differences d
JOIN app.reconciliations c ON c.id = d.reconciliation_id
CROSS JOIN LATERAL (SELECT max(x.bill_date) AS bill_date FROM app.reconciliations x
                    WHERE x.channel = c.channel AND x.is_current) last
-- The first bill that has what another day's was without.
LEFT JOIN (SELECT l.kind, l.local_id, min(x.bill_date) AS bill_date
           FROM app.differences l
           JOIN app.reconciliations x ON x.id = l.reconciliation_id AND x.is_current
           WHERE l.is_late
           GROUP BY l.kind, l.local_id) late
       ON d.class = 'local_only' AND late.kind = d.kind AND late.local_id = d.local_id
LEFT JOIN app.payments p ON d.kind = 'payment' AND p.id = d.local_id
LEFT JOIN app.refunds r ON d.kind = 'refund' AND r.id = d.local_id
LEFT JOIN app.orders o ON o.id = coalesce(p.order_id, r.order_id)
LEFT JOIN app.stores s ON s.id = o.store_id
WHERE c.is_current OR d.handled_at IS NOT NULL;
