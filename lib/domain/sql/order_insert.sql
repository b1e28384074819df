-- $1 store, $2 [{"line_no","product","quantity","price"}] (price null: today's), $3 channel, $4
-- guests, $5 table, $6 payment method, $7 member as a till knows it, $8 user, $9 member's id, $10
-- discount (null: none). One statement: the order, its lines, the first line of its history.
WITH outlet AS (
    SELECT s.id, s.code,
           (clock_timestamp() AT TIME ZONE s.timezone - s.cutoff)::date AS business_date
    FROM app.stores s
    WHERE s.code = $1
), line AS (
    SELECT i.line_no, i.quantity, p.id AS product_id, p.sku, p.name,
           coalesce(i.price, p.price) AS price,
           round(coalesce(i.price, p.price) * i.quantity, 2) AS amount
    FROM jsonb_to_recordset($2::jsonb)
         AS i (line_no integer, product text, quantity numeric, price numeric)
    JOIN app.products p ON p.sku = i.product
), numbered AS (
    SELECT nextval(pg_get_serial_sequence('app.orders', 'id')) AS id
), made AS (
    INSERT INTO app.orders (id, order_no, store_id, channel, guests, table_no, payment_method,
                            member_ref, member_id, gross_amount, discount_amount,
                            total_amount, business_date, created_at, updated_at)
    SELECT n.id,
           o.code || '-' || to_char(o.business_date, 'YYYYMMDD') || '-' ||
               CASE WHEN n.id < 10000000 THEN lpad(n.id::text, 7, '0') ELSE n.id::text END,
           o.id, $3, $4::integer, $5, coalesce($6, 'wechat'), $7, $9::bigint,
           (SELECT sum(amount) FROM line), coalesce($10::numeric, 0),
           (SELECT sum(amount) FROM line) - coalesce($10::numeric, 0), o.business_date,
           clock_timestamp(), clock_timestamp()
    FROM numbered n, outlet o
    RETURNING id, order_no
), lines AS (
    INSERT INTO app.order_items (order_id, line_no, product_id, sku, product_name, price, quantity,
                                 amount)
    SELECT m.id, l.line_no, l.product_id, l.sku, l.name, l.price, l.quantity, l.amount
    FROM made m, line l
), history AS (
    INSERT INTO app.order_status_history (order_id, from_status, to_status, payment_status,
                                          fulfilment_status, user_id)
    SELECT m.id, NULL, 'pending', 'unpaid', 'waiting', $8::bigint FROM made m
)
SELECT id, order_no FROM made
