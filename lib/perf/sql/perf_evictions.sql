/* Whether differences of pg_stat_statements can be trusted. */
select /* diner perf-report snapshot */
       i.dealloc::float8,
       extract(epoch from i.stats_reset)::float8
  from pg_stat_statements_info i
