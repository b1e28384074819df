-- $1 order id: gives back exactly what the ledger says was taken, once: the ledger key refuses a
-- second restore, and only what could be logged moves the stock.
WITH sold AS (
    SELECT l.store_id, l.product_id, l.ref, -l.quantity AS quantity
    FROM app.stock_log l
    WHERE l.order_id = $1::bigint AND l.change_type = 'sale'
), logged AS (
    INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after,
                               ref, reason, created_at)
    SELECT s.store_id, s.product_id, $1::bigint, 'restore', s.quantity, k.qty + s.quantity, s.ref,
           $2, clock_timestamp()
    FROM sold s
    JOIN app.stock k ON k.store_id = s.store_id AND k.product_id = s.product_id
    ON CONFLICT ON CONSTRAINT stock_log_ledger_key DO NOTHING
    RETURNING store_id, product_id, quantity
)
UPDATE app.stock k
SET qty = k.qty + l.quantity,
    updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
FROM logged l
WHERE k.store_id = l.store_id AND k.product_id = l.product_id
