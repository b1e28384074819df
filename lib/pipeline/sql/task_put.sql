-- The parts of a stream as [[child, window_start], ...]; those that are there stay as they are. The first is to be done before the others
-- are let go, so that one worker makes the tables.
insert into diner.task (run_id, stream, child, window_start, state)
select $1::bigint, $2, u.child, u.window_start, 'held'
from (select v ->> 0, v ->> 1, n from jsonb_array_elements($3::jsonb) with ordinality e (v, n)) u (child, window_start, n)
order by u.n
on conflict (run_id, stream, child, window_start) do nothing
