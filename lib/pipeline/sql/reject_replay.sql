select id, cells, raw, is_staged
from diner.reject
where pipeline = $1 and stream = $2 and replayed_run_id is null
  and ($3::bigint[] is null or id = any ($3::bigint[]))
order by id
limit 200000
