-- $1 the id before the first, $2 how many: the numbers of those that are there.
SELECT o.id - $1::bigint FROM app.orders o
WHERE o.id > $1::bigint AND o.id <= $1::bigint + $2::bigint
ORDER BY o.id
