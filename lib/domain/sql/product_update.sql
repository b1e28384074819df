-- $1 id, $2 name, $3 material code ('': none), $4 unit, $5 price, $6 category, $7 active; null: as is
UPDATE app.products p
SET name = coalesce($2, p.name),
    material_code = CASE WHEN $3::text IS NULL THEN p.material_code ELSE nullif($3::text, '') END,
    unit = coalesce($4, p.unit),
    price = coalesce($5::numeric, p.price),
    category = coalesce($6, p.category),
    active = coalesce($7::boolean, p.active),
    version = p.version + 1,
    updated_at = greatest(clock_timestamp(), p.updated_at + interval '1 microsecond')
WHERE p.id = $1::bigint
