-- $1 from store, $2 to store, $3 items, $4 note, $5 user
SELECT t.problem, t.message, t.details, f.id, t.products, t.id
FROM app.stores f
JOIN app.stores d ON d.code = $2
CROSS JOIN LATERAL app.transfer_send(f.id, d.id, $3::jsonb, $4, $5::bigint) t
WHERE f.code = $1
