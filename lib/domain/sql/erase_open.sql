-- $1 ids of one person's members: what must come to its end first
SELECT (SELECT coalesce(sum(w.balance), 0) FROM app.wallets w
        WHERE w.member_id = ANY ($1::bigint[]))::numeric(12,2)::text,
       (SELECT count(*) FROM app.orders o
        WHERE o.member_id = ANY ($1::bigint[]) AND o.status NOT IN ('fulfilled', 'cancelled')),
       (SELECT count(*) FROM app.orders o JOIN app.refunds r ON r.order_id = o.id
        WHERE o.member_id = ANY ($1::bigint[]) AND r.status NOT IN ('succeeded', 'failed')),
       (SELECT count(*) FROM app.orders o JOIN app.payments p ON p.order_id = o.id
        WHERE o.member_id = ANY ($1::bigint[]) AND p.status IN ('created', 'sent')),
       (SELECT min(o.order_no) FROM app.orders o
        WHERE o.member_id = ANY ($1::bigint[]) AND o.status NOT IN ('fulfilled', 'cancelled'))
