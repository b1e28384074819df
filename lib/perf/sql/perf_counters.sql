/* What each statement of this database has cost so far; without texts, so that it is quick. */
select /* diner perf-report snapshot */
       s.queryid,
       sum(s.calls)::float8,
       sum(s.rows)::float8,
       sum(s.total_exec_time)::float8,
       sum(s.total_plan_time)::float8,
       sum(s.shared_blks_hit)::float8,
       sum(s.shared_blks_read)::float8,
       sum(s.shared_blks_dirtied)::float8,
       sum(s.temp_blks_read + s.temp_blks_written)::float8,
       sum(s.wal_bytes)::float8
  from pg_stat_statements(false) s
 where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
   and s.toplevel
   and s.queryid is not null
 group by s.queryid
 order by s.queryid
