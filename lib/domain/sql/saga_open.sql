-- $1 order id, $2 kind (null: any): what is under way for it.
SELECT g.id, g.kind FROM app.sagas g
WHERE g.order_id = $1::bigint AND g.status IN ('running', 'compensating')
  AND ($2::text IS NULL OR g.kind = $2)
ORDER BY g.kind
