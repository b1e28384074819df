-- The first of the ids $1 that is no open reject, and whether there is such a reject at all.
select w.id, r.id is not null
from unnest($1::bigint[]) w (id)
left join diner.reject r on r.id = w.id
where r.id is null or r.closed_at is not null
order by w.id
limit 1
