DO $$
DECLARE x record;
BEGIN
    SET LOCAL maintenance_work_mem = '256MB';
    FOR x IN SELECT * FROM seed_index LOOP
        IF x.unique_constraint IS NULL THEN
            EXECUTE x.definition;
        ELSE
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', x.relation, x.name,
                           x.unique_constraint);
        END IF;
    END LOOP;
END
$$;
