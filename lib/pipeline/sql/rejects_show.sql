select id, pipeline, stream, run_id, first_run_id, times_seen, run_failed, origin, position as line,
       column_name as "column",
       case when $2::boolean then value else regexp_replace(value, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end as value,
       reason, key,
       case when $2::boolean then raw else regexp_replace(raw, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end as raw,
       to_char(seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as seen_at
from diner.reject
where id = $1::bigint
