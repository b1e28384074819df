-- The server's client sessions, and how many it allows.
select count(*), current_setting('max_connections')::bigint
from pg_stat_activity
where backend_type = 'client backend'
