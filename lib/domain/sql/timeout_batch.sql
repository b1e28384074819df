-- $1 age in ms, $2 at most so many, $3 reason
SELECT app.orders_time_out(clock_timestamp() - $1::bigint * interval '1 ms', $2::bigint, $3)
