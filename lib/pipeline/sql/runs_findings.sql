-- Runs of digits that look like phone or card numbers are masked unless $3.
select f.id, f.run_id, r.pipeline, f.stream, f.check_name, f.origin, f.position,
       case when $3::boolean then f.row_data::text
            else regexp_replace(f.row_data::text, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end
from diner.finding f
join diner.run r on r.id = f.run_id
where (r.id = $1::bigint or r.parent_id = $1::bigint) and ($2::text is null or f.check_name = $2)
order by f.id
limit $4::bigint
