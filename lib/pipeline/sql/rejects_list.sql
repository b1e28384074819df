-- Runs of digits that look like phone or card numbers are masked unless $5; closed ones are
-- left out unless $6.
select r.id, r.pipeline, r.stream, r.origin, r.position, r.column_name,
       case when $5::boolean then r.value
            else regexp_replace(r.value, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end,
       r.reason,
       case when r.closed_at is null then null
            when r.replayed_run_id is null then 'dismissed: ' || r.closed_note
            else 'run ' || r.replayed_run_id end
from diner.reject r
where ($1::text is null or r.pipeline = $1)
  and ($2::text is null or r.stream = $2)
  and ($3::bigint is null or r.run_id in (select id from diner.run where id = $3::bigint or parent_id = $3::bigint))
  and ($6::boolean or r.closed_at is null)
order by r.id desc
limit $4::bigint
