-- $1 channel, $2 from, $3 to (null: any), $4 all days together, with the sum of the classes (class null):
-- the classes of the bills that count. Amounts in yuan.
SELECT CASE WHEN NOT $4::boolean THEN c.bill_date::text END AS day, c.channel, t.kind, t.class,
       sum(t.channel_rows)::bigint, sum(t.local_rows)::bigint,
       (sum(t.channel_fen) / 100.0)::numeric(20,2)::text,
       (sum(t.local_fen) / 100.0)::numeric(20,2)::text,
       ((sum(t.channel_fen) - sum(t.local_fen)) / 100.0)::numeric(20,2)::text,
       (sum(t.fee_e5) / 100000.0)::numeric(20,5)::text
FROM app.reconciliations c
JOIN app.reconciliation_totals t ON t.reconciliation_id = c.id
WHERE c.is_current
  AND ($1::text IS NULL OR c.channel = $1)
  AND ($2::date IS NULL OR c.bill_date >= $2::date)
  AND ($3::date IS NULL OR c.bill_date <= $3::date)
GROUP BY GROUPING SETS ((CASE WHEN NOT $4::boolean THEN c.bill_date::text END, c.channel, t.kind, t.class),
                        (CASE WHEN NOT $4::boolean THEN c.bill_date::text END, c.channel, t.kind))
HAVING $4::boolean OR GROUPING(t.class) = 0
ORDER BY c.channel, day, t.kind, GROUPING(t.class), t.class
