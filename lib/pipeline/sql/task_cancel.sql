-- What nobody has begun of a run; $2 only of this stream, null: of all.
update diner.task
set state = 'cancelled', finished_at = clock_timestamp()
where run_id = $1::bigint and ($2::text is null or stream = $2) and stream <> ''
  and state in ('held', 'waiting')
