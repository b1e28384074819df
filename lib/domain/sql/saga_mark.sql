-- $1 id, $2 step, $3 status, $4 failure
UPDATE app.saga_steps s
SET status = $3,
    failure = coalesce($4, s.failure),
    attempts = s.attempts + CASE WHEN $3 = 'started' THEN 1 ELSE 0 END,
    started_at = coalesce(s.started_at, clock_timestamp()),
    finished_at = CASE WHEN $3 IN ('done', 'failed') THEN clock_timestamp() ELSE s.finished_at END,
    undone_at = CASE WHEN $3 = 'undone' THEN clock_timestamp() END,
    updated_at = clock_timestamp()
WHERE s.saga_id = $1::bigint AND s.step_no = $2::integer
