-- $1 member id, $2 kind, $3 signed amount, $4 reference, $5 order id, $6 note, $7 user: the wallet and
-- its ledger in one statement; no row when there is not that much in it.
WITH moved AS (
    UPDATE app.wallets w
    SET balance = w.balance + $3::numeric, version = w.version + 1, updated_at = clock_timestamp()
    WHERE w.member_id = $1::bigint AND w.balance + $3::numeric >= 0
    RETURNING w.member_id, w.balance
)
INSERT INTO app.wallet_log (member_id, kind, ref, amount, balance_after, order_id, note, user_id,
                            created_at)
SELECT m.member_id, $2, $4, $3::numeric, m.balance, $5::bigint, $6, $7::bigint, clock_timestamp()
FROM moved m
RETURNING id
