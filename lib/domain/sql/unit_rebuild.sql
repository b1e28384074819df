-- $1 product id: recipes that name it are multiplied out again.
SELECT app.recipe_rebuild(ARRAY(SELECT DISTINCT l.product_id FROM app.recipe_lines l
                                WHERE l.ingredient_id = $1::bigint))
