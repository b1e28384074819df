-- The same reason in the same column is one line, with its newest value as an example.
select count(*), r.pipeline, r.stream, r.column_name, r.reason,
       (array_agg(case when $5::boolean then r.value
                       else regexp_replace(r.value, '(\d{3})\d{4,}(\d{4})', '\1****\2', 'g') end
                  order by r.id desc))[1],
       count(distinct r.origin), max(r.id),
       to_char(max(r.seen_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from diner.reject r
where ($1::text is null or r.pipeline = $1)
  and ($2::text is null or r.stream = $2)
  and ($3::bigint is null or r.run_id in (select id from diner.run where id = $3::bigint or parent_id = $3::bigint))
  and ($6::boolean or r.closed_at is null)
group by r.pipeline, r.stream, r.column_name, r.reason
order by count(*) desc, max(r.id) desc
limit $4::bigint
