select child, window_start, code, coalesce(error, ''), coalesce(hint, '')
from diner.task
where run_id = $1::bigint and stream = $2 and state = 'failed'
order by id
