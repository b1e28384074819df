-- $1 patterns of types (one, "order.*", "*") and $2 the channels they go to, in pairs; $3 age in ms
-- at which nobody wants to hear of it any more, $4 at most so many, $5 channels that nothing is too
-- old for: each gets its rows, one a channel. Gives how many were looked at.
WITH due AS (
    SELECT id, type, created_at
    FROM app.outbox
    WHERE planned_at IS NULL
    ORDER BY id
    LIMIT $4::bigint
    FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE app.outbox o
    SET planned_at = clock_timestamp(), updated_at = clock_timestamp()
    FROM due
    WHERE o.id = due.id
), made AS (
    INSERT INTO app.notifications (outbox_id, channel, state, last_error)
    SELECT DISTINCT d.id, r.channel, CASE WHEN a.is_old THEN 'dead' ELSE 'queued' END,
           CASE WHEN a.is_old THEN 'older than notify.max_age when it was first looked at' END
    FROM due d
    JOIN unnest($1::text[], $2::text[]) r(pattern, channel)
      ON r.pattern = d.type
      OR (right(r.pattern, 1) = '*' AND starts_with(d.type, left(r.pattern, -1)))
    CROSS JOIN LATERAL (SELECT r.channel <> ALL ($5::text[])
                               AND d.created_at < now() - $3::bigint * interval '1 ms' AS is_old) a
    ORDER BY d.id, r.channel
)
SELECT count(*) FROM due
