-- The tables of tests/perf/faulty.c: orders twice, once without the index that they want.
create extension if not exists pg_stat_statements;
create extension if not exists hypopg;
create schema shop;
create table shop.stores (id int primary key, name text not null);
create table shop.products (id int primary key, category int not null, name text not null,
                            price numeric(12,2) not null);
create table shop.orders (id bigint primary key, store_id int not null, created_at timestamptz not null,
                          total numeric(12,2) not null);
create table shop.items (order_id bigint not null, line int not null, product_id int not null,
                         quantity int not null, primary key (order_id, line));
create table shop.audit (id bigint generated always as identity primary key, order_id bigint not null,
                         line int not null);
insert into shop.stores select n, 'store ' || n from generate_series(1, 200) n;
insert into shop.products
select n, n % 40, 'dish ' || n, (n % 97) + 0.5 from generate_series(1, 8000) n;
insert into shop.orders
select n, n % 200 + 1, timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', n % 300
  from generate_series(1, 60000) n;
insert into shop.items
select o, l, (o * 7 + l) % 8000 + 1, l from generate_series(57000, 60000) o, generate_series(1, 3) l;
create table shop.orders_plain as select * from shop.orders;
alter table shop.orders_plain add primary key (id);
create index idx_orders_store on shop.orders (store_id, created_at desc);
vacuum (analyze);
