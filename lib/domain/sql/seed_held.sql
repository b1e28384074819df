-- The stock of what is on the menu, held in key order while movements are added, so that a platform at
-- work cannot interleave: places of store and dish, their ids, quantity in millionths.
SELECT s.n - 1, m.rank, t.store_id, t.product_id, (t.qty * 1000000)::bigint
FROM app.stock t
JOIN seed_store s USING (store_id)
JOIN seed_menu m USING (product_id)
ORDER BY t.store_id, t.product_id
FOR UPDATE OF t
