-- $1 id, $2 epoch: locked for the holder of this epoch, and for nobody else.
SELECT g.kind, g.status, o.order_no, g.reason, g.only_unpaid, o.status, g.user_id, g.attempts
FROM app.sagas g
JOIN app.orders o ON o.id = g.order_id
WHERE g.id = $1::bigint AND g.epoch = $2::integer AND g.status IN ('running', 'compensating')
FOR UPDATE OF g
