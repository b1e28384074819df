-- $1 codes as a JSON list, $2 member's id, $3 order id or null, $4 store, $5 instant (null: now): of the
-- coupons that this member, or one who was merged into it, may use; whether they are used up, but for what
-- the order itself used, and whether their last business day is over in the store.
SELECT u.code, u.id, u.campaign_id,
       u.uses >= u.uses_max
       AND NOT EXISTS (SELECT FROM app.order_discounts d
                       WHERE d.order_id = $3::bigint AND d.coupon_id = u.id AND d.returned_at IS NULL),
       coalesce(u.expires_on < (SELECT (coalesce($5::timestamptz, clock_timestamp()) AT TIME ZONE s.timezone
                                        - s.cutoff)::date
                                FROM app.stores s WHERE s.code = $4), false)
FROM app.coupons u
WHERE u.code IN (SELECT jsonb_array_elements_text($1::jsonb))
  AND (u.member_id IS NULL OR app.member_root(u.member_id) = $2::bigint)
ORDER BY u.id
