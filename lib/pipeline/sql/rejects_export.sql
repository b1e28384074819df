select jsonb_build_object('id', r.id, 'pipeline', r.pipeline, 'stream', r.stream, 'run_id', r.run_id,
    'origin', r.origin, 'line', r.position, 'column', r.column_name,
    'value', case when $4::boolean then r.value else regexp_replace(r.value, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end,
    'reason', r.reason, 'key', r.key,
    'cells', case when $4::boolean then r.cells else regexp_replace(r.cells::text, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g')::jsonb end,
    'raw', case when $4::boolean then r.raw else regexp_replace(r.raw, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end)
from diner.reject r
where ($1::text is null or r.pipeline = $1)
  and ($2::text is null or r.stream = $2)
  and ($3::bigint is null or r.run_id in (select id from diner.run where id = $3::bigint or parent_id = $3::bigint))
  and ($5::boolean or r.closed_at is null)
order by r.id
