-- Runs of the pipeline that nobody leads any more, but for run $3.
update diner.run
set status = 'interrupted', finished_at = clock_timestamp(),
    error = 'the process ended without saying so'
where pipeline = $1 and status in ('waiting', 'running') and id <> $3::bigint
  and ($2::text is null or shard = $2)
