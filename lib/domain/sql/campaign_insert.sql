-- $1 terms; no row: the code is taken
INSERT INTO app.campaigns (code, name, terms, starts_on, ends_on, stores, needs_coupon, priority,
                           budget, created_at, updated_at)
SELECT t ->> 'code', t ->> 'name', t,
       coalesce((t ->> 'starts_on')::date, '-infinity'), coalesce((t ->> 'ends_on')::date, 'infinity'),
       CASE WHEN t -> 'stores' <> '[]'::jsonb
            THEN ARRAY(SELECT jsonb_array_elements_text(t -> 'stores')) END,
       (t ->> 'coupon')::boolean, (t ->> 'priority')::integer, (t ->> 'budget')::numeric,
       clock_timestamp(), clock_timestamp()
FROM (SELECT $1::jsonb AS t) new
ON CONFLICT (code) DO NOTHING
RETURNING id
