-- Units and recipes. A factor is a pair of whole numbers (num / den), so that a third of a case stays
-- a third; only a movement of stock is rounded, once, to 6 decimals, half away from zero.

-- The units everybody knows, in grams, millilitres, pieces.
CREATE TABLE app.units (
    code       text NOT NULL,
    dimension  text NOT NULL,
    num        numeric NOT NULL,
    den        numeric NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT units_pkey PRIMARY KEY (code),
    CONSTRAINT units_dimension_known CHECK (dimension IN ('mass', 'volume', 'count')),
    CONSTRAINT units_factor_positive CHECK (num > 0 AND den > 0)
);
INSERT INTO app.units (code, dimension, num, den) VALUES
    ('g', 'mass', 1, 1), ('克', 'mass', 1, 1), ('mg', 'mass', 1, 1000), ('毫克', 'mass', 1, 1000),
    ('kg', 'mass', 1000, 1), ('公斤', 'mass', 1000, 1), ('千克', 'mass', 1000, 1),
    ('斤', 'mass', 500, 1), ('市斤', 'mass', 500, 1), ('两', 'mass', 50, 1), ('钱', 'mass', 5, 1),
    ('t', 'mass', 1000000, 1), ('吨', 'mass', 1000000, 1),
    ('ml', 'volume', 1, 1), ('毫升', 'volume', 1, 1), ('l', 'volume', 1000, 1),
    ('L', 'volume', 1000, 1), ('升', 'volume', 1000, 1),
    ('个', 'count', 1, 1), ('打', 'count', 12, 1);

-- What else an item is counted in: 1 unit = num / den of its base unit (products.unit).
CREATE TABLE app.product_units (
    product_id bigint NOT NULL REFERENCES app.products (id),
    unit       text NOT NULL,
    num        numeric NOT NULL,
    den        numeric NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT product_units_pkey PRIMARY KEY (product_id, unit),
    CONSTRAINT product_units_factor_positive
        CHECK (num > 0 AND den > 0 AND scale(num) = 0 AND scale(den) = 0)
);

-- 1 unit of the product = num / den of its base unit; no row: unknown. A null unit is the base unit.
CREATE FUNCTION app.unit_factor(p_product bigint, p_unit text, OUT num numeric, OUT den numeric)
RETURNS SETOF record LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT div(f.num, gcd(f.num, f.den)), div(f.den, gcd(f.num, f.den))
    FROM (SELECT 1 AS rank, 1::numeric AS num, 1::numeric AS den
          FROM app.products p
          WHERE p.id = p_product AND (p_unit IS NULL OR p.unit = p_unit)
          UNION ALL
          SELECT 2, u.num, u.den
          FROM app.product_units u
          WHERE u.product_id = p_product AND u.unit = p_unit
          UNION ALL -- both are masses, say
          SELECT 3, a.num * b.den, a.den * b.num
          FROM app.products p
          JOIN app.units b ON b.code = p.unit
          JOIN app.units a ON a.dimension = b.dimension
          WHERE p.id = p_product AND a.code = p_unit
          UNION ALL -- a bag of 500 g, asked for in 两
          SELECT 4, a.num * b.den * u.num, a.den * b.num * u.den
          FROM app.product_units u
          JOIN app.units b ON b.code = u.unit
          JOIN app.units a ON a.dimension = b.dimension
          WHERE u.product_id = p_product AND a.code = p_unit) f
    ORDER BY f.rank
    LIMIT 1
$$;

