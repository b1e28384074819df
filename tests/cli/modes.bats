#!/usr/bin/env bats
# shellcheck disable=SC2016
# Modes scd2 and delete_insert, and `deletes`: what the target is afterwards, what is counted, what
# a second run of the same input does.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# ---- scd2 of a snapshot --------------------------------------------------------------------------

versions() { # of in.csv; the argument is put into the stream
    pipeline dim <<YAML
streams:
  dim:
    source: { file: ../in.csv }
    mode: scd2
    key: [code]
    columns: { code: text, name: text, qty: int }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    ${1:-}
YAML
}

# code,name,qty and whether it is current, in the order of versions.
chain() {
    sql "select string_agg(concat_ws(',', code, name, qty) || case when is_current then '*' else '' end, ' '
                           order by code, valid_from) from t.dim"
}

# What must hold whatever was loaded: no overlap, one current version, flags that agree.
assert_versions_hold() {
    assert_sql "select count(*) from t.dim a join t.dim b on a.code = b.code and a.ctid <> b.ctid
                and a.valid_from < coalesce(b.valid_to, 'infinity') and b.valid_from < coalesce(a.valid_to, 'infinity')" 0
    assert_sql "select count(*) from (select 1 from t.dim where is_current group by code having count(*) > 1) d" 0
    assert_sql "select count(*) from t.dim where is_current <> (valid_to is null) or valid_to <= valid_from" 0
}

@test "scd2: a change closes the version and opens one; the same input again changes nothing" {
    versions
    stock_file in.csv code,name,qty A,apple,1 B,bean,2
    diner_run dim
    assert_status 0
    assert_moved dim "2 2 0 0 0 0 0 0"
    assert_equal "$(chain)" "A,apple,1* B,bean,2*"
    stock_file in.csv code,name,qty A,apple,5 B,bean,2
    diner_run dim
    assert_status 0
    assert_moved dim "2 1 0 1 0 0 0 0"
    assert_equal "$(chain)" "A,apple,1 A,apple,5* B,bean,2*"
    before=$(sql "select string_agg(ctid::text || xmin::text, ',' order by code, valid_from) from t.dim")
    diner_run dim
    assert_moved dim "2 0 0 2 0 0 0 0"
    assert_sql "select string_agg(ctid::text || xmin::text, ',' order by code, valid_from) from t.dim" "$before"
    assert_sql "select count(*) from t.dim a join t.dim b on a.code = b.code and a.valid_to = b.valid_from" 1
    assert_versions_hold
}

@test "scd2: the version of a run begins at the run's start" {
    versions
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    assert_sql "select bool_and(d.valid_from = r.started_at) from t.dim d join diner.run r on r.id = d._run_id" t
}

@test "scd2: null to a value and back are changes" {
    versions
    stock_file in.csv code,name,qty A,,1
    diner_run dim
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    assert_moved dim "1 1 0 0 0 0 0 0"
    stock_file in.csv code,name,qty A,,1
    diner_run dim
    assert_moved dim "1 1 0 0 0 0 0 0"
    assert_equal "$(chain)" "A,1 A,apple,1 A,1*"
}

@test "scd2: tracked columns make versions, others are updated in place" {
    versions 'scd2: { track: [name] }'
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    stock_file in.csv code,name,qty A,apple,9
    diner_run dim
    assert_moved dim "1 0 1 0 0 0 0 0"
    assert_equal "$(chain)" "A,apple,9*"
    stock_file in.csv code,name,qty A,pear,9
    diner_run dim
    assert_moved dim "1 1 0 0 0 0 0 0"
    assert_equal "$(chain)" "A,apple,9 A,pear,9*"
}

@test "scd2: by default a key that is gone stays current" {
    versions
    stock_file in.csv code,name,qty A,apple,1 B,bean,2
    diner_run dim
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    assert_status 0
    assert_equal "$(chain)" "A,apple,1* B,bean,2*"
}

@test "scd2, deletes hard: a key that is gone is closed, one that comes back opens a version" {
    versions 'deletes: hard
    guard: { max_shrink: 100% }'
    stock_file in.csv code,name,qty A,apple,1 B,bean,2
    diner_run dim
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    assert_status 0
    assert_moved dim "1 0 0 1 1 0 0 0"
    assert_equal "$(chain)" "A,apple,1* B,bean,2"
    diner_run dim
    assert_moved dim "1 0 0 1 0 0 0 0"
    stock_file in.csv code,name,qty A,apple,1 B,bean,2
    diner_run dim
    assert_moved dim "2 1 0 1 0 0 0 0"
    assert_equal "$(chain)" "A,apple,1* B,bean,2 B,bean,2*"
    assert_versions_hold
}

