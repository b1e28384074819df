-- $1 code, $2 only this store (null: all): what the orders came to that it was applied to. Those
-- that gave it back are counted apart.
WITH applied AS (
    SELECT s.code AS store, o.gross_amount, o.total_amount,
           sum(d.amount) AS discount, bool_and(d.returned_at IS NOT NULL) AS returned
    FROM app.campaigns c
    JOIN app.order_discounts d ON d.campaign_id = c.id
    JOIN app.orders o ON o.id = d.order_id
    JOIN app.stores s ON s.id = o.store_id
    WHERE c.code = $1 AND ($2::text IS NULL OR s.code = $2)
    GROUP BY s.code, o.id
), by_store AS (
    SELECT store, count(*) FILTER (WHERE NOT returned) AS orders,
           coalesce(sum(gross_amount) FILTER (WHERE NOT returned), 0) AS gross,
           coalesce(sum(discount) FILTER (WHERE NOT returned), 0) AS discount,
           coalesce(sum(total_amount) FILTER (WHERE NOT returned), 0) AS net,
           count(*) FILTER (WHERE returned) AS returned_orders,
           coalesce(sum(discount) FILTER (WHERE returned), 0) AS returned
    FROM applied
    GROUP BY store
)
SELECT json_build_object(
           'orders', coalesce(sum(orders), 0),
           'gross_amount', coalesce(sum(gross), 0)::numeric(18,2)::text,
           'discount_amount', coalesce(sum(discount), 0)::numeric(18,2)::text,
           'net_amount', coalesce(sum(net), 0)::numeric(18,2)::text,
           'returned_orders', coalesce(sum(returned_orders), 0),
           'returned_amount', coalesce(sum(returned), 0)::numeric(18,2)::text,
           'stores', coalesce(json_agg(json_build_object(
                         'store', store,
                         'orders', orders,
                         'gross_amount', gross::numeric(18,2)::text,
                         'discount_amount', discount::numeric(18,2)::text,
                         'net_amount', net::numeric(18,2)::text,
                         'returned_orders', returned_orders,
                         'returned_amount', returned::numeric(18,2)::text)
                         ORDER BY store), '[]'::json))::text
FROM by_store
