-- $1 ids as an array, $2 order id or null, $3 instant (null: now): these campaigns and those that the
-- order took from, where they have a budget, locked in the order of their ids.
SELECT c.id, c.ended_at <= coalesce($3::timestamptz, clock_timestamp()), ((c.budget - c.spent) * 100)::bigint
FROM app.campaigns c
WHERE c.budget IS NOT NULL
  AND (c.id = ANY ($1::bigint[])
       OR c.id IN (SELECT d.campaign_id FROM app.order_discounts d
                   WHERE d.order_id = $2::bigint AND d.returned_at IS NULL))
ORDER BY c.id
FOR NO KEY UPDATE
