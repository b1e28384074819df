-- $1 order id, $2 reason
SELECT NULL::text, s.store, s.products FROM app.stock_restore($1::bigint, $2) s
