-- The orders that this seed has and the table does not: where, when, how, and what became of each.
-- (Materialized: inlined, each step would compute those before it once a mention.)
-- Numbers 1 to 12 are under way at as_of; 13 to 17 show each ending once, however few there are.
CREATE TEMP TABLE seed_order ON COMMIT DROP AS
WITH numbered AS MATERIALIZED (
    SELECT n, 900000000000 + seed * 10000000 + n AS id, seed, as_of, last_day, days, is_first,
           pg_temp.draw(seed, n, 1) AS daypart,
           (pg_temp.draw(seed, n, 2) + pg_temp.draw(seed, n, 3)) / 2 AS moment,
           pg_temp.draw(seed, n, 4) AS fate,
           pg_temp.draw(seed, n, 5) AS way,
           pg_temp.pick(seed, n, 6, 0, days - 1) AS day,
           pg_temp.pick(seed, n, 7, 0, days - 1) AS other_day,
           1 + floor(power(pg_temp.draw(seed, n, 8), 1.3) * stores)::integer AS store_n
    FROM seed_input, generate_series(1, orders) AS n
    WHERE NOT EXISTS (SELECT FROM app.orders o WHERE o.id = 900000000000 + seed * 10000000 + n)
), dated AS MATERIALIZED ( -- weekends are busier: one weekday order in four looks for another day
    SELECT *, last_day - CASE WHEN extract(isodow FROM last_day - day) < 6
                               AND pg_temp.draw(seed, n, 9) < 0.25 THEN other_day ELSE day END AS bizday,
           CASE WHEN daypart < 0.10 THEN 25200 + moment * 10800  -- breakfast 07:00
                WHEN daypart < 0.48 THEN 39600 + moment * 10800  -- lunch 11:00
                WHEN daypart < 0.60 THEN 50400 + moment * 10800  -- tea 14:00
                WHEN daypart < 0.94 THEN 61200 + moment * 16200  -- dinner 17:00
                ELSE 77400 + moment * 14400 END AS second        -- late, to 01:30
    FROM numbered
), placed AS MATERIALIZED (
    SELECT *, (bizday + make_interval(secs => floor(second))) AT TIME ZONE 'Asia/Shanghai' AS at
    FROM dated
), timed AS MATERIALIZED ( -- what would lie in the future happened the day before
    SELECT n, id, seed, as_of, is_first, store_n, way,
           CASE WHEN n <= 12 THEN as_of - make_interval(mins => n::integer * 2)
                WHEN at > as_of - interval '1 hour' THEN at - interval '1 day'
                ELSE at END AS created_at,
           CASE WHEN n <= 4 THEN 'pending' WHEN n <= 8 THEN 'paid' WHEN n <= 12 THEN 'accepted'
                WHEN n = 13 OR fate < 0.025 THEN 'timeout'
                WHEN n = 14 OR fate < 0.035 THEN 'cancelled'
                WHEN n = 15 OR fate < 0.045 THEN 'paid_cancelled'
                WHEN n = 16 OR fate < 0.060 THEN 'refunded'
                WHEN n = 17 OR fate < 0.070 THEN 'partly_refunded'
                ELSE 'fulfilled' END AS ending
    FROM placed
), paid AS MATERIALIZED (
    SELECT *, CASE WHEN ending NOT IN ('pending', 'timeout', 'cancelled')
                   THEN created_at + make_interval(secs => pg_temp.pick(seed, n, 10, 8, 55)) END AS paid_at
    FROM timed
), accepted AS MATERIALIZED (
    SELECT *, CASE WHEN ending IN ('accepted', 'fulfilled', 'refunded', 'partly_refunded')
                   THEN paid_at + make_interval(secs => pg_temp.pick(seed, n, 11, 5, 50)) END AS accepted_at,
           CASE ending WHEN 'timeout' THEN created_at + interval '30 minutes'
                WHEN 'cancelled' THEN created_at + make_interval(secs => pg_temp.pick(seed, n, 12, 40, 900))
                WHEN 'paid_cancelled' THEN paid_at + make_interval(secs => pg_temp.pick(seed, n, 12, 60, 600))
                END AS cancelled_at
    FROM paid
), fulfilled AS MATERIALIZED (
    SELECT *, CASE WHEN ending IN ('fulfilled', 'refunded', 'partly_refunded')
                   THEN accepted_at + make_interval(secs => pg_temp.pick(seed, n, 13, 480, 2700))
                   END AS fulfilled_at
    FROM accepted
)
SELECT f.*, s.store_id,
       (created_at AT TIME ZONE 'Asia/Shanghai' - interval '4 hours')::date AS business_date,
       s.code || '-' || to_char(created_at AT TIME ZONE 'Asia/Shanghai' - interval '4 hours', 'YYYYMMDD')
           || '-' || id AS order_no,
       CASE WHEN way < 0.55 THEN 'dine_in' WHEN way < 0.75 THEN 'takeout' ELSE 'delivery' END AS channel,
       CASE ending WHEN 'timeout' THEN 'cancelled' WHEN 'paid_cancelled' THEN 'cancelled'
            WHEN 'refunded' THEN 'fulfilled' WHEN 'partly_refunded' THEN 'fulfilled'
            ELSE ending END AS status,
       CASE ending WHEN 'timeout' THEN 'Payment timeout'
            WHEN 'cancelled' THEN '顾客取消' WHEN 'paid_cancelled' THEN '门店售罄' END AS cancel_reason,
       -- A refund is made soon after the meal, and never after as_of.
       CASE WHEN ending IN ('refunded', 'partly_refunded')
            THEN least(fulfilled_at + make_interval(mins => pg_temp.pick(f.seed, f.n, 14, 5, 180)),
                       greatest(as_of, fulfilled_at)) END AS refunded_at
FROM fulfilled f
JOIN seed_store s ON s.n = f.store_n;
ANALYZE seed_order;

-- One to six lines an order; the same dish drawn twice is one line.
CREATE TEMP TABLE seed_line ON COMMIT DROP AS
WITH drawn AS (
    SELECT o.n, o.seed, o.id, k, floor(power(pg_temp.draw(o.seed, o.n, 20 + k), 1.6)
                                       * (SELECT count(*) FROM seed_menu))::bigint AS rank,
           CASE WHEN pg_temp.draw(o.seed, o.n, 30 + k) < 0.75 THEN 1
                ELSE pg_temp.pick(o.seed, o.n, 40 + k, 2, 4) END AS quantity
    FROM seed_order o,
         generate_series(1, 1 + floor(power(pg_temp.draw(o.seed, o.n, 15), 1.5) * 6)::integer) AS k
), merged AS (
    SELECT id, rank, min(k) AS k, sum(quantity) AS quantity FROM drawn GROUP BY id, rank
)
SELECT l.id AS order_id, row_number() OVER (PARTITION BY l.id ORDER BY l.k)::integer AS line_no,
       m.product_id, m.sku, m.name, m.price, l.quantity,
       (m.price * l.quantity)::numeric(12,2) AS amount
FROM merged l
JOIN seed_menu m USING (rank);
ANALYZE seed_line;
