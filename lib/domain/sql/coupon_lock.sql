-- $1 codes as a JSON list, $2 order id or null: these coupons and those that the order used, locked
-- in the order of their ids.
SELECT u.id
FROM app.coupons u
WHERE u.code IN (SELECT jsonb_array_elements_text($1::jsonb))
   OR u.id IN (SELECT d.coupon_id FROM app.order_discounts d
               WHERE d.order_id = $2::bigint AND d.returned_at IS NULL)
ORDER BY u.id
FOR NO KEY UPDATE
