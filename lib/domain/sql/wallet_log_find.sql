-- $1 kind, $2 reference, $3 member id, $4 amount: the entry under that reference, and whether it is
-- the same
SELECT l.id, l.member_id = $3::bigint AND l.amount = $4::numeric
FROM app.wallet_log l
WHERE l.kind = $1 AND l.ref = $2
