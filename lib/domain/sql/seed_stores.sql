SELECT s.store_id, s.code FROM seed_store s ORDER BY s.n
