update diner.reject set replayed_run_id = $2::bigint, closed_at = clock_timestamp()
where id = any ($1::bigint[])
