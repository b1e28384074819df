DELETE FROM app.recipes r WHERE r.product_id = $1::bigint
