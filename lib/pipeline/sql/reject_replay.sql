-- The open ones, the oldest first: one that was seen again is as new as the run that saw it. $4: the
-- columns that tell of which part of the table a row is, a JSON array; null: nothing tells.
with loaded as (
    select max(x.run_id) as run_id
    from (select s.run_id from diner.run_stream s
          where s.stream = $2 and s.status in ('succeeded', 'partial')
          union all
          select p.run_id from diner.run_slice p
          where p.stream = $2 and p.status = 'succeeded') x
    join diner.run u on u.id = x.run_id
    where u.pipeline = $1 and (u.options ? 'replay') is not true
)
select r.id, r.cells, r.is_staged, r.run_failed, coalesce(r.run_id < l.run_id, false),
       coalesce(r.key ?& array(select jsonb_array_elements_text($4::jsonb)), false) and $4 is not null
from diner.reject r, loaded l
where r.pipeline = $1 and r.stream = $2 and r.closed_at is null
  and ($3::bigint[] is null or r.id = any ($3::bigint[]))
order by r.run_id, r.is_staged, r.id
limit 200000
