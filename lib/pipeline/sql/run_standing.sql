-- What stands of a run and of those it resumed: slices, and whole streams that have none (partial: their
-- rows are in, a hook after them failed).
with recursive chain as (
    select id, resumes from diner.run where id = $1::bigint
    union all
    select r.id, r.resumes from diner.run r join chain c on r.id = c.resumes
)
select s.stream, s.child, s.window_start, s.window_end
from diner.run_slice s join chain c on c.id = s.run_id
where s.status = 'succeeded'
union all
select s.stream, '*', '', ''
from diner.run_stream s join chain c on c.id = s.run_id
where s.status = 'succeeded'
   or (s.status = 'partial' and not exists (
       select from diner.run_slice p where p.run_id = s.run_id and p.stream = s.stream))
