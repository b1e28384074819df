select t.run_id, r.pipeline, nullif(t.stream, ''), t.state, nullif(t.child, ''), nullif(t.window_start, ''),
       t.worker, t.attempt, t.lost,
       to_char(t.lease_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       round(extract(epoch from coalesce(t.finished_at, clock_timestamp()) - t.started_at)::numeric, 1),
       coalesce(t.error, '')
from diner.task t
join diner.run r on r.id = t.run_id
where r.id = $1::bigint or r.parent_id = $1::bigint
order by t.id
