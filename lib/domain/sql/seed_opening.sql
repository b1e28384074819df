-- Every product has an opening count at every store, whose numbers are not the ERP's.
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
