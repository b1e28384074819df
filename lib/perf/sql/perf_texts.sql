/* The texts of the statements of this database; NULL for those of this report. Those of other users
   may be kept from us: they have no id then, and stand for one row here. */
select /* diner perf-report snapshot */
       distinct on (1)
       coalesce(s.queryid, 0),
       case when position('diner perf-report' in s.query) = 0 then left(s.query, 65536) end,
       length(s.query) > 65536
  from pg_stat_statements s
 where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
   and s.toplevel
 order by 1, s.query = '<insufficient privilege>', s.userid
