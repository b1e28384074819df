-- $1 product id: it and everything made of it is multiplied out again.
SELECT app.recipe_rebuild(ARRAY[$1::bigint])
