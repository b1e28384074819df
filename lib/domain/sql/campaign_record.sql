-- $1 order id, $2 [{"line_no","campaign","coupon","amount"}]: what was taken off. A line of an order
-- that is priced anew may have had it before.
INSERT INTO app.order_discounts (order_id, line_no, campaign_id, coupon_id, amount, created_at,
                                 updated_at)
SELECT $1::bigint, d.line_no, d.campaign, d.coupon, d.amount, clock_timestamp(), clock_timestamp()
FROM jsonb_to_recordset($2::jsonb) AS d (line_no integer, campaign bigint, coupon bigint,
                                         amount numeric)
ORDER BY d.campaign, d.line_no
ON CONFLICT (order_id, campaign_id, line_no) DO UPDATE
SET coupon_id = excluded.coupon_id, amount = excluded.amount, returned_at = NULL,
    updated_at = clock_timestamp()
