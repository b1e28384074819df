-- Says of the next $3 runs after run $1 that ended more than $2 ms ago that they are pruned: the last that was looked
-- at. Not of those with slices of a load that goes on (run_load.sql): it has ended where the stream did, in the run
-- itself or in a later one of the same load that was begun anew.
with old as materialized (
    select id, jsonb_build_array(pipeline, shard, params, options -> 'from', options -> 'to', options -> 'replay') as load
    from diner.run
    where id > $1::bigint and pruned_at is null and finished_at < clock_timestamp() - $2::bigint * interval '1 ms'
    order by id
    limit $3::bigint
), unended as materialized (
    select o.id, o.load, s.stream
    from old o
    cross join lateral (select distinct stream from diner.run_slice where run_id = o.id) s
    where not exists (select from diner.run_stream e
                      where e.run_id = o.id and e.stream = s.stream and e.status in ('succeeded', 'partial'))
), ends as materialized (
    select jsonb_build_array(r.pipeline, r.shard, r.params, r.options -> 'from', r.options -> 'to', r.options -> 'replay') as load,
           e.stream, max(r.id) as last
    from diner.run r
    join diner.run_stream e on e.run_id = r.id and e.status in ('succeeded', 'partial')
    where r.resumes is null and exists (select from unended)
    group by 1, 2
), open as (
    select u.id
    from unended u
    left join ends e on e.load = u.load and e.stream = u.stream and e.last > u.id
    where e.load is null
), marked as (
    update diner.run r
    set pruned_at = clock_timestamp()
    from old o
    where r.id = o.id and not exists (select from open p where p.id = o.id)
)
select max(id) from old
