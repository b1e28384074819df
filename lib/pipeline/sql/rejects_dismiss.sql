-- $1 ids (null: all that the others name), $2 pipeline, $3 stream, $4 run, $5 why: how many were dismissed.
with dismissed as (
    update diner.reject r
    set closed_at = clock_timestamp(), closed_note = $5
    where r.closed_at is null
      and ($1::bigint[] is null or r.id = any ($1::bigint[]))
      and ($2::text is null or r.pipeline = $2)
      and ($3::text is null or r.stream = $3)
      and ($4::bigint is null or r.run_id in (select id from diner.run where id = $4::bigint or parent_id = $4::bigint))
    returning 1
)
select count(*) from dismissed
