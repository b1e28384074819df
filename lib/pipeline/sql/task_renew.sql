-- The heartbeat of worker $1: it is there, and holds what it has for another $2 ms. $3: it takes tasks,
-- not only those of its own run.
with seen as (
    insert into diner.worker (name)
    select $1 where $3::boolean
    on conflict (name) do update set seen_at = clock_timestamp()
), gone as (
    delete from diner.worker where seen_at < clock_timestamp() - interval '1 day' and name <> $1
)
update diner.task
set lease_until = clock_timestamp() + $2::bigint * interval '1 ms'
where worker = $1 and state = 'leased'
