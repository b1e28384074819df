-- $1 user, $2 request key: the saga that an earlier sending of this request began.
SELECT g.id, g.request_hash, g.status, o.order_no, g.kind
FROM app.sagas g
JOIN app.orders o ON o.id = g.order_id
WHERE g.user_id = $1::bigint AND g.request_key = $2
