-- $1 store, $2 items, $3 counted at (null: now), $4 note, $5 user
SELECT t.problem, t.message, t.details, s.id, t.products, t.id
FROM app.stores s,
     LATERAL app.stock_take_post(s.id, $2::jsonb, coalesce($3::timestamptz, clock_timestamp()), $4,
                                 $5::bigint) t
WHERE s.code = $1
