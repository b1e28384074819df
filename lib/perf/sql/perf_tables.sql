/* Tables with their counters. $1: sizes by the file system, which waits for a table's lock; else
   by the last vacuum. Largest first where there are more than are wanted ($2). */
select /* diner perf-report snapshot */
       r.*
  from (select c.oid,
               n.nspname,
               c.relname,
               greatest(c.reltuples, 0)::float8,
               coalesce(t.n_dead_tup, 0)::float8,
               case when $1::boolean then pg_relation_size(c.oid)
                    else c.relpages::int8 * 8192 end::float8 as bytes,
               case when $1::boolean then pg_total_relation_size(c.oid)
                    else c.relpages::int8 * 8192 end::float8,
               coalesce(t.seq_scan, 0)::float8,
               coalesce(t.seq_tup_read, 0)::float8,
               coalesce(t.idx_scan, 0)::float8,
               coalesce(t.idx_tup_fetch, 0)::float8,
               coalesce(t.n_tup_ins, 0)::float8,
               coalesce(t.n_tup_upd, 0)::float8,
               coalesce(t.n_tup_hot_upd, 0)::float8,
               coalesce(t.n_tup_del, 0)::float8,
               coalesce(io.heap_blks_hit, 0)::float8,
               coalesce(io.heap_blks_read, 0)::float8,
               coalesce(extract(epoch from clock_timestamp()
                                             - greatest(t.last_vacuum, t.last_autovacuum)), -1)::float8,
               coalesce(extract(epoch from clock_timestamp()
                                             - greatest(t.last_analyze, t.last_autoanalyze)), -1)::float8,
               case when c.relfrozenxid::text <> '0' then age(c.relfrozenxid) else 0 end::float8,
               array_to_string(c.reloptions, ', '),
               c.relkind = 'p',
               (select pn.nspname || '.' || pc.relname
                  from pg_inherits h
                  join pg_class pc on pc.oid = h.inhparent
                  join pg_namespace pn on pn.oid = pc.relnamespace
                 where h.inhrelid = c.oid and c.relispartition)
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join pg_stat_user_tables t on t.relid = c.oid
          left join pg_statio_user_tables io on io.relid = c.oid
         where c.relkind in ('r', 'p', 'm')
           and c.relpersistence <> 't'
           and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
         order by bytes desc, c.oid
         limit $2::int) r
 order by r.oid
