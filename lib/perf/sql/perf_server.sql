/* What can be measured here: the schema of pg_stat_statements, empty without the extension. */
select current_setting('server_version'),
       current_setting('server_version_num')::int,
       coalesce((select n.nspname
                   from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                  where e.extname = 'pg_stat_statements'), '')
