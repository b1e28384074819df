/* Statements are planned as their application would: by the role's own search path, and after it
   all other schemas, since which one a text was written for is not kept. Generic plans, because a
   plan for NULLs is none. Where hypopg lives, if it is here. */
select /* diner perf-report snapshot */
       set_config('search_path',
                  (select s.reset_val from pg_settings s where s.name = 'search_path')
                  || coalesce((select string_agg(', ' || quote_ident(n.nspname), '' order by n.nspname)
                                 from pg_namespace n
                                where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'), ''),
                  false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       (select n.nspname
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace
         where e.extname = 'hypopg'),
       (select a.name from pg_available_extensions a where a.name = 'hypopg')
