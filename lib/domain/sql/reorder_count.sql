-- $1 store (null: all): how many proposals there are
SELECT count(*)
FROM app.stock_levels k
CROSS JOIN LATERAL
     (SELECT k.qty - k.reserved + coalesce(sum(t.sent - t.received - t.returned), 0) AS covered
      FROM app.stock_transfers h
      JOIN app.stock_transfer_lines t ON t.transfer_id = h.id
      WHERE h.to_store_id = k.store_id AND h.status = 'in_transit'
        AND t.product_id = k.product_id) i
WHERE k.par_qty > i.covered AND (k.min_qty IS NULL OR i.covered <= k.min_qty)
  AND ($1::text IS NULL OR k.store_id = (SELECT id FROM app.stores WHERE code = $1))
