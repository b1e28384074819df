-- $1 how far off a fee may be: of each payment the fund bill has what the trade bill says that it comes
-- to, less its fee. What is about neither (refunds, withdrawals) was not staged.
INSERT INTO reconcile_pair (kind, number, nth, file, line, channel_no, fen, fee_e5, at, local_fen, class)
SELECT 'payment', coalesce(s.number, f.channel_no), 1, s.file, s.line, coalesce(s.channel_no, f.channel_no),
       (s.net_e5 / 1000)::bigint, s.fee_e5, coalesce(s.at, f.at), f.fen, 'flow'
FROM (SELECT b.*, b.settled_fen * 1000 - b.fee_e5 AS net_e5
      FROM reconcile_bill b
      WHERE b.kind = 'payment' AND b.nth = 1) s
FULL JOIN (SELECT b.channel_no, sum(b.fen)::bigint AS fen, min(b.at) AS at
           FROM reconcile_bill b
           WHERE b.kind = 'flow'
           GROUP BY b.channel_no) f ON f.channel_no = s.channel_no
WHERE abs(coalesce(s.net_e5, 0) - coalesce(f.fen, 0) * 1000) > $1::bigint
