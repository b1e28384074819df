update diner.run
set status = 'interrupted', finished_at = clock_timestamp(),
    error = 'the process ended without saying so'
where pipeline = $1 and status = 'running' and ($2::text is null or shard = $2)
