-- $1 user, $2 key: a second request with the same key waits here until the first has ended.
SELECT pg_advisory_xact_lock(hashtextextended('idempotency:' || $1::text || ':' || $2::text, 0))
