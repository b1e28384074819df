-- $1 member id: the wallet, locked; no row when it was never used
SELECT w.balance::text
FROM app.wallets w
WHERE w.member_id = $1::bigint
FOR UPDATE
