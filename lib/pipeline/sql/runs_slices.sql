select r.id, r.pipeline, s.stream, s.status, s.child, s.window_start, s.window_end, s.read, s.inserted,
       s.updated, s.unchanged, s.deleted, s.superseded, s.rejected, s.skipped,
       round(extract(epoch from s.finished_at - s.started_at)::numeric, 2), s.attempts,
       coalesce(s.error, '')
from diner.run r
join diner.run_slice s on s.run_id = r.id
where (r.id = $1::bigint or r.parent_id = $1::bigint) and (not $2::boolean or s.status = 'failed')
order by s.status = 'failed' desc, r.id, s.stream, s.child, s.window_start
