-- $1 reconciliation: what the classes add up to, and how many differ.
SELECT coalesce(sum(channel_rows), 0)::bigint,
       coalesce(sum(channel_fen) FILTER (WHERE kind = 'payment'), 0)::bigint,
       coalesce(sum(channel_fen) FILTER (WHERE kind = 'refund'), 0)::bigint,
       coalesce(sum(channel_rows) FILTER (WHERE class IN ('matched', 'other_day')), 0)::bigint,
       coalesce(sum(local_rows), 0)::bigint,
       (SELECT count(*) FROM reconcile_pair p WHERE p.class NOT IN ('matched', 'other_day'))
FROM app.reconciliation_totals
WHERE reconciliation_id = $1::bigint
