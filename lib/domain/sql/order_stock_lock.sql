-- $1 order id: locks the stock of its products, in key order.
SELECT k.product_id
FROM app.stock k
JOIN app.orders o ON o.id = $1::bigint AND o.store_id = k.store_id
WHERE k.product_id IN (SELECT i.product_id FROM app.order_items i WHERE i.order_id = $1::bigint)
ORDER BY k.store_id, k.product_id
FOR UPDATE OF k