@test "scd2, deletes hard: a row of nulls that was gone opens a version as well" {
    versions 'deletes: hard
    guard: { max_shrink: 100% }'
    stock_file in.csv code,name,qty A,, B,bean,2
    diner_run dim
    stock_file in.csv code,name,qty B,bean,2
    diner_run dim
    stock_file in.csv code,name,qty A,, B,bean,2
    diner_run dim
    assert_moved dim "2 1 0 1 0 0 0 0"
    assert_sql "select count(*) from t.dim where code = 'A'" 2
    assert_versions_hold
}

@test "scd2, deletes hard: the guard stops an empty source" {
    versions 'deletes: hard'
    stock_file in.csv code,name,qty A,apple,1 B,bean,2
    diner_run dim
    stock_file in.csv code,name,qty
    diner_run dim
    assert_status 9
    assert_stderr_has "would shrink from 2 to 0 rows"
    assert_equal "$(chain)" "A,apple,1* B,bean,2*"
}

@test "scd2, deletes hard: a rejected key keeps its version, an unreadable one closes nothing" {
    versions 'deletes: hard
    guard: { max_shrink: 100% }'
    stock_file in.csv code,name,qty A,apple,1 B,bean,2 C,corn,3
    diner_run dim
    stock_file in.csv code,name,qty A,apple,1 B,bean,many
    diner_run dim
    assert_moved dim "2 0 0 1 1 0 1 0"
    assert_equal "$(chain)" "A,apple,1* B,bean,2* C,corn,3"
    stock_file in.csv code,name,qty A,apple,1 ,bean,2
    diner_run dim
    assert_status 0
    assert_moved dim "2 0 0 1 0 0 1 0"
    assert_stderr_has "a rejected row has no readable key: nothing is deleted"
    assert_equal "$(chain)" "A,apple,1* B,bean,2* C,corn,3"
}

@test "scd2: of rows with one key in a snapshot the last wins" {
    versions
    stock_file in.csv code,name,qty A,apple,1 A,apple,2
    diner_run dim
    assert_moved dim "2 1 0 0 0 1 0 0"
    assert_equal "$(chain)" "A,apple,2*"
}

@test "scd2: at most one version is current, whoever writes" {
    versions
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    run sql "insert into t.dim (code, valid_from, is_current) values ('A', now() + interval '1 h', true)"
    assert_status 1
    [[ $output == *"duplicate key"* ]]
}

@test "scd2: a version from the future of the run is an error, not an overlap" {
    versions
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    sql "update t.dim set valid_from = now() + interval '1 hour'"
    stock_file in.csv code,name,qty A,apple,2
    diner_run dim
    assert_status 9
    assert_stderr_has "is after the start of this run"
    assert_equal "$(chain)" "A,apple,1*"
}

@test "scd2: a table without the columns of versions is left alone" {
    sql "create table t.dim (code text primary key, name text, qty int)"
    versions
    stock_file in.csv code,name,qty A,apple,1
    diner_run dim
    assert_status 9
    assert_stderr_has "has no column 'valid_from', so it holds no versions"
}

# ---- scd2 of events ------------------------------------------------------------------------------

events() { # of the table t.feed
    pipeline dim <<YAML
streams:
  dim:
    source:
      connection: warehouse
      query: >-
        select code, name, qty, at from t.feed
        where at >= \${window.start}::timestamptz and at < \${window.end}::timestamptz order by n
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 1h }
    mode: scd2
    key: [code]
    columns: { code: text, name: text, qty: int, at: timestamptz }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
YAML
    sql "create table t.feed (n serial, code text, name text, qty int, at timestamptz)"
}
event() { # CODE NAME QTY DAY
    sql "insert into t.feed (code, name, qty, at) values ('$1', '$2', $3, '2026-02-$4')"
}
# Values and days: A,apple,1[01-03]
spans() {
    sql "select string_agg(concat_ws(',', code, name, qty) || '[' || to_char(valid_from, 'DD') || '-'
                           || coalesce(to_char(valid_to, 'DD'), '') || ']', ' ' order by code, valid_from) from t.dim"
}

@test "scd2: several versions of one key in a batch, in the order of the cursor" {
    events
    event A apple 3 05
    event A apple 1 01
    event A apple 2 03
    event A apple 2 04
    diner_run dim
    assert_status 0
    assert_moved dim "4 3 0 1 0 0 0 0"
    assert_equal "$(spans)" "A,apple,1[01-03] A,apple,2[03-05] A,apple,3[05-]"
    diner_run dim --full-refresh
    assert_moved dim "4 0 0 4 0 0 0 0"
    assert_equal "$(spans)" "A,apple,1[01-03] A,apple,2[03-05] A,apple,3[05-]"
    assert_versions_hold
}

