-- Workers heard of within two leases of $1 ms, tasks that wait, and tasks
-- whose lease ran out longer ago than two and that nobody took.
select (select count(*) from diner.worker
        where seen_at > clock_timestamp() - 2 * $1::bigint * interval '1 ms'),
       count(*) filter (where t.state = 'waiting'),
       count(*) filter (where t.state = 'leased'
                        and t.lease_until < clock_timestamp() - 2 * $1::bigint * interval '1 ms'),
       coalesce(min(t.run_id) filter (where t.state = 'leased'
                        and t.lease_until < clock_timestamp() - 2 * $1::bigint * interval '1 ms'), 0),
       (select count(*) from diner.task)
from diner.task t
join diner.run r on r.id = t.run_id
where r.status in ('waiting', 'running') and t.state in ('waiting', 'leased')
