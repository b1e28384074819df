-- $1 [{id, claim, state, wait_ms, error}] of one channel, $2 the channel, $3 ms that it wants peace
SELECT app.notification_end_all($1::jsonb, $2, $3::bigint)
