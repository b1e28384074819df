/* How much of its numbers each sequence has used: those of its own maximum, or of the column it
   feeds where that is narrower. Cycling and descending ones never run out this way. */
select /* diner perf-report snapshot */
       s.schemaname,
       s.sequencename,
       s.last_value::float8,
       least(s.max_value::numeric,
             case a.atttypid when 'int2'::regtype then 32767
                             when 'int4'::regtype then 2147483647
                             else s.max_value::numeric end)::float8,
       t.relname,
       a.attname,
       format_type(a.atttypid, a.atttypmod)
  from pg_sequences s
  join pg_class c on c.relname = s.sequencename
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = s.schemaname
  left join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass
                       and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
                       and d.deptype in ('a', 'i')
  left join pg_class t on t.oid = d.refobjid
  left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
 where c.relkind = 'S'
   and s.last_value is not null
   and s.increment_by > 0
   and not s.cycle
 order by s.schemaname, s.sequencename
 limit 10000
