-- Of a worker of the run: another run that began meanwhile has marked this one as interrupted.
select status = 'running' from diner.run where id = $1::bigint for share
