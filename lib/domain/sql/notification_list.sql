-- $1 a state, or NULL for all but sent; $2 at most so many: the newest first.
SELECT n.id::text, n.channel, o.type, o.key, n.state, n.attempts::text,
       CASE WHEN n.state IN ('queued', 'failed')
            THEN to_char(n.next_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
       to_char(n.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       n.last_error, n.message_id::text
FROM app.notifications n
JOIN app.outbox o ON o.id = n.outbox_id
WHERE CASE WHEN $1::text IS NULL THEN n.state <> 'sent' ELSE n.state = $1 END
ORDER BY n.id DESC
LIMIT $2::bigint
