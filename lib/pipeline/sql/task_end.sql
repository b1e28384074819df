-- $3 done, failed, cancelled; or waiting: given back. Only under the attempt that it was taken with; a run
-- that ended may be told once more how.
update diner.task
set state = $3, code = $4, error = $5, hint = $6, lease_until = null,
    finished_at = case when $3 <> 'waiting' then clock_timestamp() end
where id = $1::bigint and attempt = $2::integer
  and (state = 'leased' or (stream = '' and state = 'done' and $3 <> 'waiting'))
