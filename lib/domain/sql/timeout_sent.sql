-- $1 age in ms: an unpaid order that a channel may still take a payment for, locked; one that is
-- being closed, or that somebody else is at, is left out.
SELECT o.order_no
FROM app.orders o
WHERE o.status = 'pending' AND o.created_at < clock_timestamp() - $1::bigint * interval '1 ms'
  AND EXISTS (SELECT FROM app.payments p WHERE p.order_id = o.id
              AND p.status IN ('created', 'sent'))
  AND NOT EXISTS (SELECT FROM app.sagas g WHERE g.order_id = o.id AND g.kind = 'closing'
                  AND g.status IN ('running', 'compensating'))
ORDER BY o.created_at, o.id
LIMIT 1
FOR UPDATE OF o SKIP LOCKED
