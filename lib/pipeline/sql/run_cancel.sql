-- A distributed run and its steps: nobody begins anything of them, and what is under way is not committed.
with ended as (
    update diner.run
    set status = 'interrupted', finished_at = clock_timestamp(), error = 'it was cancelled'
    where (id = $1::bigint or parent_id = $1::bigint) and status in ('waiting', 'running')
    returning id
)
update diner.task
set state = 'cancelled', lease_until = null, finished_at = clock_timestamp()
where run_id in (select id from ended) and state in ('held', 'waiting', 'leased')
