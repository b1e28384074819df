-- $1 patterns and $2 channels of the routes, in pairs (notification_plan.sql), $3 max age in ms, $4
-- at most so many, $5 channels that nothing is too old for: what would be sent now.
SELECT due.channel, due.type, due.key, due.attempts
FROM ((SELECT n.channel, o.type, o.key, n.attempts, n.next_at AS at, n.id
       FROM app.notifications n
       JOIN app.outbox o ON o.id = n.outbox_id
       WHERE n.state IN ('queued', 'failed') AND n.next_at <= now()
         AND n.channel = ANY ($2::text[])
       ORDER BY n.next_at, n.id
       LIMIT $4::bigint)
      UNION ALL
      (SELECT DISTINCT r.channel, o.type, o.key, 0, now(), o.id
       FROM app.outbox o
       JOIN unnest($1::text[], $2::text[]) r(pattern, channel)
         ON r.pattern = o.type
         OR (right(r.pattern, 1) = '*' AND starts_with(o.type, left(r.pattern, -1)))
       WHERE o.planned_at IS NULL
         AND (r.channel = ANY ($5::text[]) OR o.created_at >= now() - $3::bigint * interval '1 ms')
       ORDER BY o.id, r.channel
       LIMIT $4::bigint)) due
ORDER BY due.at, due.id, due.channel
LIMIT $4::bigint
