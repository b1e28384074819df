-- $1 product id, $2 unit: why it cannot have a factor of its own; no row: it can.
SELECT CASE WHEN p.unit = $2 THEN 'base'
            WHEN b.dimension = a.dimension THEN 'same_dimension'
            ELSE 'second' END, coalesce(o.unit, p.unit)
FROM app.products p
LEFT JOIN app.units a ON a.code = $2
LEFT JOIN app.units b ON b.code = p.unit
LEFT JOIN LATERAL (SELECT u.unit
                   FROM app.product_units u JOIN app.units c ON c.code = u.unit
                   WHERE u.product_id = p.id AND u.unit <> $2 AND c.dimension = a.dimension
                   LIMIT 1) o ON true
WHERE p.id = $1::bigint
  AND (p.unit = $2 OR b.dimension = a.dimension OR o.unit IS NOT NULL)
