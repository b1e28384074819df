-- $1 store, $2 items, $3 seconds, $4 note, $5 user
SELECT m.problem, m.message, m.details, s.id, m.products, m.id
FROM app.stores s, LATERAL app.reservation_make(s.id, $2::jsonb, $3::integer, $4, $5::bigint) m
WHERE s.code = $1
