-- $1 id, $2 status, $3 failure, $4 seconds until it is looked at again (null: at once, by its
-- holder). The key of a request that came to nothing is free again.
UPDATE app.sagas g
SET status = $2,
    failure = coalesce($3, g.failure),
    attempts = g.attempts + CASE WHEN $4::integer IS NULL THEN 0 ELSE 1 END,
    next_at = clock_timestamp() + coalesce($4::integer, 0) * interval '1 second',
    lease_until = CASE WHEN $4::integer IS NULL AND $2 IN ('running', 'compensating')
                       THEN clock_timestamp() + interval '1 minute' ELSE clock_timestamp() END,
    request_key = CASE WHEN $2 = 'compensated' THEN NULL ELSE g.request_key END,
    updated_at = clock_timestamp()
WHERE g.id = $1::bigint
