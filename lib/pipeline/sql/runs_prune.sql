-- Details of the next $3 runs after run $1 that are said to be pruned ($2 is not used): the last of these runs, and how
-- many slices, parts and findings are gone. A resumption that began before it could know of the mark keeps them.
with old as materialized (
    select r.id
    from diner.run r
    where r.id > $1::bigint and r.pruned_at is not null and $2::bigint > 0
      and (exists (select from diner.run_slice s where s.run_id = r.id)
           or exists (select from diner.task t where t.run_id = r.id)
           or exists (select from diner.finding f where f.run_id = r.id))
      and not exists (select from diner.run d
                      where d.pipeline = r.pipeline and d.resumes is not null and d.status in ('waiting', 'running'))
    order by r.id
    limit $3::bigint
), slices as (
    delete from diner.run_slice s using old o where s.run_id = o.id returning 1
), parts as (
    delete from diner.task t using old o where t.run_id = o.id returning 1
), findings as (
    delete from diner.finding f using old o where f.run_id = o.id returning 1
)
select (select max(id) from old), (select count(*) from slices), (select count(*) from parts),
       (select count(*) from findings)
