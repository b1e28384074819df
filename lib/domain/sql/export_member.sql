-- $1 ids of one person's members, $2 number that was asked for: all that is kept about them
WITH own AS (
    SELECT m.* FROM app.members m WHERE m.id = ANY ($1::bigint[])
), bought AS (
    SELECT o.id, o.order_no, o.created_at FROM app.orders o WHERE o.member_id = ANY ($1::bigint[])
), told AS (
    SELECT x.id, x.type, x.key, x.created_at
    FROM app.outbox x
    WHERE x.key IN (SELECT b.order_no FROM bought b) OR x.key IN (SELECT w.member_no FROM own w)
)
SELECT json_build_object(
    'exported_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'member', (SELECT app.member_document(m, true, CASE WHEN m.member_no <> $2 THEN $2 END)
               FROM app.members m JOIN own w ON w.id = m.id WHERE m.merged_into IS NULL),
    'merged_members', (SELECT coalesce(json_agg(app.member_document(m, true, NULL) ORDER BY m.id), '[]'::json)
                       FROM app.members m JOIN own w ON w.id = m.id WHERE m.merged_into IS NOT NULL),
    'merges', (SELECT coalesce(json_agg(d.document ORDER BY d.id), '[]'::json)
               FROM app.member_merges g JOIN app.member_merge_documents d ON d.id = g.id
               WHERE g.survivor_id = ANY ($1::bigint[]) OR g.other_id = ANY ($1::bigint[])),
    'orders', (SELECT coalesce(json_agg(d.document ORDER BY d.id), '[]'::json)
               FROM bought b JOIN app.order_documents d ON d.id = b.id),
    'payments', (SELECT coalesce(json_agg(json_build_object('order_no', b.order_no, 'payment', p.document)
                                          ORDER BY p.id), '[]'::json)
                 FROM bought b JOIN app.payment_documents p ON p.order_id = b.id),
    'refunds', (SELECT coalesce(json_agg(json_build_object('order_no', b.order_no, 'refund', r.document)
                                         ORDER BY r.id), '[]'::json)
                FROM bought b JOIN app.refund_documents r ON r.order_id = b.id),
    'wallets', (SELECT coalesce(json_agg(json_build_object(
                           'member_no', w.member_no, 'currency', a.currency, 'balance', a.balance::text,
                           'log', (SELECT coalesce(json_agg(l.document ORDER BY l.id), '[]'::json)
                                   FROM app.wallet_log_documents l WHERE l.member_id = w.id))
                           ORDER BY w.id), '[]'::json)
                FROM own w JOIN app.wallets a ON a.member_id = w.id),
    'points', (SELECT coalesce(json_agg(json_build_object(
                          'member_no', w.member_no, 'balance', a.balance,
                          'lots', (SELECT coalesce(json_agg(json_build_object(
                                              'points', t.remain,
                                              'earned_at', to_char(t.earned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                              'expires_at', to_char(t.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                                              ORDER BY t.id), '[]'::json)
                                   FROM app.points_lots t WHERE t.member_id = w.id AND t.remain > 0),
                          'log', (SELECT coalesce(json_agg(l.document ORDER BY l.id), '[]'::json)
                                  FROM app.points_log_documents l WHERE l.member_id = w.id))
                          ORDER BY w.id), '[]'::json)
               FROM own w JOIN app.points a ON a.member_id = w.id),
    'levels', (SELECT coalesce(json_agg(json_build_object(
                          'member_no', w.member_no, 'from', h.from_level, 'to', h.to_level,
                          'at', to_char(h.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                          ORDER BY h.id), '[]'::json)
               FROM own w JOIN app.tier_history h ON h.member_id = w.id),
    'coupons', (SELECT coalesce(json_agg(d.document ORDER BY d.id), '[]'::json)
                FROM own w JOIN app.coupon_documents d ON d.member_no = w.member_no),
    'notifications', (SELECT coalesce(json_agg(json_build_object(
                                 'type', t.type, 'about', t.key, 'channel', n.channel, 'state', n.state,
                                 'created_at', to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                 'sent_at', to_char(n.sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                                 ORDER BY t.id, n.channel), '[]'::json)
                      FROM told t LEFT JOIN app.notifications n ON n.outbox_id = t.id))::text
