-- What lies in ods for the tests of sales_export and marts: two stores, two products, four orders.
-- Run in a transaction that is rolled back; the tables may not be there yet.
create schema if not exists ods;
create table if not exists ods.stores (store text, name text, timezone text, cutoff text);
create table if not exists ods.products (
    product text, name text, material_code text, category text, unit text, price numeric(12,2), active bool);
create table if not exists ods.orders (
    order_no text, store text, channel text, guests int, table_no text, status text, payment_status text,
    payment_method text, currency text, gross_amount numeric(14,2), discount_amount numeric(14,2),
    total_amount numeric(14,2), refund_amount numeric(14,2), member_ref text, cancel_reason text,
    cancelled_at timestamptz, paid_at timestamptz, business_date date, created_at timestamptz,
    updated_at timestamptz, items jsonb);
delete from ods.orders;
delete from ods.products;
delete from ods.stores;

insert into ods.stores (store, name, timezone, cutoff)
values ('S001', '人民广场店', 'Asia/Shanghai', '04:00'), ('S002', '陆家嘴店', 'Asia/Shanghai', '04:00');

insert into ods.products (product, name, material_code, category, unit, price, active)
values ('P1', '盐焗鸡饭', '01.010.1001', 'main', '份', 38.50, true),
       ('P2', '牛肉面', null, 'main', '碗', 26.00, true);

insert into ods.orders (order_no, store, channel, guests, status, payment_status, payment_method, currency,
                        gross_amount, discount_amount, total_amount, refund_amount, business_date,
                        created_at, paid_at, updated_at, items)
values
    ('A1', 'S001', 'dine_in', 2, 'fulfilled', 'paid', 'wechat', 'CNY', 103.00, 3.00, 100.00, 0, '2026-11-21',
     '2026-11-21T04:10:00Z', '2026-11-21T04:50:00Z', '2026-11-21T05:00:00Z',
     '[{"line_no": 1, "product": "P1", "product_name": "盐焗鸡饭", "price": 38.50, "quantity": 2, "amount": 77.00},
       {"line_no": 2, "product": "P2", "product_name": "牛肉面", "price": 26.00, "quantity": 1, "amount": 26.00}]'),
    ('A2', 'S001', 'takeaway', 1, 'fulfilled', 'partially_refunded', 'wechat', 'CNY', 38.50, 0, 38.50, 10.00, '2026-11-21',
     '2026-11-21T19:30:00Z', '2026-11-21T19:31:00Z', '2026-11-21T20:00:00Z',
     '[{"line_no": 1, "product": "P1", "product_name": "盐焗鸡饭", "price": 38.50, "quantity": 1, "amount": 38.50}]'),
    ('A3', 'S002', 'dine_in', 1, 'cancelled', 'unpaid', null, 'CNY', 26.00, 0, 26.00, 0, '2026-11-21',
     '2026-11-21T10:00:00Z', null, '2026-11-21T10:30:00Z',
     '[{"line_no": 1, "product": "P2", "product_name": "牛肉面", "price": 26.00, "quantity": 1, "amount": 26.00}]'),
    ('A4', 'S002', 'dine_in', 1, 'fulfilled', 'paid', 'alipay', 'CNY', 26.00, 0, 26.00, 0, '2026-11-22',
     '2026-11-22T01:00:00Z', '2026-11-22T01:01:00Z', '2026-11-22T01:10:00Z',
     '[{"line_no": 1, "product": "P2", "product_name": "牛肉面", "price": 26.00, "quantity": 1, "amount": 26.00}]');
