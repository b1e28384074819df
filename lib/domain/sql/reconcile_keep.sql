-- $1 reconciliation, $2 names of the files, as JSON: what differs takes the place of what differed before. What
-- a person has dealt with stays as it is, and is not found again while it is the same.
WITH found AS MATERIALIZED (
    SELECT p.*, ($2::jsonb ->> p.file) || ':' || p.line AS position
    FROM reconcile_pair p
    WHERE p.class <> 'matched'),
fresh AS MATERIALIZED (
    SELECT n.*
    FROM found n
    WHERE NOT EXISTS (
        SELECT FROM app.reconciliations c
        JOIN app.reconciliations s ON s.channel = c.channel AND s.bill_date = c.bill_date
        JOIN app.differences d ON d.reconciliation_id = s.id
        WHERE c.id = $1::bigint AND d.handled_at IS NOT NULL
          AND (d.kind, d.number, d.class, d.nth) = (n.kind, n.number, n.class, n.nth)
          AND (d.channel_fen, d.local_fen) IS NOT DISTINCT FROM (n.fen, n.local_fen))),
gone AS (
    DELETE FROM app.differences d
    WHERE d.reconciliation_id = $1::bigint AND d.handled_at IS NULL
      AND NOT EXISTS (SELECT FROM fresh n
                      WHERE (n.kind, n.number, n.class, n.nth) = (d.kind, d.number, d.class, d.nth)))
INSERT INTO app.differences AS d
    (reconciliation_id, kind, number, class, nth, position, channel_no, channel_fen, channel_fee_e5,
     channel_state, channel_at, local_id, local_fen, local_fee_e5, local_status, local_at, is_late,
     other_date)
SELECT $1::bigint, n.kind, n.number, n.class, n.nth, n.position, n.channel_no, n.fen, n.fee_e5,
       n.state_text, n.at, n.local_id, n.local_fen, n.fee_due_e5, n.local_status, n.local_at, n.is_late,
       n.other_date
FROM fresh n
ORDER BY n.kind, n.number, n.nth
ON CONFLICT (reconciliation_id, kind, number, class, nth) WHERE handled_at IS NULL
DO UPDATE SET position = excluded.position, channel_no = excluded.channel_no,
              channel_fen = excluded.channel_fen, channel_fee_e5 = excluded.channel_fee_e5,
              channel_state = excluded.channel_state, channel_at = excluded.channel_at,
              local_id = excluded.local_id, local_fen = excluded.local_fen,
              local_fee_e5 = excluded.local_fee_e5, local_status = excluded.local_status,
              local_at = excluded.local_at, is_late = excluded.is_late,
              other_date = excluded.other_date, updated_at = clock_timestamp()
