-- $1 product id, $2 unit, $3 base units in one of it, or null, $4 of it in one base unit, or null
INSERT INTO app.product_units AS u (product_id, unit, num, den)
SELECT $1::bigint, $2, div(f.num, gcd(f.num, f.den)), div(f.den, gcd(f.num, f.den))
FROM (SELECT trunc(coalesce($3::numeric, 1) * 1000000) AS num,
             trunc(coalesce($4::numeric, 1) * 1000000) AS den) f
ON CONFLICT (product_id, unit) DO UPDATE
SET num = excluded.num, den = excluded.den, updated_at = clock_timestamp()
