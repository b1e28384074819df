-- Sessions of a worker whose lease ran out: what it has open must not hold up who comes after it.
select count(pg_terminate_backend(pid))
from pg_stat_activity
where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
  and starts_with(application_name, $1)
