select id, pipeline, stream, run_id, first_run_id, times_seen, run_failed, origin, position as line,
       column_name as "column",
       case when $2::boolean then value else regexp_replace(value, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end as value,
       reason, key,
       case when $2::boolean then raw else regexp_replace(raw, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end as raw,
       to_char(seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as seen_at,
       to_char(closed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as closed_at,
       replayed_run_id as closed_by_run,
       case when closed_at is not null and replayed_run_id is null then closed_note end as dismissed
from diner.reject
where id = $1::bigint
