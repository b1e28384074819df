-- The shape of a table, one line of DDL a row: columns in their order, then constraints, then other
-- indexes. No row: there is no such table.
select 'column' as kind, a.attname as name,
       format_type(a.atttypid, a.atttypmod) as type,
       case when a.attnotnull then ' not null' else '' end
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as rest,
       1 as part, a.attnum::int as place
from pg_attribute a
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', c.conname, pg_get_constraintdef(c.oid), '', 2, 0
from pg_constraint c
where c.conrelid = to_regclass($1)
union all
select 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), '', 3, 0
from pg_index i
where i.indrelid = to_regclass($1)
  and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
order by part, place, name
