-- $1 reconciliation: every row of either side in its class; one of ours where the bill has it, once, and
-- not before it has come in.
INSERT INTO app.reconciliation_totals
    (reconciliation_id, kind, class, channel_rows, channel_fen, local_rows, local_fen, fee_e5)
SELECT $1::bigint, p.kind, p.class, count(p.line), coalesce(sum(p.fen), 0),
       count(p.local_id) FILTER (WHERE c.counts), coalesce(sum(p.local_fen) FILTER (WHERE c.counts), 0),
       coalesce(sum(p.fee_e5), 0)
FROM reconcile_pair p
CROSS JOIN LATERAL (SELECT p.class <> 'duplicate_channel'
                           AND (p.kind = 'refund' OR p.class <> 'status')
                           AND (p.nth > 0 OR p.class <> 'matched') AS counts) c
WHERE p.class <> 'flow'
GROUP BY p.kind, p.class
