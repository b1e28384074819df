-- $1 channel, $2 whether of the unknown, $3 at most so many, $4 lease in ms, $5 ms from one to the
-- next (0: no rate): they become this caller's.
SELECT c.id, c.claim, c.attempts, c.message_id, o.type, o.key, o.payload::text,
       to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       extract(epoch FROM o.created_at)::bigint,
       s.name,
       to_char(o.created_at AT TIME ZONE s.timezone, 'YYYY-MM-DD HH24:MI'),
       extract(epoch FROM c.tried_at)::bigint
FROM app.notification_claim($1, $2::boolean, $3::bigint, $4::bigint, $5::bigint) c
JOIN app.outbox o ON o.id = c.outbox_id
LEFT JOIN app.stores s ON s.code = o.payload ->> 'store'
ORDER BY c.next_at, c.id