@test "scd2: a late row finds its place in the chain" {
    events
    event A apple 1 01
    event A apple 3 05
    diner_run dim
    event A apple 2 03
    diner_run dim --full-refresh
    assert_moved dim "3 1 0 2 0 0 0 0"
    assert_equal "$(spans)" "A,apple,1[01-03] A,apple,2[03-05] A,apple,3[05-]"
    sql "insert into t.feed (code, name, qty, at) values ('A', 'apple', 0, '2026-01-31')"
    diner_run dim --full-refresh
    assert_equal "$(spans)" "A,apple,0[31-01] A,apple,1[01-03] A,apple,2[03-05] A,apple,3[05-]"
    assert_versions_hold
}

@test "scd2: a late row between the begin of a version and its last sighting does not end it" {
    events
    event A apple 1 01
    diner_run dim
    event A apple 1 09
    diner_run dim
    assert_equal "$(spans)" "A,apple,1[01-]"
    event A apple 7 04
    diner_run dim --from 2026-02-02T00:00:00Z --to 2026-02-06T00:00:00Z
    assert_status 0
    assert_equal "$(spans)" "A,apple,1[01-04] A,apple,7[04-09] A,apple,1[09-]"
    diner_run dim --full-refresh # the first of them was seen last on the 1st, not on the 9th
    assert_moved dim "3 0 1 2 0 0 0 0"
    assert_equal "$(spans)" "A,apple,1[01-04] A,apple,7[04-09] A,apple,1[09-]"
    diner_run dim --full-refresh
    assert_moved dim "3 0 0 3 0 0 0 0"
    assert_versions_hold
}

@test "scd2: a correction of one instant updates its version in place" {
    events
    event A apple 1 01
    diner_run dim
    sql "update t.feed set qty = 5"
    diner_run dim --full-refresh
    assert_moved dim "1 0 1 0 0 0 0 0"
    assert_equal "$(spans)" "A,apple,5[01-]"
}

@test "scd2: two rows of one key and instant: the last read wins" {
    events
    event A apple 1 01
    event A apple 2 01
    diner_run dim
    assert_moved dim "2 1 0 0 0 1 0 0"
    assert_equal "$(spans)" "A,apple,2[01-]"
}

@test "scd2: a null cursor is a reject" {
    events
    sql "insert into t.feed (code, name, qty, at) values ('A', 'apple', 1, '2026-02-01')"
    sed -i 's/select code, name, qty, at from/select code, name, qty, nullif(at, at) as at from/' pipelines/dim.yaml
    diner_run dim
    assert_status 0
    assert_moved dim "1 0 0 0 0 0 1 0"
    assert_sql "select reason from diner.reject" "null in the cursor"
}

# Against a slow and obvious reference: any events, in any batches and orders, any number of times.
@test "scd2: any batches of events in any order end in the chain of all of them" {
    RANDOM=${SCD2_SEED:-7}
    events
    sql "create table t.all_events (code text, qty int, at timestamptz, primary key (code, at))"
    for _ in $(seq 8); do
        sql "truncate t.feed restart identity; truncate t.all_events; drop table if exists t.dim; delete from diner.state"
        sql "select setseed($RANDOM / 32768.0);
             insert into t.all_events select distinct on (1, 3) (array['A','B','C'])[1 + floor(random() * 3)::int],
                 floor(random() * 3)::int, '2026-02-01'::timestamptz + floor(random() * 20) * interval '1 day'
             from generate_series(1, 25)" >/dev/null
        for batch in 1 2 3 4; do
            sql "truncate t.feed; insert into t.feed (code, name, qty, at)
                 select code, 'x', qty, at from t.all_events where $batch = 4 or random() < 0.4 order by random()"
            diner_run dim --full-refresh
            assert_status 0
            assert_versions_hold
        done
        # Neighbours that are equal may stand as one version or as two; the history is one.
        assert_sql "with days as (select generate_series('2026-02-01'::timestamptz, '2026-02-25', '1 day') as d),
            told as (select distinct on (code, d) code, d, qty from t.all_events, days where at <= d order by code, d, at desc)
            select count(*) from told full join (select code, d, qty from t.dim, days
                where d >= valid_from and (valid_to is null or d < valid_to)) v using (code, d)
            where told.qty is distinct from v.qty" 0
    done
}

# ---- delete_insert -------------------------------------------------------------------------------

