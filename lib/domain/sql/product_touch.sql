-- $1 product id
UPDATE app.products p
SET version = p.version + 1,
    updated_at = greatest(clock_timestamp(), p.updated_at + interval '1 microsecond')
WHERE p.id = $1::bigint
