SELECT count(*)
FROM app.products p
WHERE ($1::text IS NULL OR p.category = $1)
  AND ($2::boolean IS NULL OR p.active = $2)
