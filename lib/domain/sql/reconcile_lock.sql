-- $1 channel: 1 when its turn is ours until the end of the transaction
SELECT pg_try_advisory_xact_lock(hashtextextended('diner:reconcile:' || $1, 0))::integer
