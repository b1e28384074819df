-- $1 repeats allowed, $2 the channels whose receivers can tell a repeat, $3 those that are tried for
-- ever: claims whose holder died.
-- Those get a repeat; what may have left by another is asked about, or for a person to decide.
UPDATE app.notifications
SET state = CASE WHEN channel = ANY ($3::text[]) THEN 'failed'
                 WHEN channel <> ALL ($2::text[]) OR attempts > $1::integer THEN 'unknown'
                 ELSE 'failed' END,
    lease_until = NULL, next_at = now(), updated_at = clock_timestamp(),
    last_error = 'the sender ended between sending and recording it'
WHERE state = 'sending' AND lease_until < now()
