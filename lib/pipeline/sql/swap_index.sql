-- Statements that give the table $2, filled, the indexes of the table $1 (an oid) and its references to
-- other tables. Indexes get names of their own until the table has its name: _diner_index_OID.
with t as (
    select c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, $2::text) as new
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = $1::oid
), i as (
    select x.*, t.new, format('_diner_index_%s', x.indexrelid) as name, c.contype, s.spcname,
           pg_get_constraintdef(c.oid) as constraint_text, c.condeferrable, c.condeferred,
           pg_get_indexdef(x.indexrelid) as text, format('%I.', t.nspname) as schema,
           format('CREATE %sINDEX %I ON %I.%I ', case when x.indisunique then 'UNIQUE ' else '' end,
                  r.relname, t.nspname, t.relname) as start
    from t
    join pg_index x on x.indrelid = t.oid and x.indisvalid
    join pg_class r on r.oid = x.indexrelid
    left join pg_tablespace s on s.oid = r.reltablespace
    left join pg_constraint c on c.conindid = x.indexrelid and c.conrelid = t.oid and c.contype <> 'f'
)
select statement
from (
    select case when indisprimary then 1 when indisunique then 2 else 3 end as step,
           indexrelid as place, 1 as part,
           case when contype = 'x' then format('alter table %s add constraint %I %s', new, name, constraint_text)
                when starts_with(text, start) then
                    format('create %sindex %I on %s ', case when indisunique then 'unique ' else '' end, name, new)
                    || substr(text, length(start) + 1) end as statement
    from i
    union all
    select case when indisprimary then 1 when indisunique then 2 else 3 end, indexrelid, 2,
           format('alter table %s add constraint %I %s using index %I%s%s', new, name,
                  case contype when 'p' then 'primary key' else 'unique' end, name,
                  case when condeferrable then ' deferrable' else '' end,
                  case when condeferred then ' initially deferred' else '' end)
    from i where contype in ('p', 'u')
    union all
    select 4, indexrelid, 3, format('alter index %s%I set tablespace %I', schema, name, spcname)
    from i where spcname is not null
    union all
    select 5, c.oid, 1, format('alter table %s add constraint %I %s', t.new, c.conname, pg_get_constraintdef(c.oid))
    from t join pg_constraint c on c.conrelid = t.oid and c.contype = 'f' and c.confrelid <> t.oid
    union all
    select 6, 0, 1, 'analyze ' || new from t
) x
order by step, place, part
