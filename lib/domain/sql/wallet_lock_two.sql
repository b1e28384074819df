-- $1 and $2 member ids: their wallets, locked in the order of the ids
SELECT w.member_id, w.balance::text
FROM app.wallets w
WHERE w.member_id IN ($1::bigint, $2::bigint)
ORDER BY w.member_id
FOR UPDATE