window() { # of the table t.feed; the arguments: columns of the stream, more keys
    pipeline facts <<YAML
streams:
  facts:
    source:
      connection: warehouse
      query: >-
        select code, qty, at from t.feed
        where at >= \${window.start}::timestamptz and at < \${window.end}::timestamptz order by n
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 0s }
    mode: delete_insert
    columns: { code: text, qty: int, at: ${1:-timestamptz} }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    ${2:-}
YAML
    sql "create table t.feed (n serial, code text, qty int, at timestamptz)"
    sql "insert into t.feed (code, qty, at) values ('A', 1, '2026-02-01'), ('B', 2, '2026-02-02'), ('C', 3, '2026-02-03')"
}

for_day() { diner_run facts --from "2026-02-0${1}T00:00:00Z" --to "2026-02-0$(($1 + 1))T00:00:00Z"; }

@test "delete_insert: a window is replaced, what lies outside stays" {
    window timestamptz 'guard: { max_shrink: 100% }'
    diner_run facts
    assert_status 0
    assert_moved facts "3 3 0 0 0 0 0 0"
    sql "update t.facts set qty = 9 where code = 'A'"
    sql "update t.feed set code = 'BB' where code = 'B'"
    for_day 2
    assert_status 0
    assert_moved facts "1 1 0 0 1 0 0 0"
    assert_rows facts "A,9 BB,2 C,3"
}

@test "delete_insert: a row that is equal is not written again" {
    window
    diner_run facts
    before=$(sql "select ctid::text || xmin::text from t.facts where code = 'B'")
    for_day 2
    assert_moved facts "1 0 0 1 0 0 0 0"
    assert_sql "select ctid::text || xmin::text from t.facts where code = 'B'" "$before"
}

@test "bruin #2181: an empty window does not empty the target, unless the guard says that it may" {
    window
    diner_run facts
    sql "delete from t.feed where code = 'B'"
    for_day 2
    assert_status 9
    assert_stderr_has "would shrink from 1 to 0 rows in the window, guard.max_shrink is 20%"
    assert_rows facts "A,1 B,2 C,3"
    sed -i 's/    mode: delete_insert/&\n    guard: { max_shrink: 100% }/' pipelines/facts.yaml
    for_day 2
    assert_status 0
    assert_moved facts "0 0 0 0 1 0 0 0"
    assert_rows facts "A,1 C,3"
}

@test "delete_insert: rows before the window are rejects, rows after it come with the next one" {
    window timestamptz 'guard: { max_shrink: 100% }'
    sed -i 's|where at >= .* order by n|where ${window.start}::timestamptz < ${window.end}::timestamptz order by n|' pipelines/facts.yaml
    for_day 2
    assert_status 0
    assert_moved facts "3 1 0 0 0 0 1 1"
    assert_rows facts "B,2"
    assert_stderr_has "1 rows from after the window left to the next one"
    assert_sql "select reason, value from diner.reject" "before the window, which begins at 2026-02-02T00:00:00Z|2026-02-01 00:00:00+00"
}

@test "delete_insert by key: a row that moved into the window is updated" {
    window timestamptz 'key: [code]
    guard: { max_shrink: 100% }'
    diner_run facts
    sql "update t.feed set at = '2026-02-02 12:00', qty = 7 where code = 'A'"
    for_day 2
    assert_status 0
    assert_moved facts "2 0 1 1 0 0 0 0"
    assert_rows facts "A,7 B,2 C,3"
}

@test "delete_insert: a rejected key keeps its row, an unreadable one deletes nothing" {
    window timestamptz 'key: [code]
    guard: { max_shrink: 100% }
    checks: [ { expr: "qty < 100", on_fail: reject } ]'
    sql "insert into t.feed (code, qty, at) values ('D', 4, '2026-02-02 13:00'), ('E', 5, '2026-02-02 14:00')"
    diner_run facts
    sql "update t.feed set qty = 200 where code = 'D'; delete from t.feed where code = 'E'"
    for_day 2
    assert_moved facts "2 0 0 1 1 0 1 0"
    assert_rows facts "A,1 B,2 C,3 D,4"
    sql "delete from t.feed where code = 'D'; update t.feed set code = null where code = 'B'"
    for_day 2
    assert_status 0
    assert_stderr_has "a rejected row has no readable key: nothing is deleted"
    assert_rows facts "A,1 B,2 C,3 D,4"
}

