-- Statements that put the table $2 in the place of the table $1 (oids), both locked: what others may do
-- with it, the views that read it, the keys that refer to it; then its names. Written with an empty
-- search_path, so that every name is whole.
with t as (
    select o.*, s.nspname, format('%I.%I', s.nspname, o.relname) as shown,
           format('%I.%I', s.nspname, n.relname) as new, n.relname as new_name, n.relacl as new_acl, n.oid as new_oid,
           format('_diner_old_%s', o.oid) as parked
    from pg_class o join pg_namespace s on s.oid = o.relnamespace, pg_class n
    where o.oid = $1::oid and n.oid = $2::oid
), a as (
    select a.*, t.new, t.new_oid, t.nspname
    from t join pg_attribute a on a.attrelid = t.oid
    where a.attnum > 0 and not a.attisdropped
), i as (
    select x.*, r.relname, t.nspname, t.shown, format('_diner_index_%s', x.indexrelid) as name, c.oid as constraint_oid
    from t
    join pg_index x on x.indrelid = t.oid and x.indisvalid
    join pg_class r on r.oid = x.indexrelid
    left join pg_constraint c on c.conindid = x.indexrelid and c.conrelid = t.oid and c.contype <> 'f'
), v as (
    select distinct c.oid, c.reloptions, s.nspname, c.relname
    from t join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
        and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite r on r.oid = d.objid and r.ev_class <> t.oid
    join pg_class c on c.oid = r.ev_class
    join pg_namespace s on s.oid = c.relnamespace
), f as ( -- references to it, and its own to itself
    select c.*, t.shown, c.conrelid = t.oid as is_self,
           case when c.conrelid = t.oid then t.shown else c.conrelid::regclass::text end as of_table
    from t join pg_constraint c on c.confrelid = t.oid and c.contype = 'f' and c.conparentid = 0
)
select statement
from (
    select 10 as step, 0::oid as place, format('revoke all on table %s from %s', new,
        case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end) as statement
    from t, lateral (select grantee from aclexplode(new_acl) union select relowner) g
    where relacl is distinct from new_acl
    union all
    select 11, g.grantee, format('grant %s on table %s to %s%s', g.privilege_type, new,
        case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
        case when g.is_grantable then ' with grant option' else '' end)
    from t, aclexplode(coalesce(relacl, acldefault('r', relowner))) g
    where relacl is distinct from new_acl
    union all
    select 12, a.attnum::int::oid, format('grant %s (%I) on table %s to %s%s', g.privilege_type, a.attname, a.new,
        case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
        case when g.is_grantable then ' with grant option' else '' end)
    from a, aclexplode(a.attacl) g
    union all
    select 20, 0, format('comment on table %s is %L', new, obj_description(oid, 'pg_class'))
    from t where obj_description(oid, 'pg_class') is not null
    union all
    select 25, d.objid, format('alter sequence %s owned by %s.%I', d.objid::regclass, a.new, a.attname)
    from a join pg_depend d on d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'a'
    join pg_class s on s.oid = d.objid and s.relkind = 'S'
    union all
    select 30, oid, format('alter table %s drop constraint %I', of_table, conname)
    from f where not is_self
    union all
    select 40, 0, format('alter table %s rename to %I', shown, parked) from t
    union all
    select 41, 0, format('alter table %s rename to %I', new, relname) from t
    union all
    select 50, v.oid, format('create or replace view %I.%I%s as %s', nspname, relname,
        coalesce(' with (' || (select string_agg(format('%I = %L', option_name, option_value), ', ')
            from pg_options_to_table(v.reloptions)) || ')', ''), pg_get_viewdef(v.oid))
    from v
    union all
    select 60, oid, format('alter table %s add constraint %I %s', of_table, conname, pg_get_constraintdef(oid))
    from f
    union all
    select 61, oid, format('comment on constraint %I on %s is %L', conname, of_table, obj_description(oid, 'pg_constraint'))
    from f where obj_description(oid, 'pg_constraint') is not null
    union all
    select 70, 0, format('drop table %I.%I', nspname, parked) from t
    union all
    select 80, indexrelid, format('alter index %I.%I rename to %I', nspname, name, relname) from i
    union all
    select 81, indexrelid, format('comment on index %I.%I is %L', nspname, relname, obj_description(indexrelid, 'pg_class'))
    from i where obj_description(indexrelid, 'pg_class') is not null
    union all
    select 82, indexrelid, format('comment on constraint %I on %s is %L', relname, shown, obj_description(constraint_oid, 'pg_constraint'))
    from i where obj_description(constraint_oid, 'pg_constraint') is not null
    union all
    select 83, c.oid, format('comment on constraint %I on %s is %L', c.conname, t.shown, obj_description(c.oid, 'pg_constraint'))
    from t join pg_constraint c on c.conrelid = t.oid and c.contype = 'f' and c.confrelid <> t.oid
    where obj_description(c.oid, 'pg_constraint') is not null
    union all
    select 84, d.objid, format('alter sequence %s rename to %I', n.objid::regclass, s.relname)
    from a
    join pg_depend d on d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
    join pg_class s on s.oid = d.objid
    join pg_attribute b on b.attrelid = a.new_oid and b.attname = a.attname
    join pg_depend n on n.classid = 'pg_class'::regclass and n.refclassid = 'pg_class'::regclass
        and n.refobjid = b.attrelid and n.refobjsubid = b.attnum and n.deptype = 'i'
    where a.attidentity <> ''
    union all
    select 85, s.oid, pg_get_statisticsobjdef(s.oid) from t join pg_statistic_ext s on s.stxrelid = t.oid
    union all
    select 86, indexrelid, format('alter table %s cluster on %I', shown, relname) from i where indisclustered
    union all
    select 87, 0, format('alter table %s replica identity %s', shown,
        case relreplident when 'f' then 'full' when 'n' then 'nothing'
            else 'using index ' || (select quote_ident(relname) from i where indisreplident) end)
    from t where relreplident <> 'd'
) x
order by step, place
