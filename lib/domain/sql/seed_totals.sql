-- What the seeding added, and what there is now.
SELECT (SELECT count(*) FROM seed_order) AS orders_added,
       (SELECT count(*) FROM seed_line) AS lines_added,
       (SELECT count(*) FROM seed_move) AS moves_added,
       (SELECT count(*) FROM app.stores) AS stores,
       (SELECT count(*) FROM app.products) AS products,
       (SELECT count(*) FROM app.stock) AS stock_rows,
       (SELECT count(*) FROM app.orders) AS orders
