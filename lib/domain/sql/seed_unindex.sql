-- A platform of few orders is filled faster without its indexes: they are set aside, and built in one go
-- when the rows are there. (Primary keys stay, rows come in their order; so does what a foreign key
-- refers to.)
CREATE TEMP TABLE seed_index ON COMMIT DROP AS
SELECT x.indrelid::regclass AS relation, i.relname AS name, pg_get_indexdef(i.oid) AS definition,
       pg_get_constraintdef(c.oid) AS unique_constraint
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype = 'u'
WHERE x.indrelid IN ('app.orders'::regclass, 'app.order_items'::regclass,
                     'app.order_status_history'::regclass, 'app.payments'::regclass,
                     'app.refunds'::regclass, 'app.stock_log'::regclass)
  AND NOT x.indisprimary
  AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = x.indexrelid)
  AND (SELECT i.orders >= 10000 AND NOT EXISTS (SELECT FROM app.orders OFFSET i.orders / 10)
       FROM seed_input i);

DO $$
DECLARE x record;
BEGIN
    FOR x IN SELECT * FROM seed_index LOOP
        IF x.unique_constraint IS NULL THEN
            EXECUTE format('DROP INDEX app.%I', x.name);
        ELSE
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', x.relation, x.name);
        END IF;
    END LOOP;
END
$$;
