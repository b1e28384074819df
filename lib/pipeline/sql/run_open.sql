-- A distributed run of the pipeline that waits for a worker or that somebody leads; not run $2.
select r.id, t.state = 'waiting'
from diner.run r
join diner.task t on t.run_id = coalesce(r.parent_id, r.id) and t.stream = ''
where r.pipeline = $1 and r.status in ('waiting', 'running') and r.id <> $2::bigint
  and (t.state = 'waiting' or (t.state = 'leased' and t.lease_until >= clock_timestamp()))
order by r.id
limit 1