@test "delete_insert: a date column is replaced by the business days that the window touches" {
    pipeline facts <<'YAML'
streams:
  facts:
    source: { connection: warehouse, query: "select code, qty, day from t.feed" }
    incremental: { cursor: day, start: 2026-01-01, lag: 0s, timezone: Asia/Shanghai, business_day: "04:00" }
    mode: delete_insert
    guard: { max_shrink: 100% }
    columns: { code: text, qty: int, day: date }
YAML
    sql "create table t.feed (code text, qty int, day date)"
    sql "insert into t.feed values ('A', 1, '2026-02-01'), ('B', 2, '2026-02-02'), ('C', 3, '2026-02-03')"
    diner_run facts --from 2026-02-01T04:00:00+08:00 --to 2026-02-04T04:00:00+08:00
    assert_status 0
    assert_rows facts "A,1 B,2 C,3"
    sql "delete from t.feed where code <> 'B'; update t.feed set code = 'BB'"
    diner_run facts --from 2026-02-02T04:00:00+08:00 --to 2026-02-03T04:00:00+08:00
    assert_status 0
    assert_rows facts "A,1 BB,2 C,3"
}

@test "delete_insert: a table whose times state no zone, business day by business day" {
    pipeline facts <<'YAML'
streams:
  facts:
    source: { connection: warehouse, table: t.feed }
    incremental: { cursor: at, start: 2026-02-01, window: 1d, lag: 0s, timezone: Asia/Shanghai, business_day: "04:00" }
    mode: delete_insert
    guard: { max_shrink: 100% }
    columns: { id: int, at: timestamp }
YAML
    sql "create table t.feed as select i as id, '2026-02-01 04:00'::timestamp + i * interval '1 hour' as at from generate_series(0, 71) i"
    diner_run facts --from 2026-02-01 --to 2026-02-04
    assert_status 0
    assert_moved facts "72 72 0 0 0 0 0 0"
    sql "delete from t.feed where id in (5, 30)"
    diner_run facts --from 2026-02-02 --to 2026-02-03
    assert_status 0
    assert_moved facts "23 0 0 23 1 0 0 0"
    assert_sql "select count(*) from t.facts where id in (5, 30)" 1
}

@test "delete_insert: each child of for_each replaces its own rows of the window" {
    pipeline facts <<'YAML'
streams:
  stores:
    source: { connection: warehouse, query: "select * from (values ('S1', 'Asia/Shanghai'), ('S2', 'America/New_York')) v (code, tz)" }
    mode: merge
    key: [code]
  facts:
    source:
      connection: warehouse
      query: "select id, day from t.feed where store = ${item.store}"
      for_each: { stream: stores, bind: { store: code }, timezone: tz }
    incremental: { cursor: day, start: 2026-02-01, window: 1d, lag: 0s, business_day: "04:00" }
    mode: delete_insert
    guard: { max_shrink: 100% }
    columns: { store: { type: text, from: $store }, id: int, day: date }
YAML
    sql "create table t.feed as select s as store, i as id, date '2026-02-01' + i as day
         from unnest('{S1,S2}'::text[]) s, generate_series(0, 2) i"
    diner_run facts --from 2026-02-01 --to 2026-02-04
    assert_status 0
    assert_moved facts "6 6 0 0 0 0 0 0"
    sql "delete from t.feed where store = 'S2' and id = 1"
    diner_run facts --from 2026-02-01 --to 2026-02-04
    assert_status 0
    assert_moved facts "5 0 0 5 1 0 0 0"
    assert_rows facts "S1,0 S1,1 S1,2 S2,0 S2,2" "store, id"
    sed -i 's/store: { type: text, from: $store }, //' pipelines/facts.yaml
    run --separate-stderr "$DINER" pipeline lint facts
    assert_status 3
    assert_stdout_has "each child of 'for_each' would replace what the others loaded: no column says whose"
}

@test "delete_insert by partition: each child of for_each replaces its own rows" {
    pipeline facts <<'YAML'
streams:
  facts:
    source:
      connection: warehouse
      query: "select day, id from t.feed where store = ${item.store}"
      for_each: { query: "select distinct store from t.feed", bind: { store: store } }
    mode: delete_insert
    partition_by: [day]
    columns: { store: { type: text, from: $store }, id: int, day: date }
YAML
    sql "create table t.feed as select s as store, i as id, date '2026-02-01' as day
         from unnest('{S1,S2,S3}'::text[]) s, generate_series(0, 1) i"
    diner_run facts
    assert_status 0
    assert_moved facts "6 6 0 0 0 0 0 0"
    sql "update t.feed set id = 7 where store = 'S2' and id = 1"
    diner_run facts
    assert_moved facts "6 1 0 5 1 0 0 0"
    assert_rows facts "S1,0 S1,1 S2,0 S2,7 S3,0 S3,1" "store, id"
    sed -i 's/store: { type: text, from: $store }, //' pipelines/facts.yaml
    run --separate-stderr "$DINER" pipeline lint facts
    assert_status 3
    assert_stdout_has "would replace what the others loaded: no column says whose"
}

