update diner.run
set status = $2, exit_status = $3::integer, error = $4, hint = $5, finished_at = clock_timestamp()
where id = $1::bigint
