-- Why a table cannot be replaced by another one under its name (`load: swap`): what could not be kept,
-- or would be lost. One reason a row. $1: its name in SQL; $2: the stream's columns, \x1f between them.
with t as (
    select c.*, n.nspname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = to_regclass($1)
), a as (
    select a.*, a.attname = any (string_to_array($2, e'\x1f')
        || '{_run_id,_loaded_at,_row_hash,_deleted_at}'::text[]) as is_loaded
    from t join pg_attribute a on a.attrelid = t.oid
    where a.attnum > 0 and not a.attisdropped
), parent as ( -- of pg_depend: the table, its row type and the array of it
    select 'pg_class'::regclass::oid as class, oid from t
    union all
    select 'pg_type'::regclass, y.oid from t join pg_type y on y.oid = t.reltype
    union all
    select 'pg_type'::regclass, y.typarray from t join pg_type y on y.oid = t.reltype
), d as (
    select distinct d.classid, d.objid, d.objsubid, c.relname, c.relkind, c.relowner,
           c.relpersistence, r.rulename, d.objid in (
        select oid from pg_attrdef where adrelid = t.oid
        union all select oid from pg_constraint where t.oid in (conrelid, confrelid)
        union all select indexrelid from pg_index where indrelid = t.oid
        union all select objid from pg_depend where refobjid = t.oid and deptype in ('a', 'i')
            and classid = 'pg_class'::regclass
        union all select oid from pg_trigger where tgrelid = t.oid
        union all select oid from pg_policy where polrelid = t.oid
        union all select oid from pg_statistic_ext where stxrelid = t.oid
        union all select oid from pg_publication_rel where prrelid = t.oid
        union all select oid from pg_rewrite where ev_class = t.oid
        union all select t.reltype
        union all select p.oid from parent p) as is_own
    from t join pg_depend d on exists (
        select from parent p where p.class = d.refclassid and p.oid = d.refobjid)
    left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    left join pg_class c on c.oid = r.ev_class
)
select reason
from (
    select 1 as place, 'it is a ' || case relkind when 'v' then 'view' when 'm' then 'materialized view'
        when 'p' then 'partitioned table' when 'f' then 'foreign table' else 'thing of another kind' end
        as reason
    from t where relkind <> 'r'
    union all
    select 2, 'it is part of an inheritance or partitioning'
    from t where relispartition
        or exists (select from pg_inherits i where t.oid in (i.inhrelid, i.inhparent))
    union all
    select 3, format('role %I owns it, for which %I may not act', pg_get_userbyid(relowner), current_user)
    from t where not pg_has_role(relowner, 'usage')
    union all
    select 4, format('column %I is not loaded by the stream: its values would be lost', attname)
    from a where not is_loaded and not atthasdef and attidentity = ''
    union all
    select 5, format('trigger %I would not fire for the new rows', tgname)
    from t join pg_trigger g on g.tgrelid = t.oid where not tgisinternal
    union all
    select 6, 'it has row level security'
    from t where relrowsecurity or exists (select from pg_policy where polrelid = t.oid)
    union all
    select 7, format('it has the rule %I', rulename)
    from t join pg_rewrite r on r.ev_class = t.oid where t.relkind = 'r'
    union all
    select 8, format('publication %I replicates it', p.pubname)
    from t join pg_publication_tables p on p.schemaname = t.nspname and p.tablename = t.relname
    union all
    select 9, 'a subscription writes to it'
    from t join pg_subscription_rel s on s.srrelid = t.oid
    union all
    select 10, 'it has a security label'
    from t where exists (select from pg_seclabel where objoid = t.oid and classoid = 'pg_class'::regclass)
    union all
    select 11, 'it belongs to an extension'
    from t where exists (select from pg_depend where objid = t.oid
        and classid = 'pg_class'::regclass and deptype = 'e')
    union all
    select 12, format('the sequence of its column %I has grants of its own', a.attname)
    from a join pg_depend p on p.refobjid = a.attrelid and p.refobjsubid = a.attnum and p.deptype = 'i'
        and p.classid = 'pg_class'::regclass
    join pg_class q on q.oid = p.objid
    where a.attidentity <> '' and q.relacl is not null
    union all
    select 13, format('foreign key %I of %s refers to it, owned by %I', c.conname, c.conrelid::regclass,
        pg_get_userbyid(o.relowner))
    from t join pg_constraint c on c.confrelid = t.oid and c.contype = 'f' and c.conrelid <> t.oid
    join pg_class o on o.oid = c.conrelid
    where not pg_has_role(o.relowner, 'usage')
    union all
    select 14, format('foreign key %I of %s refers to a column that the stream does not load', c.conname,
        c.conrelid::regclass)
    from t join pg_constraint c on c.confrelid = t.oid and c.contype = 'f' and c.conparentid = 0
    where exists (select from a where not a.is_loaded and a.attnum = any (c.confkey))
    union all
    select 15, case
        when d.relkind = 'm' then format('materialized view %I reads it', d.relname)
        when d.rulename <> '_RETURN' then format('rule %I of %I reads it', d.rulename, d.relname)
        when d.relpersistence = 't' then format('view %I of another session reads it', d.relname)
        else format('view %I reads it, owned by %I', d.relname, pg_get_userbyid(d.relowner)) end
    from d
    where d.rulename is not null and not d.is_own and (d.relkind <> 'v' or d.rulename <> '_RETURN'
        or d.relpersistence = 't' or not pg_has_role(d.relowner, 'usage'))
    union all
    select 16, pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on it'
    from d where d.rulename is null and not d.is_own
) x
group by place, reason
order by place, reason
limit 20
