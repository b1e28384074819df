-- Says of the next $3 runs after run $1 that ended more than $2 ms ago that they are pruned: the last of them. Not
-- of those with slices of a load that goes on (run_load.sql): that has ended where the stream did, in the run itself
-- or in a later one of the same load that was begun anew.
with old as materialized (
    select r.id
    from diner.run r
    where r.id > $1::bigint and r.pruned_at is null
      and r.finished_at < clock_timestamp() - $2::bigint * interval '1 ms'
      and not exists (
          select from (select distinct stream from diner.run_slice s where s.run_id = r.id) s
          where not exists (
              select
              from diner.run l
              join diner.run_stream e on e.run_id = l.id and e.stream = s.stream and e.status in ('succeeded', 'partial')
              where l.pipeline = r.pipeline and l.id >= r.id and (l.id = r.id or l.resumes is null)
                and l.shard is not distinct from r.shard and l.params = r.params
                and l.options ->> 'from' is not distinct from r.options ->> 'from'
                and l.options ->> 'to' is not distinct from r.options ->> 'to'
                and l.options ->> 'replay' is not distinct from r.options ->> 'replay'))
    order by r.id
    limit $3::bigint
), marked as (
    update diner.run r set pruned_at = clock_timestamp() from old o where r.id = o.id
)
select max(id) from old
