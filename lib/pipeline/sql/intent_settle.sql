update diner.intent
set status = $2, accepted = $3::integer, answer = $4, attempts = attempts + 1,
    finished_at = clock_timestamp()
where id = $1::bigint and status = 'pending'
