/* The indexes of the tables of perf_tables.sql. Keys as the server prints them, each with its
   operator class and order, so that equal indexes have equal keys. $1: the oids of the tables,
   $2 as in perf_tables.sql, $3 the most that are wanted. */
select /* diner perf-report snapshot */
       n.nspname,
       t.relname,
       c.relname,
       am.amname,
       pg_get_indexdef(c.oid),
       (select string_agg(pg_get_indexdef(c.oid, k.n::int, true) || ' ' || oc.opcname
                            || case when i.indoption[k.n - 1] & 1 = 1 then ' DESC' else '' end
                            || case i.indoption[k.n - 1] & 3 when 1 then ' NULLS LAST'
                                                             when 2 then ' NULLS FIRST'
                                                             else '' end,
                          ', ' order by k.n)
          from generate_series(1, i.indnkeyatts) k(n)
          join pg_opclass oc on oc.oid = i.indclass[k.n - 1])
         || coalesce((select ' INCLUDE (' || string_agg(pg_get_indexdef(c.oid, k.n::int, true),
                                                        ', ' order by k.n) || ')'
                        from generate_series(i.indnkeyatts + 1, i.indnatts) k(n)
                      having count(*) > 0), ''),
       pg_get_expr(i.indpred, i.indrelid, true),
       i.indisunique,
       i.indisprimary,
       exists (select from pg_constraint k where k.conindid = c.oid),
       i.indisvalid,
       exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid),
       i.indexprs is not null,
       case when $2::boolean then pg_relation_size(c.oid)
            else c.relpages::int8 * 8192 end::float8,
       coalesce(s.idx_scan, 0)::float8,
       coalesce(io.idx_blks_hit, 0)::float8,
       coalesce(io.idx_blks_read, 0)::float8
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  join pg_am am on am.oid = c.relam
  left join pg_stat_user_indexes s on s.indexrelid = c.oid
  left join pg_statio_user_indexes io on io.indexrelid = c.oid
 where i.indrelid = any ($1::oid[])
 order by n.nspname, t.relname, c.relname
 limit $3::int
