/* What decides about plans, memory, connections and what is measured; as other sessions have it,
   not this one. */
select /* diner perf-report snapshot */
       s.name, s.reset_val, s.unit
  from pg_settings s
 where s.name in ('shared_buffers', 'work_mem', 'maintenance_work_mem', 'effective_cache_size',
                  'random_page_cost', 'seq_page_cost', 'effective_io_concurrency', 'jit',
                  'max_connections', 'superuser_reserved_connections', 'max_worker_processes',
                  'max_parallel_workers', 'max_parallel_workers_per_gather', 'plan_cache_mode',
                  'default_statistics_target', 'autovacuum', 'autovacuum_vacuum_threshold',
                  'autovacuum_vacuum_scale_factor', 'autovacuum_analyze_threshold',
                  'autovacuum_analyze_scale_factor', 'autovacuum_freeze_max_age',
                  'autovacuum_max_workers', 'autovacuum_naptime', 'checkpoint_timeout',
                  'max_wal_size', 'wal_compression', 'synchronous_commit', 'fsync',
                  'statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout',
                  'track_io_timing', 'pg_stat_statements.max', 'pg_stat_statements.track',
                  'shared_preload_libraries')
 order by s.name
