-- $1 payment number: its order's number, to lock it by
SELECT o.order_no FROM app.payments p JOIN app.orders o ON o.id = p.order_id WHERE p.payment_no = $1
