/* What the server counts for the whole database; active_time since PostgreSQL 14. */
select /* diner perf-report snapshot */
       (to_jsonb(d) ->> 'active_time')::float8,
       d.xact_commit::float8,
       d.tup_returned::float8,
       d.blks_hit::float8,
       d.blks_read::float8,
       d.blk_read_time::float8,
       coalesce(extract(epoch from d.stats_reset), 0)::float8
  from pg_stat_database d
 where d.datname = current_database()