-- num / den as a quantity of stock. div() is exact, the operator / is not.
CREATE FUNCTION app.exact_quantity(num numeric, den numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT sign(num) * div(2 * abs(num) * 1000000 + den, 2 * den) * 0.000001
$$;

CREATE AGGREGATE app.lcm_of(numeric) (sfunc = lcm, stype = numeric, initcond = '1');

-- What `makes` base units of a product are made of. A product with a recipe has no stock of its own
-- that a sale would take: its ingredients are taken, down to those without a recipe.
CREATE TABLE app.recipes (
    product_id bigint NOT NULL REFERENCES app.products (id),
    makes      numeric(18,6) NOT NULL DEFAULT 1,
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recipes_pkey PRIMARY KEY (product_id),
    CONSTRAINT recipes_makes_positive CHECK (makes > 0)
);
CREATE TABLE app.recipe_lines (
    product_id    bigint NOT NULL REFERENCES app.recipes (product_id) ON DELETE CASCADE,
    line_no       integer NOT NULL,
    ingredient_id bigint NOT NULL REFERENCES app.products (id),
    quantity      numeric(18,6) NOT NULL,
    unit          text NOT NULL,
    -- What is left of the ingredient after cleaning and cutting: net / gross.
    yield         numeric(7,6) NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recipe_lines_pkey PRIMARY KEY (product_id, line_no),
    CONSTRAINT recipe_lines_quantity_positive CHECK (quantity > 0),
    CONSTRAINT recipe_lines_yield_range CHECK (yield > 0 AND yield <= 1),
    CONSTRAINT recipe_lines_not_itself CHECK (ingredient_id <> product_id)
);
CREATE INDEX idx_recipe_lines_ingredient ON app.recipe_lines (ingredient_id);

-- Recipes multiplied out: base units (num / den) of what is stocked in one base unit of the product.
-- Written with the recipe, read by every sale.
CREATE TABLE app.recipe_needs (
    product_id    bigint NOT NULL REFERENCES app.recipes (product_id) ON DELETE CASCADE,
    ingredient_id bigint NOT NULL REFERENCES app.products (id),
    num           numeric NOT NULL,
    den           numeric NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recipe_needs_pkey PRIMARY KEY (product_id, ingredient_id),
    CONSTRAINT recipe_needs_factor_positive CHECK (num > 0 AND den > 0)
);
CREATE INDEX idx_recipe_needs_ingredient ON app.recipe_needs (ingredient_id);

-- One recipe multiplied out from its lines and the needs of what they name.
CREATE FUNCTION app.recipe_rebuild_one(p_product bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM app.recipe_needs n WHERE n.product_id = p_product;
    INSERT INTO app.recipe_needs (product_id, ingredient_id, num, den)
    SELECT p_product, t.ingredient_id, div(t.num, gcd(t.num, t.den)), div(t.den, gcd(t.num, t.den))
    FROM (SELECT s.ingredient_id, sum(s.num * div(s.common, s.den)) AS num, max(s.common) AS den
          FROM (SELECT part.ingredient_id, part.num, part.den,
                       app.lcm_of(part.den) OVER (PARTITION BY part.ingredient_id) AS common
                FROM (SELECT coalesce(n.ingredient_id, l.ingredient_id) AS ingredient_id,
                             trunc(l.quantity * 1000000) * 1000000 * f.num * coalesce(n.num, 1)
                                 AS num,
                             trunc(l.yield * 1000000) * trunc(r.makes * 1000000) * f.den
                                 * coalesce(n.den, 1) AS den
                      FROM app.recipe_lines l
                      JOIN app.recipes r ON r.product_id = l.product_id
                      CROSS JOIN LATERAL app.unit_factor(l.ingredient_id, l.unit) f
                      LEFT JOIN app.recipe_needs n ON n.product_id = l.ingredient_id
                      WHERE l.product_id = p_product) raw
                CROSS JOIN LATERAL
                     (SELECT raw.ingredient_id, div(raw.num, gcd(raw.num, raw.den)) AS num,
                             div(raw.den, gcd(raw.num, raw.den)) AS den) part) s
          GROUP BY s.ingredient_id) t;
END
$$;

-- Those products and everything that is made of them, the lowest first. The caller holds the lock
-- on recipes and has made sure that there is no cycle.
CREATE FUNCTION app.recipe_rebuild(p_products bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    FOR made IN
        WITH RECURSIVE above (product_id, depth) AS (
            SELECT p.id, 0 FROM unnest(p_products) AS p (id)
            UNION
            SELECT l.product_id, a.depth + 1
            FROM above a JOIN app.recipe_lines l ON l.ingredient_id = a.product_id
            WHERE a.depth < 32
        )
        SELECT a.product_id
        FROM above a JOIN app.recipes r ON r.product_id = a.product_id
        GROUP BY a.product_id
        ORDER BY max(a.depth), a.product_id
    LOOP
        PERFORM app.recipe_rebuild_one(made);
    END LOOP;
END
$$;

CREATE VIEW app.recipe_documents AS
SELECT r.product_id,
       json_build_object(
           'product', p.sku,
           'product_name', p.name,
           'unit', p.unit,
           'makes', trim_scale(r.makes)::text,
           'version', r.version,
           'lines', (SELECT coalesce(json_agg(json_build_object(
                                'product', i.sku,
                                'product_name', i.name,
                                'quantity', trim_scale(l.quantity)::text,
                                'unit', l.unit,
                                'yield', trim_scale(l.yield)::text) ORDER BY l.line_no), '[]'::json)
                     FROM app.recipe_lines l
                     JOIN app.products i ON i.id = l.ingredient_id
                     WHERE l.product_id = r.product_id),
           'needs', (SELECT coalesce(json_agg(json_build_object(
                                'product', i.sku,
                                'product_name', i.name,
                                'quantity', trim_scale(app.exact_quantity(n.num, n.den))::text,
                                'unit', i.unit,
                                'exact', CASE WHEN n.den = 1 THEN n.num::text
                                              ELSE n.num || '/' || n.den END) ORDER BY i.sku),
                                     '[]'::json)
                     FROM app.recipe_needs n
                     JOIN app.products i ON i.id = n.ingredient_id
                     WHERE n.product_id = r.product_id),
           'updated_at', to_char(r.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.recipes r
JOIN app.products p ON p.id = r.product_id;
