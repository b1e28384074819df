-- $1 id, $2 only this store (null: any), $3 items (null: all on their way), $4 close
SELECT t.problem, t.message, t.details, t.store, t.products, $1::bigint
FROM app.transfer_receive($1::bigint, $2, $3::jsonb, $4::boolean) t