@test "delete_insert from the cursor on: what is read is what is replaced, of instants, times without a zone and days" {
    local column="now() - age"
    for kind in timestamptz timestamp "timestamp, timezone: America/New_York" date; do
        pipeline facts <<YAML
streams:
  facts:
    source: { connection: warehouse, table: t.feed }
    incremental: { cursor: at, start: 2026-01-01, lag: 2h }
    mode: delete_insert
    columns: { id: int, at: { type: $kind } }
YAML
        case $kind in
        timestamptz) column="now() - age" ;;
        timestamp) column="(now() - age) at time zone 'Asia/Shanghai'" ;;
        timestamp,*) column="(now() - age) at time zone 'America/New_York'" ;;
        date) column="((now() - age - interval '4 h') at time zone 'Asia/Shanghai')::date" ;;
        esac
        sql "drop table if exists t.feed, t.facts; truncate diner.state;
             create table t.feed as select i as id, $column as at
             from generate_series(1, 40) i, lateral (select i * interval '1 h' as age) x"
        diner_run facts
        assert_status 0
        assert_moved facts "40 40 0 0 0 0 0 0"
        sql "insert into t.feed select 99, $column from (select interval '1 min' as age) x;
             delete from t.feed where id = 2"
        diner_run facts
        assert_status 0
        assert_json '.[0].rejected == 0 and .[0].inserted == 1 and .[0].deleted == 1'
        assert_sql "select count(*) from (table t.feed except all select id, at from t.facts) x" 0
        assert_sql "select count(*) from t.facts" 40
    done
}

@test "delete_insert by partition: each value that comes replaces all it had" {
    pipeline facts <<'YAML'
streams:
  facts:
    source: { file: ../in.csv }
    mode: delete_insert
    partition_by: [store]
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: int }
YAML
    stock_file in.csv store,code,qty S1,A,1 S1,B,2 S2,A,3
    diner_run facts
    assert_moved facts "3 3 0 0 0 0 0 0"
    stock_file in.csv store,code,qty S1,A,1 S1,C,9 ,X,1
    diner_run facts
    assert_status 0
    assert_moved facts "3 1 0 1 1 0 1 0"
    assert_rows facts "S1,A,1 S1,C,9 S2,A,3" "store, code, qty"
    assert_sql "select reason || ' ' || column_name from diner.reject" "null in a column of partition_by store"
    diner_run facts
    assert_moved facts "3 0 0 2 0 0 1 0"
}

@test "delete_insert by partition: the guard looks at the partitions that came" {
    pipeline facts <<'YAML'
streams:
  facts:
    source: { file: ../in.csv }
    mode: delete_insert
    partition_by: [store]
    columns: { store: text, code: text }
YAML
    stock_file in.csv store,code S1,A S1,B S1,C S2,A
    diner_run facts
    stock_file in.csv store,code S1,A
    diner_run facts
    assert_status 9
    assert_stderr_has "would shrink from 3 to 1 rows in the partitions that came"
    assert_rows facts "S1,A S1,B S1,C S2,A" "store, code"
}

# ---- the table of the manual: atomic, idempotent, resumable (and at random: tests/e2e/kill_modes.bats) ----

each_mode() { # NAME AND KEYS, one a line, of streams that read t.feed as a whole or by its window
    cat <<'MODES'
append|mode: append
merge|mode: merge, key: [code]
merge_soft|mode: merge, key: [code], deletes: soft
merge_window|mode: merge, key: [code], incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 100d }
replace|mode: replace, key: [code]
replace_rows|mode: replace
swap|mode: replace, key: [code]
scd2|mode: scd2, key: [code], deletes: hard
scd2_window|mode: scd2, key: [code], incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 100d }
window|mode: delete_insert, incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 100d }
partition|mode: delete_insert, partition_by: [part]
MODES
}
one_of() { # NAME KEYS MORE
    pipeline "$1" <<YAML
streams:
  it:
    { source: { connection: warehouse, query: "select * from t.feed" },
      target: { table: $1, load: $([ "$1" = swap ] && echo swap || echo difference) },
      columns: { code: text, qty: int, at: timestamptz, part: int }, guard: { max_shrink: 100% }, $2$3 }
YAML
}
feed_of_all() {
    sql "create table t.feed as select 'K' || n as code, n as qty, '2026-02-01'::timestamptz + n * interval '1 h' as at,
         n % 3 as part from generate_series(1, 50) n" >/dev/null
}
image() { sql "select md5(string_agg(x::text || x.ctid::text || x.xmin::text, '|' order by x::text)) from t.$1 x"; }

