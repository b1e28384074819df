-- Tasks that ended their worker again and again.
update diner.task
set state = 'failed', code = 'ERR_FAILED', lease_until = null, finished_at = clock_timestamp(),
    error = 'the worker that had it was lost, ' || lost + 1 || ' times'
where run_id = $1::bigint and stream = $2 and state = 'leased' and lost >= $3::integer
  and lease_until < clock_timestamp()
