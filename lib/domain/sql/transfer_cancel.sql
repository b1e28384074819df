-- $1 id, $2 only this store (null: any)
SELECT t.problem, t.message, t.details, t.store, t.products, $1::bigint
FROM app.transfer_cancel($1::bigint, $2) t
