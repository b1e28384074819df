-- $1 store id, $2 product id, $3 policy, $4 par, $5 minimum, $6 pack unit; null: as it is, '': none
UPDATE app.stock k
SET policy = coalesce($3, k.policy),
    par_qty = CASE WHEN $4::text IS NULL THEN k.par_qty ELSE nullif($4::text, '')::numeric END,
    min_qty = CASE WHEN $5::text IS NULL THEN k.min_qty ELSE nullif($5::text, '')::numeric END,
    pack_unit = CASE WHEN $6::text IS NULL THEN k.pack_unit ELSE nullif($6::text, '') END,
    version = k.version + 1,
    updated_at = greatest(clock_timestamp(), k.updated_at + interval '1 microsecond')
WHERE k.store_id = $1::bigint AND k.product_id = $2::bigint
