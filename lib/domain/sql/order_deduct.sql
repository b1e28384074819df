-- $1 order id. The ledger key makes a second deduction of the same order nothing; the condition in
-- the write lets no row go below zero. Rows: how many products, logged, taken.
WITH need AS (
    SELECT o.store_id, i.product_id, o.order_no, sum(i.quantity) AS quantity
    FROM app.orders o
    JOIN app.order_items i ON i.order_id = o.id
    WHERE o.id = $1::bigint
    GROUP BY o.store_id, i.product_id, o.order_no
), taken AS (
    UPDATE app.stock k
    SET qty = k.qty - n.quantity,
        updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
    FROM need n
    WHERE k.store_id = n.store_id AND k.product_id = n.product_id
      AND (k.qty >= n.quantity OR k.policy = 'allow')
      AND NOT EXISTS (SELECT 1 FROM app.stock_log l
                      WHERE l.ref = 'order:' || n.order_no AND l.change_type = 'sale'
                        AND l.store_id = n.store_id AND l.product_id = n.product_id)
    RETURNING k.store_id, k.product_id, k.qty, n.order_no, n.quantity
), logged AS (
    INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after,
                               ref, created_at)
    SELECT t.store_id, t.product_id, $1::bigint, 'sale', -t.quantity, t.qty,
           'order:' || t.order_no, clock_timestamp()
    FROM taken t
    RETURNING 1
)
SELECT (SELECT count(*) FROM need), (SELECT count(*) FROM logged)
