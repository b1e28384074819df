-- Statements that make the table $2 beside the table $1 (an oid): its columns, defaults, checks,
-- storage and owner; no index, no foreign key.
with t as (
    select c.*, quote_ident(n.nspname) as schema, format('%I.%I', n.nspname, c.relname) as old,
           format('%I.%I', n.nspname, $2::text) as new, m.amname, s.spcname,
           (select string_agg(o, ', ') from (
                select format('%I = %L', option_name, option_value) as o
                from pg_options_to_table(c.reloptions)
                union all
                select format('toast.%I = %L', option_name, option_value)
                from pg_class h, pg_options_to_table(h.reloptions) where h.oid = c.reltoastrelid
           ) x) as options
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_am m on m.oid = c.relam
    left join pg_tablespace s on s.oid = c.reltablespace
    where c.oid = $1::oid
), a as (
    select a.*, t.new
    from t join pg_attribute a on a.attrelid = t.oid
    where a.attnum > 0 and not a.attisdropped
)
select statement
from (
    select 1 as step, 0 as place, format(
        'create %stable %s (like %s including all excluding indexes excluding statistics) using %I%s%s',
        case relpersistence when 'u' then 'unlogged ' else '' end, new, old, amname,
        coalesce(' with (' || options || ')', ''),
        coalesce(' tablespace ' || quote_ident(spcname), '')) as statement
    from t
    union all
    select 2, 0, format('alter table %s owner to %I', new, pg_get_userbyid(relowner))
    from t where pg_get_userbyid(relowner) <> current_user
    union all
    select 3, a.attnum, format(
        'select setval(pg_get_serial_sequence(%L, %L), last_value, is_called) from %s', a.new, a.attname,
        d.objid::regclass)
    from a join pg_depend d on d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
    where a.attidentity <> ''
    union all
    select 4, a.attnum, format('alter table %s alter column %I set statistics %s', a.new, a.attname,
        a.attstattarget)
    from a where a.attstattarget >= 0
    union all
    select 5, a.attnum, format('alter table %s alter column %I set (%s)', a.new, a.attname,
        (select string_agg(format('%I = %L', option_name, option_value), ', ')
         from pg_options_to_table(a.attoptions)))
    from a where a.attoptions is not null
) x
order by step, place
