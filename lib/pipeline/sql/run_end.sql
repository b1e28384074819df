-- $6, $7: of a run that is led under a lease the task and its attempt; only who has it ends the run.
update diner.run
set status = $2, exit_status = $3::integer, error = $4, hint = $5, finished_at = clock_timestamp()
where id = $1::bigint
  and ($6::bigint is null
       or exists (select from diner.task
                  where id = $6::bigint and attempt = $7::integer and state in ('leased', 'done')))
