-- $1 store, $2 items, $3 counted at (null: now)
SELECT t.problem, t.message, t.details, s.id, NULL::bigint[], NULL::bigint
FROM app.stores s,
     LATERAL app.stock_take_problem(s.id, $2::jsonb, coalesce($3::timestamptz, now())) t
WHERE s.code = $1
