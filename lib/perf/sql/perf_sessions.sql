/* What the sessions of this database are at now, but for our own. */
select /* diner perf-report snapshot */
       coalesce(a.state, ''),
       coalesce(a.wait_event_type, ''),
       coalesce(a.wait_event, ''),
       count(*)::int,
       coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)::float8,
       coalesce(max(extract(epoch from clock_timestamp() - a.state_change))
                filter (where a.state like 'idle in transaction%'), 0)::float8
  from pg_stat_activity a
 where a.datname = current_database()
   and a.backend_type = 'client backend'
   and a.application_name not like 'diner perf-report%'
 group by 1, 2, 3
