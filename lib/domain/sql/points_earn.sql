-- $1 member id, $2 reference, $3 points, $4 order id, $5 note, $6 user, $7 time zone, $8 how long they
-- hold (null: for ever), $9 the day on which they are over (null: by $8): the entry; null: that
-- reference was counted before
SELECT app.points_earn(json_populate_record(NULL::app.points_log, json_build_object(
           'member_id', $1::bigint, 'kind', 'earn', 'ref', $2::text, 'amount', $3::bigint,
           'order_id', $4::bigint, 'note', $5::text, 'user_id', $6::bigint)),
       CASE WHEN $9::date IS NULL THEN app.points_end($8::interval, $7)
            ELSE $9::date::timestamp AT TIME ZONE $7 END)