@test "idempotent: the same rows again change no tuple, in every mode but append" {
    feed_of_all
    while IFS='|' read -r name keys; do
        one_of "$name" "$keys"
        diner_run "$name"
        assert_status 0
        before=$(image "$name")
        diner_run "$name"
        assert_status 0
        if [ "$name" = append ]; then
            assert_sql "select count(*) from t.append" 100
            continue
        fi
        if [ "$name" = swap ]; then # into a new table, equal to the old one
            assert_moved it "50 50 0 0 50 0 0 0"
            assert_sql "select count(*) from (table t.feed except select code, qty, at, part from t.swap) x" 0
            assert_sql "select count(*) from t.swap" 50
            continue
        fi
        assert_moved it "50 0 0 50 0 0 0 0"
        assert_equal "$name $(image "$name")" "$name $before"
    done < <(each_mode)
}

@test "atomic: what fails at the last moment leaves rows, shape and cursor as they were" {
    feed_of_all
    while IFS='|' read -r name keys; do
        one_of "$name" "$keys"
        diner_run "$name"
        assert_status 0
    done < <(each_mode)
    sql "update t.feed set qty = qty + 1 where qty % 5 = 0; delete from t.feed where code = 'K1';
         insert into t.feed values ('N', 1, '2026-03-01', 1)" >/dev/null
    # Refused when all else is done: the record of the stream.
    sql "alter table diner.run_stream add constraint refuse check (status <> 'succeeded' or run_id <= 11)"
    while IFS='|' read -r name keys; do
        before="$(image "$name") $(sql "select value from diner.state where pipeline = '$name'")"
        one_of "$name" "$keys"
        sed -i 's/part: int }/part: int, extra: int }, transform: [ { set: { extra: "1" } } ]/' "pipelines/$name.yaml"
        diner_run "$name"
        [ "$status" -ne 0 ] || fail "$name"
        assert_equal "$name $(image "$name") $(sql "select value from diner.state where pipeline = '$name'")" "$name $before"
    done < <(each_mode)
    sql "alter table diner.run_stream drop constraint refuse"
    while IFS='|' read -r name keys; do
        diner_run "$name"
        assert_status 0
    done < <(each_mode)
    assert_sql "select count(*) from t.window" 50
    assert_sql "select count(*) from t.partition where extra = 1" 50
}

# Windows of a day; the fourth waits for an advisory lock, where a test wants to stop the run.
day() { date -u -d "6 days ago + $1 days" +%F; } # few windows: up to now
windowed() { # MODE
    pipeline "$1" <<YAML
streams:
  it:
    source:
      connection: warehouse
      query: |
        select f.code, f.qty, f.at from t.feed f
        where at >= \${window.start}::timestamptz and at < \${window.end}::timestamptz
          and (\${window.start}::timestamptz <> '$(day 3)T00:00:00Z' or pg_advisory_xact_lock(42) is not null)
    target: { table: $1 }
    mode: $1
    $([ "$1" = delete_insert ] || echo 'key: [code]')
    guard: { max_shrink: 100% }
    incremental: { cursor: at, start: $(day 0)T00:00:00Z, window: 1d, lag: 0s, timezone: UTC }
    columns: { code: text, qty: int, at: timestamptz }
YAML
}
waits_for_lock() { [ "$(sql "select count(*) from pg_locks where locktype = 'advisory' and objid = 42 and not granted")" = 1 ]; }

@test "resumable: of a run that is killed the windows that stand are kept, and the next is read" {
    local mode holder
    sql "create table t.feed as select 'K' || n % 30 as code, n as qty, '$(day 0)T00:00:00Z'::timestamptz + n * interval '1 h' as at
         from generate_series(0, 143) n" >/dev/null
    for mode in merge scd2 delete_insert; do
        windowed $mode
        psql -X -q -d "$(dev_dsn)" -c "select pg_advisory_lock(42)" -c "select pg_sleep(60)" >/dev/null 2>&1 3>&- &
        holder=$!
        wait_for 5 eval '[ "$(sql "select count(*) from pg_locks where objid = 42 and granted")" = 1 ]'
        DINER_DATABASE_LOCK_TIMEOUT=60s "$DINER" run $mode >killed.log 2>&1 3>&- &
        local run=$!
        wait_for 20 waits_for_lock
        kill -9 "$run"
        wait "$run" || true
        # 72 rows of three days stand, and the cursor says so.
        assert_sql "select max(at) < '$(day 3)T00:00:00Z' and count(*) = $([ $mode = merge ] && echo 30 || echo 72) from t.$mode" t
        assert_sql "select value from diner.state where pipeline = '$mode' and name = 'cursor'" "$(day 3)T00:00:00Z"
        sql "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 42" >/dev/null
        kill "$holder" 2>/dev/null || true
        wait "$holder" || true
        wait_for 20 "$DINER" run $mode
        output=$(sql "select json_agg(s) from diner.run_stream s where run_id = (select max(id) from diner.run where pipeline = '$mode')")
        assert_json '.[0].read == 72'
        # as one undisturbed run: every event, or the last of each key
        case $mode in
        merge) assert_sql "select count(*) from (select distinct on (code) code, qty, at from t.feed order by code, at desc) f join t.merge m using (code, qty, at)" 30 ;;
        *) assert_sql "select count(*) from t.feed f join t.$mode m using (code, qty, at)" 144 ;;
        esac
        assert_sql "select count(*) from t.$mode" "$([ $mode = merge ] && echo 30 || echo 144)"
    done
}

