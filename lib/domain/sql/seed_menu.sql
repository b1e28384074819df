SELECT m.product_id, m.sku, m.name, (m.price * 100)::bigint FROM seed_menu m ORDER BY m.rank
