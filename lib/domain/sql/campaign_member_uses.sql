-- $1 ids of campaigns as an array, $2 member's id, $3 order id or null: how many of the member's other orders
-- have each.
SELECT c.id, app.campaign_member_orders(c.id, $2::bigint, $3::bigint)
FROM unnest($1::bigint[]) c (id)
