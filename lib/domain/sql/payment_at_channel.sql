-- $1 order id: whether a channel has a payment of it, or may have one
SELECT count(*) FROM app.payments p
WHERE p.order_id = $1::bigint AND p.channel NOT IN ('none', 'wallet')
  AND p.status IN ('created', 'sent', 'succeeded')
