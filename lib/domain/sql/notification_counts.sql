SELECT n.channel, n.state, count(*)::text,
       to_char(min(n.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM app.notifications n
GROUP BY n.channel, n.state
UNION ALL
-- Those that no `deliver` has looked at yet.
SELECT NULL, 'new', count(*)::text,
       to_char(min(o.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM app.outbox o
WHERE o.planned_at IS NULL
HAVING count(*) > 0
ORDER BY 1 NULLS FIRST, 2
