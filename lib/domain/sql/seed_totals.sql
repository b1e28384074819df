-- What there is now.
SELECT (SELECT count(*) FROM app.stores) AS stores,
       (SELECT count(*) FROM app.products) AS products,
       (SELECT count(*) FROM app.stock) AS stock_rows,
       (SELECT count(*) FROM app.orders) AS orders
