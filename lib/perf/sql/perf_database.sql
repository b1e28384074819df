/* The whole database: what it is, and its counters. A server that was never reset has counted at
   least since it started. */
select /* diner perf-report snapshot */
       current_setting('server_version'),
       current_setting('server_version_num')::int,
       coalesce((select n.nspname
                   from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                  where e.extname = 'pg_stat_statements'), ''),
       exists (select from pg_extension e where e.extname = 'hypopg'),
       extract(epoch from clock_timestamp()
                            - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8,
       coalesce(extract(epoch from d.stats_reset), 0)::float8,
       (select c.system_identifier from pg_control_system() c) || '/' || d.datid,
       pg_database_size(d.datid)::float8,
       d.xact_commit::float8,
       d.xact_rollback::float8,
       d.deadlocks::float8,
       d.temp_bytes::float8,
       d.blks_hit::float8,
       d.blks_read::float8,
       current_setting('max_connections')::float8,
       current_setting('superuser_reserved_connections')::float8,
       (extract(epoch from clock_timestamp()) * 1000000)::int8
  from pg_stat_database d
 where d.datname = current_database()
