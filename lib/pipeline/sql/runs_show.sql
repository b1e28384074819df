select r.id, r.pipeline, s.stream, s.status, s.read, s.inserted, s.updated, s.unchanged, s.deleted,
       s.superseded, s.rejected, s.skipped, s.findings, s.bytes,
       round(extract(epoch from s.finished_at - s.started_at)::numeric, 2),
       round(s.read / greatest(extract(epoch from s.finished_at - s.started_at), 0.001))::bigint,
       s.target, coalesce(s.error, '')
from diner.run r
join diner.run_stream s on s.run_id = r.id
where r.id = $1::bigint or r.parent_id = $1::bigint
order by r.id, s.finished_at
