-- $1 order id, $2 reservation id or null
SELECT s.store, s.products FROM app.stock_sell($1::bigint, $2::bigint) s
