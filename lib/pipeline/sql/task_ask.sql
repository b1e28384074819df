-- $1 the run; $2 the worker that leads it, null: the next one that comes; $3 its lease in ms.
insert into diner.task (run_id, state, attempt, worker, lease_until, started_at)
select $1::bigint, case when $2::text is null then 'waiting' else 'leased' end,
       case when $2::text is null then 0 else 1 end, $2,
       case when $2::text is not null then clock_timestamp() + $3::bigint * interval '1 ms' end,
       case when $2::text is not null then clock_timestamp() end
returning id
