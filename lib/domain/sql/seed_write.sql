-- The drawn orders, their lines, their money and their history into the platform's tables.
INSERT INTO app.orders (id, order_no, store_id, channel, guests, table_no, status, payment_status,
                        fulfilment_status, payment_method, gross_amount, discount_amount, total_amount, refund_amount,
                        member_ref, cancel_reason, cancelled_at, paid_at, business_date,
                        created_at, updated_at)
SELECT o.id, o.order_no, o.store_id, o.channel,
       CASE WHEN o.channel = 'dine_in' THEN pg_temp.pick(o.seed, o.n, 50, 1, 6) ELSE 0 END,
       CASE WHEN o.channel = 'dine_in'
            THEN chr(65 + pg_temp.pick(o.seed, o.n, 51, 0, 2))
                 || lpad(pg_temp.pick(o.seed, o.n, 52, 1, 24)::text, 2, '0') END,
       o.status,
       CASE WHEN o.paid_at IS NULL THEN 'unpaid'
            WHEN o.ending IN ('refunded', 'paid_cancelled') THEN 'refunded'
            WHEN o.ending = 'partly_refunded' THEN 'partially_refunded' ELSE 'paid' END,
       CASE o.status WHEN 'accepted' THEN 'preparing' WHEN 'fulfilled' THEN 'fulfilled'
                     WHEN 'cancelled' THEN 'cancelled' ELSE 'waiting' END,
       (ARRAY['wechat', 'wechat', 'wechat', 'wechat', 'wechat', 'wechat', 'alipay', 'alipay',
              'alipay', 'cash'])[pg_temp.pick(o.seed, o.n, 53, 1, 10)],
       t.gross, t.discount, t.gross - t.discount,
       CASE WHEN o.ending IN ('refunded', 'paid_cancelled') THEN t.gross - t.discount
            WHEN o.ending = 'partly_refunded' THEN least(t.first_amount, t.gross - t.discount)
            ELSE 0 END,
       CASE WHEN pg_temp.draw(o.seed, o.n, 54) < 0.45
            THEN substr('王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗', 1 + member % 20, 1)
                 || CASE WHEN member % 7 < 4 THEN '女士-' ELSE '先生-' END
                 || lpad(member::text, 6, '0') END,
       o.cancel_reason, o.cancelled_at, o.paid_at, o.business_date, o.created_at,
       CASE WHEN o.is_first
            THEN greatest(o.created_at, o.paid_at, o.accepted_at, o.fulfilled_at, o.cancelled_at,
                          o.refunded_at)
            ELSE now() END
FROM (SELECT *, pg_temp.pick(seed, n, 55, 1, 5000) AS member FROM seed_order) o
JOIN (SELECT l.order_id, sum(l.amount) AS gross,
             max(l.amount) FILTER (WHERE l.line_no = 1) AS first_amount,
             CASE WHEN sum(l.amount) >= 100 AND l.order_id % 3 = 0 THEN 15.00
                  WHEN sum(l.amount) >= 50 AND l.order_id % 5 = 0 THEN 5.00
                  WHEN l.order_id % 11 = 0 THEN round(sum(l.amount) * 0.12, 2)
                  ELSE 0.00 END AS discount
      FROM seed_line l GROUP BY l.order_id) t ON t.order_id = o.id
ORDER BY o.created_at, o.id;

INSERT INTO app.order_items (order_id, line_no, product_id, sku, product_name, price, quantity,
                             amount, created_at, updated_at)
SELECT l.order_id, l.line_no, l.product_id, l.sku, l.name, l.price, l.quantity, l.amount,
       o.created_at, o.created_at
FROM seed_line l JOIN seed_order o ON o.id = l.order_id
ORDER BY l.order_id, l.line_no;

-- Money: each payment was recorded at its till, and so was each refund.
INSERT INTO app.payments (order_id, payment_no, method, channel, amount, status, paid_at,
                          created_at, updated_at)
SELECT o.id, o.order_no || '-P1', o.payment_method, 'none', o.total_amount, 'succeeded', o.paid_at,
       o.paid_at, o.paid_at
FROM seed_order s
JOIN app.orders o ON o.id = s.id
WHERE s.paid_at IS NOT NULL
ORDER BY o.id;

INSERT INTO app.refunds (payment_id, order_id, refund_no, amount, status, reason, accepted_at,
                         final_at, created_at, updated_at)
SELECT p.id, o.id, p.payment_no || '-R1', o.refund_amount, 'succeeded',
       coalesce(s.cancel_reason, '菜品问题'), coalesce(s.refunded_at, s.cancelled_at),
       coalesce(s.refunded_at, s.cancelled_at), coalesce(s.refunded_at, s.cancelled_at),
       coalesce(s.refunded_at, s.cancelled_at)
FROM seed_order s
JOIN app.orders o ON o.id = s.id
JOIN app.payments p ON p.order_id = o.id
WHERE o.refund_amount > 0
ORDER BY o.id;

INSERT INTO app.order_status_history (order_id, from_status, to_status, payment_status,
                                      fulfilment_status, reason, created_at, updated_at)
SELECT o.id, h.from_status, h.to_status, h.payment_status, h.fulfilment_status, h.reason, h.at, h.at
FROM seed_order o, LATERAL (VALUES
    (1, NULL, 'pending', 'unpaid', 'waiting', NULL, o.created_at),
    (2, 'pending', 'paid', 'paid', 'waiting', NULL, o.paid_at),
    (3, 'paid', 'accepted', 'paid', 'preparing', NULL, o.accepted_at),
    (4, 'accepted', 'fulfilled', 'paid', 'fulfilled', NULL, o.fulfilled_at),
    (5, CASE WHEN o.paid_at IS NULL THEN 'pending' ELSE 'paid' END, 'cancelled',
     CASE WHEN o.paid_at IS NULL THEN 'unpaid' ELSE 'refunded' END, 'cancelled', o.cancel_reason,
     o.cancelled_at),
    (6, o.status, o.status,
     CASE o.ending WHEN 'refunded' THEN 'refunded' ELSE 'partially_refunded' END, 'fulfilled',
     '菜品问题', o.refunded_at))
    AS h (step, from_status, to_status, payment_status, fulfilment_status, reason, at)
WHERE h.at IS NOT NULL
ORDER BY o.id, h.step;
