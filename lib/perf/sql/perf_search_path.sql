/* The catalog first, then where the extension lives. */
select /* diner perf-report snapshot */
       set_config('search_path',
                  'pg_catalog' || coalesce((select ', ' || quote_ident(n.nspname)
                                              from pg_extension e
                                              join pg_namespace n on n.oid = e.extnamespace
                                             where e.extname = 'pg_stat_statements'), ''),
                  false)
