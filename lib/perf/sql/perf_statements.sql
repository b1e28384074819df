/* Statements finished in this database so far, those of this report left out. Reset and eviction
   counters come along, so that a difference across either is not taken for a measurement. */
select /* diner perf-report snapshot */
       coalesce(sum(s.calls), 0)::float8,
       coalesce(sum(s.total_exec_time), 0)::float8,
       coalesce(sum(s.rows), 0)::float8,
       coalesce(sum(s.shared_blks_hit), 0)::float8,
       coalesce(sum(s.shared_blks_read), 0)::float8,
       (select i.dealloc::float8 from pg_stat_statements_info i),
       (select extract(epoch from i.stats_reset)::float8 from pg_stat_statements_info i),
       coalesce(sum(s.wal_bytes), 0)::float8
  from pg_stat_statements s
 where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
   and s.toplevel
   and position('diner perf-report snapshot' in s.query) = 0
