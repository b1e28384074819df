-- Stock and its ledger. Every product has an opening count at every store, whose numbers are not
-- the ERP's; what a day sells is delivered that morning; sales and restorations follow the orders.
CREATE TEMP TABLE seed_opening ON COMMIT DROP AS
SELECT s.store_id, s.code, p.id AS product_id, p.sku, as_of - make_interval(days => days + 1) AS at,
       (CASE WHEN p.sku < 'P2' THEN 5 + pg_temp.draw(seed, key, 60) * 1990
             ELSE pg_temp.pick(seed, key, 60, 200, 600) END)::numeric(18,3) AS qty
FROM seed_input, seed_store s, app.products p,
     LATERAL (SELECT hashtextextended(s.code || p.sku, 0) AS key) k
WHERE p.sku ~ '^P[12]0[0-9]{2}$'
  AND NOT EXISTS (SELECT FROM app.stock t WHERE t.store_id = s.store_id AND t.product_id = p.id);

INSERT INTO app.stock (store_id, product_id, qty, created_at, updated_at)
SELECT store_id, product_id, qty, at, at FROM seed_opening ORDER BY store_id, product_id;

INSERT INTO app.stock_log (store_id, product_id, change_type, quantity, stock_after, ref, reason,
                           created_at, updated_at)
SELECT store_id, product_id, 'count', qty, qty, 'opening-' || code, '期初盘点', at, at
FROM seed_opening ORDER BY store_id, product_id;

-- Held in key order while the movements are added, so that a platform at work cannot interleave.
CREATE TEMP TABLE seed_held ON COMMIT DROP AS
WITH held AS (
    SELECT t.store_id, t.product_id, t.qty FROM app.stock t
    WHERE (t.store_id, t.product_id) IN
          (SELECT o.store_id, l.product_id FROM seed_order o JOIN seed_line l ON l.order_id = o.id)
    ORDER BY t.store_id, t.product_id
    FOR UPDATE
)
SELECT * FROM held;

CREATE TEMP TABLE seed_move ON COMMIT DROP AS
WITH sold AS (
    SELECT o.store_id, l.product_id, o.id AS order_id, o.order_no, o.business_date, o.created_at,
           o.cancelled_at, o.cancel_reason, l.quantity
    FROM seed_line l JOIN seed_order o ON o.id = l.order_id
)
SELECT store_id, product_id, NULL::bigint AS order_id, 'adjust' AS change_type,
       sum(quantity) AS quantity, '采购入库' AS reason,
       'delivery-' || to_char(business_date, 'YYYYMMDD') || '-' || min(order_id) AS ref,
       (business_date + time '06:00') AT TIME ZONE 'Asia/Shanghai' AS at
FROM sold GROUP BY store_id, product_id, business_date
UNION ALL
SELECT store_id, product_id, order_id, 'sale', -quantity, NULL, 'order:' || order_no, created_at
FROM sold
UNION ALL
SELECT store_id, product_id, order_id, 'restore', quantity, cancel_reason, 'order:' || order_no,
       cancelled_at
FROM sold WHERE cancelled_at IS NOT NULL;

INSERT INTO app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after, ref,
                           reason, created_at, updated_at)
SELECT m.store_id, m.product_id, m.order_id, m.change_type, m.quantity,
       h.qty + sum(m.quantity) OVER (PARTITION BY m.store_id, m.product_id
                                     ORDER BY m.at, m.order_id NULLS FIRST, m.change_type DESC),
       m.ref, m.reason, m.at, m.at
FROM seed_move m JOIN seed_held h USING (store_id, product_id)
ORDER BY m.at, m.order_id NULLS FIRST, m.store_id, m.product_id, m.change_type DESC;

UPDATE app.stock t
SET qty = t.qty + m.quantity, updated_at = greatest(t.updated_at, m.at)
FROM (SELECT store_id, product_id, sum(quantity) AS quantity, max(at) AS at
      FROM seed_move GROUP BY store_id, product_id) m
WHERE t.store_id = m.store_id AND t.product_id = m.product_id;