# ---- deletes -------------------------------------------------------------------------------------

snapshot() { # MODE DELETES [CHANGE_DETECTION]
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in.csv }
    mode: $1
    deletes: $2
    key: [code]
    change_detection: ${3:-auto}
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns: { code: text, qty: int }
YAML
}

@test "deletes soft: marked once, unmarked when it comes back" {
    for how in "merge soft" "replace soft" "merge soft off" "replace soft off"; do
        sql "drop table if exists t.stock"
        # shellcheck disable=SC2086 # words
        snapshot $how
        stock_file in.csv code,qty A,1 B,2
        diner_run stock
        assert_moved stock "2 2 0 0 0 0 0 0"
        stock_file in.csv code,qty A,1
        diner_run stock
        assert_status 0
        assert_moved stock "1 0 0 1 1 0 0 0"
        assert_rows stock "A,1,f B,2,t" "code, qty, _deleted_at is not null"
        marked=$(sql "select _deleted_at from t.stock where code = 'B'")
        diner_run stock
        assert_moved stock "1 0 0 1 0 0 0 0"
        assert_sql "select _deleted_at from t.stock where code = 'B'" "$marked"
        stock_file in.csv code,qty A,1 B,2
        diner_run stock
        assert_moved stock "2 0 1 1 0 0 0 0"
        assert_rows stock "A,1,f B,2,f" "code, qty, _deleted_at is not null"
    done
}

@test "deletes soft: a table that had no mark gets one" {
    snapshot merge keep
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    snapshot merge soft
    stock_file in.csv code,qty A,1
    diner_run stock
    assert_status 0
    assert_moved stock "1 0 0 1 1 0 0 0"
    assert_rows stock "A,f B,t" "code, _deleted_at is not null"
}

@test "deletes: merge hard deletes, replace keep does not" {
    snapshot merge hard
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    stock_file in.csv code,qty A,1
    diner_run stock
    assert_moved stock "1 0 0 1 1 0 0 0"
    assert_rows stock "A,1"
    snapshot replace keep
    stock_file in.csv code,qty C,3
    diner_run stock
    assert_moved stock "1 1 0 0 0 0 0 0"
    assert_rows stock "A,1 C,3"
}

@test "deletes: the guard counts what is not marked" {
    snapshot merge soft
    sed -i 's/max_shrink: 100%/max_shrink: 50%/' pipelines/stock.yaml
    stock_file in.csv code,qty A,1 B,2 C,3 D,4
    diner_run stock
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    assert_status 0
    stock_file in.csv code,qty A,1
    diner_run stock
    assert_status 0
    stock_file in.csv code,qty
    diner_run stock
    assert_status 9
    assert_stderr_has "would shrink from 1 to 0 rows"
}

@test "deletes: a rejected key keeps its row; a reject without a key means that nothing is deleted" {
    for deletes in soft hard "soft off" "hard off"; do
        sql "drop table if exists t.stock"
        # shellcheck disable=SC2086 # words
        snapshot merge $deletes
        stock_file in.csv code,qty A,1 B,2 C,3
        diner_run stock
        stock_file in.csv code,qty A,1 B,many
        diner_run stock
        assert_moved stock "2 0 0 1 1 0 1 0"
        assert_sql "select coalesce(string_agg(code, ' '), '') from t.stock where code = 'B' and to_jsonb(stock)->>'_deleted_at' is null" B
        stock_file in.csv code,qty ,7
        diner_run stock
        assert_status 0
        assert_stderr_has "a rejected row has no readable key: nothing is deleted"
        assert_sql "select count(*) from t.stock where code in ('A', 'B') and to_jsonb(stock)->>'_deleted_at' is null" 2
    done
}
