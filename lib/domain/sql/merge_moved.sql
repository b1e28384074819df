-- $1 merge, $2 its orders, $3 what came out of the wallet, $4 and of the points, $5 its coupons
UPDATE app.member_merges g
SET orders = $2::bigint[], wallet_amount = $3::numeric, points = $4::bigint, coupons = $5::bigint[], updated_at = now()
WHERE g.id = $1::bigint
