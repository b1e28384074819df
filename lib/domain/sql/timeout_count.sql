-- $1 age in ms: unpaid orders that old; of them those a channel may know.
SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM app.payments p WHERE p.order_id = o.id
                                                AND p.status IN ('created', 'sent')))
FROM app.orders o
WHERE o.status = 'pending' AND o.created_at < clock_timestamp() - $1::bigint * interval '1 ms'
