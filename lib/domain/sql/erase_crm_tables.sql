-- The landed copies of members that have a row for one person: schema, table, column of the key
SELECT n.nspname, c.relname, a.attname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE n.nspname = 'ods' AND c.relkind = 'r'
  AND (c.relname, a.attname) IN (('members', 'member_id'), ('platform_members', 'member_id'),
                                 ('crm_links', 'member_id'), ('crm_merged', 'member_id'),
                                 ('crm_changes', 'member_id'), ('crm_members', 'crm_id'),
                                 ('crm_parties', 'crm_id'), ('crm_ambiguous', 'crm_id'))
ORDER BY c.relname
