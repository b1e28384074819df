-- The next $3 writes to an API after $1 that were settled more than $2 ms ago: the last of them, and how many
-- are gone.
with old as materialized (
    select id
    from diner.intent
    where id > $1::bigint and status <> 'pending'
      and finished_at < clock_timestamp() - $2::bigint * interval '1 ms'
    order by id
    limit $3::bigint
), gone as (
    delete from diner.intent i using old o where i.id = o.id returning 1
)
select (select max(id) from old), (select count(*) from gone)
