-- What should have been told by now and since when, and what is left to people.
WITH due AS (
    SELECT o.created_at AS since FROM app.outbox o WHERE o.planned_at IS NULL
    UNION ALL
    SELECT n.next_at FROM app.notifications n
    WHERE n.state IN ('queued', 'failed') AND n.next_at <= clock_timestamp()
)
SELECT count(*),
       coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::bigint,
       (SELECT count(*) FROM app.notifications WHERE state = 'dead'),
       (SELECT count(*) FROM app.notifications WHERE state = 'unknown')
FROM due
