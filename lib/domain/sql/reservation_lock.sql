-- $1 id, $2 only this store (null: all)
SELECT l.problem, l.message, l.details, l.store, NULL::bigint[], $1::bigint
FROM app.reservation_lock($1::bigint, $2) l
