select r.id, r.pipeline, r.status,
       to_char(r.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       round(extract(epoch from coalesce(r.finished_at, clock_timestamp()) - r.started_at)::numeric, 1),
       coalesce(s.read, 0), coalesce(s.written, 0), coalesce(s.rejected, 0), r.error
from diner.run r
left join lateral (
    select sum(x.read) as read, sum(x.inserted + x.updated + x.deleted) as written,
           sum(x.rejected) as rejected
    from diner.run_stream x
    join diner.run y on y.id = x.run_id
    where y.id = r.id or y.parent_id = r.id
) s on true
where ($1::text is null or r.pipeline = $1) and ($2::text is null or r.status = $2)
order by r.id desc
limit $3::bigint
