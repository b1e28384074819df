select a.attname,
       case t.typtype when 'd' then t.typbasetype else t.oid end::bigint,
       case t.typtype when 'd' then t.typtypmod else a.atttypmod end,
       format_type(a.atttypid, a.atttypmod),
       a.attnotnull,
       coalesce(array_position(k.indkey::smallint[], a.attnum) + 1, 0) as key_place
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_index k on k.indrelid = c.oid and k.indisprimary
where n.nspname = $1
  and c.relname = $2
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and a.attnum > 0
  and not a.attisdropped
order by a.attnum
