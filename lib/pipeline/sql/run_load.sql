-- What was committed of a load of stream $2 that did not end: its children, and the run of each. A load is what
-- runs of one pipeline ($1), shard ($3), params ($4) and window ($5) do until the stream ends in one of them
-- (succeeded, or partial); --full-refresh begins another. $6: a run of it, or one that is yet to come. $7: its table,
-- without which nothing stands.
with recursive own as (
    select r.id, r.resumes, r.options
    from diner.run r
    where r.pipeline = $1 and r.shard is not distinct from $3 and r.params = $4::jsonb
      and r.options ->> 'from' is not distinct from $5::jsonb ->> 'from'
      and r.options ->> 'to' is not distinct from $5::jsonb ->> 'to'
      and r.options ->> 'replay' is distinct from 'true'
    order by r.started_at desc
    limit 1000
), rooted as ( -- what is resumed is the load that was begun with its root
    select o.id, o.id as root from own o where o.resumes is null
    union all
    select o.id, p.root from own o join rooted p on o.resumes = p.id
), ended as (
    select r.id, r.root
    from rooted r
    join diner.run_stream s on s.run_id = r.id and s.stream = $2 and s.status in ('succeeded', 'partial')
), live as ( -- without what goes on with a load that had ended: it is no part of those after it
    select r.id, r.root
    from rooted r
    where not exists (select from ended e where e.id >= r.root and e.id < r.id and e.root >= r.root)
), anew as (
    select o.id
    from own o
    where o.resumes is null and o.options ->> 'full_refresh' = 'true'
      and coalesce(o.options ->> 'only', $2) = $2
), asked as (
    select coalesce((select root from rooted where id = $6::bigint), $6::bigint) as id
), bounds as (
    select greatest((select max(e.id) + 1 from ended e join live l on l.id = e.id where e.id < a.id),
                    (select max(n.id) from anew n where n.id <= a.id), 0) as first,
           least((select min(e.id) from ended e where e.id >= a.id and e.root >= a.id),
                 (select min(n.id) - 1 from anew n where n.id > a.id)) as last
    from asked a
)
select s.child, max(s.run_id)
from bounds b
join live l on l.id >= b.first and (b.last is null or l.id <= b.last)
join diner.run_slice s on s.run_id = l.id and s.stream = $2 and s.status = 'succeeded'
where to_regclass($7) is not null
group by s.child
order by 2, 1
