-- $1 codes as a JSON list, $2 member's id, $3 order id or null: of the coupons that this member, or
-- one who was merged into it, may use; whether they are used up, but for what the order itself used.
SELECT u.code, u.id, u.campaign_id,
       u.uses >= u.uses_max
       AND NOT EXISTS (SELECT FROM app.order_discounts d
                       WHERE d.order_id = $3::bigint AND d.coupon_id = u.id AND d.returned_at IS NULL)
FROM app.coupons u
WHERE u.code IN (SELECT jsonb_array_elements_text($1::jsonb))
  AND (u.member_id IS NULL OR app.member_root(u.member_id) = $2::bigint)
ORDER BY u.id
