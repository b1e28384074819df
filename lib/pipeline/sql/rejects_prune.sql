-- The next $3 rejects after $1 that were closed and not seen again for $2 ms: the last of them, and how many are
-- gone. While the stream has open ones, a replay asks the closed ones how old the rows of the table are.
with old as materialized (
    select id
    from diner.reject r
    where id > $1::bigint
      and greatest(closed_at, seen_at) < clock_timestamp() - $2::bigint * interval '1 ms'
      and closed_at is not null
      and not exists (select from diner.reject o
                      where o.pipeline = r.pipeline and o.stream = r.stream and o.closed_at is null)
    order by id
    limit $3::bigint
), gone as (
    delete from diner.reject r using old o where r.id = o.id returning 1
)
select (select max(id) from old), (select count(*) from gone)
