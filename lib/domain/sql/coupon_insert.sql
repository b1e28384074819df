-- $1 codes as a JSON list, $2 campaign's id, $3 member's id, $4 uses, $5 last day or null: the new ones as a JSON list, in
-- the order of their codes, and how many they are. Codes that are taken are left out.
WITH made AS (
    INSERT INTO app.coupons (code, campaign_id, member_id, uses_max, expires_on, created_at, updated_at)
    SELECT w, $2::bigint, $3::bigint, $4::integer, $5::date, clock_timestamp(), clock_timestamp()
    FROM jsonb_array_elements_text($1::jsonb) w
    ON CONFLICT (code) DO NOTHING
    RETURNING code
)
SELECT count(*), json_agg(code ORDER BY code)::text FROM made
