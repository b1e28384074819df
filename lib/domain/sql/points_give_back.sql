-- $1 member id, $2 reference, $3 points, $4 the spending, $5 order id, $6 note, $7 user, $8 time zone,
-- $9 how long those hold that come back too late (null: they are lost): the entry
SELECT app.points_give_back(json_populate_record(NULL::app.points_log, json_build_object(
           'member_id', $1::bigint, 'kind', 'refund', 'ref', $2::text, 'amount', $3::bigint,
           'origin_id', $4::bigint, 'order_id', $5::bigint, 'note', $6::text,
           'user_id', $7::bigint)), app.points_end($9::interval, $8))
