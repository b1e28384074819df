-- $1 [{"line_no","product","quantity","price"}]: what each line costs, at today's price where it
-- says none; and the line with that price, so that the order is made at the prices it was priced at.
SELECT i.line_no, p.sku, p.category, p.name, (i.quantity * 1000)::bigint,
       (round(coalesce(i.price, p.price) * i.quantity, 2) * 100)::bigint,
       coalesce(i.price, p.price)::text, trim_scale(i.quantity)::text,
       json_build_object('line_no', i.line_no, 'product', i.product, 'quantity', i.quantity::text,
                         'price', coalesce(i.price, p.price)::text)::text
FROM jsonb_to_recordset($1::jsonb)
     AS i (line_no integer, product text, quantity numeric, price numeric)
JOIN app.products p ON p.sku = i.product
ORDER BY i.line_no
