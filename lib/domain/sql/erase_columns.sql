-- Where texts are kept: schema, table, column, type; and by what else than its texts a row is one
-- of the members $8. What is computed, and who works here, is left out.
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       (SELECT string_agg(w.condition, ' OR ')
        FROM (VALUES ('member_id', NULL, 'member_id = ANY ($8::bigint[])'),
                     ('order_id', NULL, 'order_id IN (SELECT o.id FROM app.orders o'
                                        ' WHERE o.member_id = ANY ($8::bigint[]))'),
                     ('key', 'outbox', 'key IN (SELECT o.order_no FROM app.orders o'
                                       ' WHERE o.member_id = ANY ($8::bigint[]))'),
                     ('path', 'idempotency_keys',
                      'split_part(path, ''/'', 5) IN (SELECT o.order_no FROM app.orders o'
                      ' WHERE o.member_id = ANY ($8::bigint[]))'))
             w (name, of_table, condition)
        JOIN pg_attribute x ON x.attrelid = c.oid AND x.attname = w.name AND NOT x.attisdropped
        WHERE n.nspname = 'app' AND c.relname = coalesce(w.of_table, c.relname))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname IN ('app', 'channel_local', 'diner', 'ods', 'mart') AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype,
                     'jsonb'::regtype)
  AND (n.nspname, c.relname) NOT IN (('app', 'users'), ('app', 'member_tombstones'), ('app', 'stores'),
                                     ('app', 'products'), ('diner', 'migration'))
ORDER BY n.nspname, c.relname, a.attnum
