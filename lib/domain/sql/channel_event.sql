-- $1 channel, $2 event, $3 kind, $4 number, $5 body, $6 result: no row is added the second time,
-- unless nobody knew the number the first time.
INSERT INTO app.channel_events AS e (channel, event_id, kind, number, body, result)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (channel, event_id) DO UPDATE
SET result = excluded.result, updated_at = clock_timestamp()
WHERE e.result = 'unknown' AND e.kind = excluded.kind AND e.number = excluded.number
