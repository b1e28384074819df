-- The run that is led from now on, unless its lease is another's: host and pid are those of who does.
update diner.run
set status = 'running', host = $4, pid = $5::integer
where id = $1::bigint and status in ('waiting', 'running')
  and exists (select from diner.task
              where id = $2::bigint and attempt = $3::integer and state = 'leased')
