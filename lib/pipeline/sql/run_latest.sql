-- The latest run of a pipeline, not as a step of a job, and how long ago it ended or, at work, began.
select r.id, r.status, coalesce(r.exit_status, 0), coalesce(r.error, ''),
       (extract(epoch from clock_timestamp() - coalesce(r.finished_at, r.started_at)))::bigint
from diner.run r
where r.pipeline = $1 and r.parent_id is null
order by r.id desc
limit 1
