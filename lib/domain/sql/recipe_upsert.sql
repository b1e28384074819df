-- $1 product id, $2 makes
INSERT INTO app.recipes AS r (product_id, makes)
VALUES ($1::bigint, $2::numeric)
ON CONFLICT (product_id) DO UPDATE
SET makes = excluded.makes, version = r.version + 1, updated_at = clock_timestamp()
