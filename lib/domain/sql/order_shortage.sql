-- $1 order id (inside the transaction that is about to be rolled back): what was short.
SELECT coalesce(json_agg(json_build_object('product', p.sku,
                                           'wanted', trim_scale(n.quantity)::text,
                                           'available', trim_scale(k.qty)::text) ORDER BY p.sku),
                '[]'::json)::text
FROM (SELECT o.store_id, i.product_id, sum(i.quantity) AS quantity
      FROM app.orders o
      JOIN app.order_items i ON i.order_id = o.id
      WHERE o.id = $1::bigint
      GROUP BY o.store_id, i.product_id) n
JOIN app.products p ON p.id = n.product_id
JOIN app.stock k ON k.store_id = n.store_id AND k.product_id = n.product_id
WHERE k.qty < n.quantity AND k.policy <> 'allow'
  -- What could be taken is taken already, in this transaction.
  AND NOT EXISTS (SELECT 1 FROM app.stock_log l
                  WHERE l.order_id = $1::bigint AND l.change_type = 'sale'
                    AND l.product_id = n.product_id)
