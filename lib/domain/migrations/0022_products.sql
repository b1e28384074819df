-- Products are kept through the API: a version against lost updates, and their units.
ALTER TABLE app.products ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE OR REPLACE VIEW app.product_documents AS
SELECT p.id, p.sku, p.category, p.active,
       json_build_object(
           'sku', p.sku,
           'name', p.name,
           'material_code', p.material_code,
           'unit', p.unit,
           'units', (SELECT coalesce(json_agg(json_build_object(
                                'unit', u.unit,
                                'base_quantity', CASE WHEN u.den = 1 THEN u.num::text
                                                      ELSE u.num || '/' || u.den END)
                                ORDER BY u.unit), '[]'::json)
                     FROM app.product_units u
                     WHERE u.product_id = p.id),
           'price', p.price::text,
           'category', p.category,
           'active', p.active,
           'has_recipe', EXISTS (SELECT FROM app.recipes r WHERE r.product_id = p.id),
           'version', p.version,
           'updated_at', to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.products p;
