/* The foreign keys of the tables of perf_tables.sql, by table. $1: their oids. */
select /* diner perf-report snapshot */
       k.conrelid,
       k.conname,
       (select string_agg(a.attname, ', ' order by o.n)
          from unnest(k.conkey) with ordinality o(attnum, n)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.attnum),
       n.nspname || '.' || c.relname,
       (select string_agg(a.attname, ', ' order by o.n)
          from unnest(k.confkey) with ordinality o(attnum, n)
          join pg_attribute a on a.attrelid = k.confrelid and a.attnum = o.attnum)
  from pg_constraint k
  join pg_class c on c.oid = k.confrelid
  join pg_namespace n on n.oid = c.relnamespace
 where k.contype = 'f'
   and k.conrelid = any ($1::oid[])
 order by k.conrelid, k.conname
