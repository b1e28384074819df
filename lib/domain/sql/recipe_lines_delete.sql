DELETE FROM app.recipe_lines l WHERE l.product_id = $1::bigint
