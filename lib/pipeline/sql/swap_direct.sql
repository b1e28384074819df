-- Whether rows can go straight into a table that will stand for $1: no constraint of it may refuse one
-- but "not null" and the uniqueness of the key ($2: its columns, sorted, \x1f between them; "": none),
-- which an index of the table must hold.
with u as (
    select i.indpred is null and i.indexprs is null and i.indisvalid and (
        select string_agg(a.attname, e'\x1f' order by a.attname collate "C")
        from unnest(i.indkey::int2[]) with ordinality k(num, n)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num
        where k.n <= i.indnkeyatts) = $2 as is_key
    from pg_index i
    where i.indrelid = to_regclass($1) and i.indisunique
)
select not exists (select from pg_constraint where conrelid = to_regclass($1) and contype not in ('p', 'u', 'n'))
   and not exists (select from u where not is_key)
   and ($2 = '' or exists (select from u where is_key))
