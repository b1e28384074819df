-- $1 id, $2 only this store (null: all)
SELECT r.problem, r.message, r.details, r.store, r.products, $1::bigint
FROM app.reservation_release($1::bigint, $2) r
