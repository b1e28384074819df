-- $1 merge: what goes back into the other's wallet: what came out of it, and what its orders took
-- out of and gave back to other wallets since
SELECT (g.wallet_amount
        + coalesce((SELECT sum(l.amount) FROM app.wallet_log l
                    WHERE l.member_id <> g.other_id AND l.order_id = ANY (g.orders)
                      AND l.created_at >= g.created_at), 0))::numeric(12,2)::text,
       (SELECT w.balance::text FROM app.wallets w WHERE w.member_id = g.survivor_id)
FROM app.member_merges g
WHERE g.id = $1::bigint
