-- The details of the next $3 runs after run $1 that succeeded more than $2 ms ago: the last of these runs, and
-- how many slices, parts and findings are gone. Of other runs they tell what a run that goes on leaves out.
with old as materialized (
    select id
    from diner.run
    where id > $1::bigint and status = 'succeeded'
      and finished_at < clock_timestamp() - $2::bigint * interval '1 ms'
    order by id
    limit $3::bigint
), slices as (
    delete from diner.run_slice s
    using old o, diner.run_stream e
    where s.run_id = o.id and e.run_id = s.run_id and e.stream = s.stream
      and e.status in ('succeeded', 'partial')
    returning 1
), parts as (
    delete from diner.task t using old o where t.run_id = o.id returning 1
), findings as (
    delete from diner.finding f using old o where f.run_id = o.id returning 1
)
select (select max(id) from old), (select count(*) from slices), (select count(*) from parts),
       (select count(*) from findings)
