-- $1 order id, $2 points for each yuan, $3 tiers, $4 what each multiplies by, $5 time zone, $6 how long
-- they hold (null: for ever), $7 user: what the order cost earns, once
SELECT app.points_earn(json_populate_record(NULL::app.points_log, json_build_object(
           'member_id', e.member_id, 'kind', 'earn', 'ref', e.order_no, 'amount', e.points,
           'order_id', e.id, 'user_id', $7::bigint)), app.points_end($6::interval, $5))
FROM (SELECT o.id, o.order_no, o.member_id,
             floor(o.total_amount * $2::numeric *
                   coalesce((SELECT t.rate FROM unnest($3::text[], $4::numeric[]) AS t (name, rate)
                             WHERE t.name = m.level), 1))::bigint AS points
      FROM app.orders o
      JOIN app.members m ON m.id = o.member_id AND m.status = 'active'
      WHERE o.id = $1::bigint) e
WHERE e.points > 0
