-- The ERP's stock, the platform's and a reject of the last export, for the tests of stock_sync.
create schema if not exists ods;
create table if not exists ods.erp_stock (store text, material text, qty numeric(18,6), exported_at timestamptz);
create table if not exists ods.platform_stock (
    store text, product text, product_name text, material_code text, unit text,
    qty numeric(18,6), moved_qty numeric(18,6));
delete from ods.erp_stock;
delete from ods.platform_stock;
insert into ods.erp_stock (store, material, qty, exported_at)
values ('S001', 'M1', 4, '2026-11-21T15:00:00Z'), ('S001', 'M1', 6, '2026-11-21T15:00:00Z'),
       ('S001', 'M2', -1, '2026-11-21T15:00:00Z'), ('S001', 'M3', 5, '2026-11-21T15:00:00Z');
insert into ods.platform_stock (store, product, product_name, material_code, unit, qty, moved_qty)
values ('S001', 'P1', 'two batches, one sold since', 'M1', 'kg', 12, -1),
       ('S001', 'P2', 'negative in the ERP', 'M2', 'kg', 3, 0),
       ('S001', 'P3', 'equal', 'M3', 'kg', 5, 0),
       ('S001', 'P4', 'not in the ERP', 'M4', 'kg', 7, 0);
