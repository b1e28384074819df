/* Views, for statements are read through them. */
select /* diner perf-report snapshot */
       n.nspname, c.relname, pg_get_viewdef(c.oid)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'v'
   and n.nspname not in ('pg_catalog', 'information_schema')
   and length(pg_get_viewdef(c.oid)) <= 65536
 order by c.oid
 limit 1000
