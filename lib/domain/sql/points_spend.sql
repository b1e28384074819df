-- $1 member id, $2 reference, $3 points (below zero), $4 order id, $5 note, $6 user: the entry; null:
-- there are not that many
SELECT app.points_spend(json_populate_record(NULL::app.points_log, json_build_object(
           'member_id', $1::bigint, 'kind', 'spend', 'ref', $2::text, 'amount', $3::bigint,
           'order_id', $4::bigint, 'note', $5::text, 'user_id', $6::bigint)))
