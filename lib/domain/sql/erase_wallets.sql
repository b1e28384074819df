-- $1 ids
SELECT w.member_id FROM app.wallets w
WHERE w.member_id = ANY ($1::bigint[]) AND w.balance > 0
ORDER BY w.member_id
