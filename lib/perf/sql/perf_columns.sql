/* The columns of the tables of perf_tables.sql, by table. $1: their oids. */
select /* diner perf-report snapshot */
       a.attrelid,
       a.attname,
       format_type(a.atttypid, a.atttypmod),
       a.attnotnull,
       coalesce(s.null_frac, 0)::float8,
       coalesce(s.n_distinct, 0)::float8,
       coalesce(s.avg_width, 0)
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
                      and s.attname = a.attname and not s.inherited
 where a.attrelid = any ($1::oid[])
   and a.attnum > 0
   and not a.attisdropped
 order by a.attrelid, a.attnum
