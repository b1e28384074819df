-- One task for worker $1: waiting, or of a worker whose lease ran out, if no more than $3 did. $4, $5:
-- only of this run and stream. $6: not of the pipelines in this list. Parts of runs go before runs.
with one as (
    select t.id, case when t.state = 'leased' then t.worker end as lost_by
    from diner.task t
    join diner.run r on r.id = t.run_id
    where (t.state = 'waiting'
           or (t.state = 'leased' and t.lease_until < clock_timestamp() and t.lost < $3::integer))
      and r.status in ('waiting', 'running')
      and ($4::bigint is null or (t.run_id = $4::bigint and t.stream = $5))
      and not $6::jsonb ? coalesce(r.options->>'ask', r.pipeline)
    order by t.stream = '', t.id
    limit 1
    for update of t skip locked
)
update diner.task t
set state = 'leased', attempt = t.attempt + 1, lost = t.lost + (one.lost_by is not null)::integer,
    worker = $1, lease_until = clock_timestamp() + $2::bigint * interval '1 ms',
    started_at = clock_timestamp(), code = null, error = null, hint = null
from one
where t.id = one.id
returning t.id, t.attempt, t.run_id, t.stream, t.child, t.window_start, one.lost_by
