-- $1 ids of campaigns as an array, $2 member's id: no other order of this member has one of them until this
-- transaction is over. In the order of their ids, as everybody does.
SELECT pg_advisory_xact_lock(hashtextextended('diner:campaign:' || c.id || ':' || $2, 0))
FROM unnest($1::bigint[]) c (id)
ORDER BY c.id
