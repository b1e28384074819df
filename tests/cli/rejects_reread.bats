#!/usr/bin/env bats
# Rejects and the runs after theirs: a load that read their rows again closes them, and a replay
# brings back nothing that is older than what the table has.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

replay() { run --separate-stderr "$DINER" rejects replay s "$@" -o json; }
open_values() { sql "select coalesce(string_agg(coalesce(value, raw), ' ' order by id), '') from diner.reject where replayed_run_id is null"; }

whole() { # MODE AND KEY, more of qty
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv, strip: [${2:-}] }
    $1
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: int }
YAML
}

load_file() { # LINES... of store,code,qty
    stock_file in.csv store,code,qty "$@"
    diner_run s
    assert_status 0
}

assert_table() { assert_rows s "$1" "store, code, qty"; }

# ---- modes that replace all ----------------------------------------------------------------------

@test "replace without a key: a row that a later run loaded is not replayed" {
    whole "mode: replace"
    load_file S1,A,1 S1,B,2x S1,C,3x
    whole "mode: replace" x
    sed -i 's/qty: int/qty: { type: int, null: ["3"] }/' pipelines/s.yaml
    load_file S1,A,1 S1,B,2 S1,C,z
    assert_equal "$(open_values)" z
    replay
    assert_status 0
    assert_moved s "1 0 0 0 0 0 1 0"
    assert_table "S1,A,1 S1,B,2"
    # what the last run rejected is replayed, once
    sed -i 's/strip: \[x\]/strip: [z]/' pipelines/s.yaml
    load_file S1,A,1 S1,B,2 S1,D,4x
    sed -i 's/strip: \[z\]/strip: [x]/' pipelines/s.yaml
    replay
    assert_table "S1,A,1 S1,B,2 S1,D,4"
    replay
    assert_json '. == [] or all(.[]; .read == 0)'
    assert_table "S1,A,1 S1,B,2 S1,D,4"
}

@test "replace by key: neither a value that was taken back nor a key that is gone comes back" {
    for mode in "mode: replace" "mode: merge
    deletes: hard" "mode: replace
    deletes: soft"; do
        pipelines_setup
        whole "$mode
    key: [code]"
        load_file S1,A,1 S1,B,2
        load_file S1,A,9x S1,B,2 S1,C,3x
        load_file S1,A,1 S1,B,2
        assert_equal "$(open_values)" ""
        whole "$mode
    key: [code]" x
        replay
        assert_status 0
        assert_table "S1,A,1 S1,B,2"
    done
}

@test "load: swap closes what it read again" {
    for key in "" "key: [code]"; do
        pipelines_setup
        whole "mode: replace
    target: { connection: warehouse, schema: t, load: swap }
    $key"
        load_file S1,A,1 S1,B,2
        load_file S1,A,9x S1,B,2
        load_file S1,A,1 S1,B,2 S1,D,7x
        assert_equal "$(open_values)" 7x
        sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
        replay
        assert_status 0
        assert_table "S1,A,1 S1,B,2 S1,D,7"
    done
}

@test "deletes: keep closes nothing: the source need not be whole" {
    whole "mode: replace
    key: [code]
    deletes: keep"
    load_file S1,A,1 S1,B,2x
    load_file S1,C,3
    assert_equal "$(open_values)" 2x
    sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
    replay
    assert_table "S1,A,1 S1,B,2 S1,C,3"
}

# ---- delete_insert -------------------------------------------------------------------------------

@test "delete_insert by partition: closed when its partition came, else replayed once" {
    for key in "" "key: [store, code]"; do
        pipelines_setup
        whole "mode: delete_insert
    partition_by: [store]
    $key"
        load_file S1,A,1 S1,B,2x S2,A,3 S2,B,4x
        assert_sql "select string_agg(key->>'store', ' ' order by id) from diner.reject" "S1 S2"
        sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
        load_file S1,A,1 S1,B,2
        assert_equal "$(open_values)" 4x
        replay
        assert_status 0
        assert_moved s "1 1 0 0 0 0 0 0"
        assert_table "S1,A,1 S1,B,2 S2,A,3 S2,B,4"
        replay
        assert_table "S1,A,1 S1,B,2 S2,A,3 S2,B,4"
    done
}

@test "delete_insert: a row that is rejected again stays open, whatever its partition" {
    whole "mode: delete_insert
    partition_by: [store]"
    load_file S1,A,1 S1,B,2x
    load_file S1,A,1 S1,B,2x
    assert_equal "$(open_values)" 2x
    assert_sql "select times_seen, run_id from diner.reject" "2|2"
    sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
    replay
    assert_table "S1,A,1 S1,B,2"
}

@test "delete_insert: what SQL refused is closed by its partition as well" {
    whole "mode: delete_insert
    partition_by: [store]
    checks: [ { expr: 'qty < 5', on_fail: reject } ]"
    load_file S1,A,1 S1,B,7 S2,B,8
    assert_sql "select string_agg(key::text, ' ' order by id) from diner.reject" '{"store": "S1"} {"store": "S2"}'
    sed -i 's/qty < 5/qty < 50/' pipelines/s.yaml
    load_file S1,A,1 S1,B,7
    replay
    assert_moved s "1 1 0 0 0 0 0 0"
    assert_table "S1,A,1 S1,B,7 S2,B,8"
}

@test "delete_insert: a partition that is a date or a number is found by its value" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, strip: [] }
    mode: delete_insert
    partition_by: [day, part]
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    columns: { day: { type: date, format: "%d.%m.%Y" }, part: "numeric(10,2)", code: text, qty: int }
YAML
    stock_file in.csv day,part,code,qty 01.02.2026,1.50,A,1x 02.02.2026,1.50,A,2x
    diner_run s
    sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
    stock_file in.csv day,part,code,qty 01.02.2026,1.5,A,1
    diner_run s
    replay
    assert_rows s "2026-02-01,1.50,1 2026-02-02,1.50,2" "day, part, qty"
}

@test "delete_insert: a reject that does not tell its partition is not replayed after a load, and said" {
    whole "mode: delete_insert
    partition_by: [store]"
    load_file S1,A,1 ,B,2
    # no load since: it is tried, and refused again
    replay
    refute_stderr_has "were not replayed"
    assert_moved s "1 0 0 0 0 0 1 0"
    assert_sql "select count(*) from t.s where store is null" 0
    sed -i "s/store: text/store: { type: text, default: S1 }/" pipelines/s.yaml
    load_file S1,A,1 ,B,2
    assert_table "S1,A,1 S1,B,2"
    replay
    assert_status 0
    assert_stderr_has "stream 's': 1 rejects were not replayed: without a key it cannot be told whether the table has their rows by now; load their source again"
    assert_table "S1,A,1 S1,B,2"
    assert_sql "select count(*) from diner.reject where replayed_run_id is null" 1
}

@test "delete_insert: a transform that makes the partition keeps it from being told" {
    whole "mode: delete_insert
    partition_by: [store]
    transform: [ { set: { store: 'upper(store)' } } ]"
    load_file s1,A,1 s1,B,2x
    assert_sql "select key::text from diner.reject" '{}'
    sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
    load_file s1,A,1 s1,B,2
    replay
    assert_stderr_has "1 rejects were not replayed"
    assert_table "S1,A,1 S1,B,2"
}

@test "delete_insert: the partition's type changed since: the load goes on, the reject tells nothing" {
    whole "mode: delete_insert
    partition_by: [store]"
    load_file S1,A,1 S1,B,2x
    sql "truncate t.s; alter table t.s alter store type int using null"
    sed -i 's/store: text/store: int/; s/strip: \[\]/strip: [S, x]/' pipelines/s.yaml
    load_file S1,A,1 S1,B,2
    assert_table "1,A,1 1,B,2"
    replay
    assert_stderr_has "1 rejects were not replayed"
    assert_table "1,A,1 1,B,2"
}

@test "rejects of a run that failed are left to the run that loads its source" {
    whole "mode: delete_insert
    partition_by: [store]"
    load_file S1,A,1 S1,B,2
    sed -i 's/max_rejects: 100/max_rejects: 1/' pipelines/s.yaml
    stock_file in.csv store,code,qty S1,A,1x S1,B,2x
    diner_run s
    assert_status 1
    sed -i 's/strip: \[\]/strip: [x]/' pipelines/s.yaml
    replay
    assert_stderr_has "rejects were not replayed"
    assert_table "S1,A,1 S1,B,2"
    diner_run s
    assert_status 0
    assert_table "S1,A,1 S1,B,2"
    assert_equal "$(open_values)" ""
}

# ---- windows and children ------------------------------------------------------------------------

days() { # of t.feed, by store; qty < $1
    pipeline s <<YAML
streams:
  stores:
    source: { connection: warehouse, query: "select * from (values ('S1'), ('S2')) v (code)" }
    mode: merge
    key: [code]
  s:
    source:
      connection: warehouse
      query: "select code, qty, day from t.feed where store = \${item.store} and day >= (\${window.start}::timestamptz at time zone 'UTC')::date and day < (\${window.end}::timestamptz at time zone 'UTC')::date"
      for_each: { stream: stores, bind: { store: code } }
    incremental: { cursor: day, start: 2026-02-01, window: 1d, lag: 0s, timezone: UTC }
    mode: delete_insert
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    checks: [ { expr: "qty < $1", on_fail: reject } ]
    columns: { store: { type: text, from: \$store }, code: text, qty: int, day: date }
YAML
}

@test "delete_insert by window: closed for the window and the child that were read again, else replayed once" {
    sql "create table t.feed as select s as store, 'A' as code, 10 * i + n as qty, date '2026-02-01' + i as day
         from unnest('{S1,S2}'::text[]) with ordinality x (s, n), generate_series(0, 1) i"
    days 0
    diner_run s --from 2026-02-01 --to 2026-02-03
    assert_status 0
    assert_moved s "4 0 0 0 0 0 4 0"
    days 100
    # only S1, only the first day
    sed -i "s/values ('S1'), ('S2')/values ('S1')/; s/mode: merge/mode: replace\n    guard: { max_shrink: 100% }/" pipelines/s.yaml
    diner_run s --from 2026-02-01 --to 2026-02-02
    assert_status 0
    assert_moved s "1 1 0 0 0 0 0 0"
    assert_sql "select string_agg(value, ' ' order by value::int) from (select cells->>'qty' as value from diner.reject where replayed_run_id is null) x" "2 11 12"
    replay --stream s
    assert_status 0
    assert_moved s "3 3 0 0 0 0 0 0"
    assert_rows s "S1,1 S1,11 S2,12 S2,2" "store, qty"
    # a later run of other windows has nothing to close, and nothing comes twice
    diner_run s --from 2026-02-02 --to 2026-02-03
    replay --stream s
    assert_rows s "S1,1 S1,11 S2,12 S2,2" "store, qty"
}

@test "delete_insert by partition: the rejects of other children stay, though their partition came" {
    sql "create table t.feed as select s as store, 'A' as code, n as qty, date '2026-02-01' as day
         from unnest('{S1,S2}'::text[]) with ordinality x (s, n)"
    days 0
    sed -i 's/ and day >= .*::date"/"/; s/incremental: .*/partition_by: [day]/' pipelines/s.yaml
    diner_run s
    assert_status 0
    assert_equal "$(sql "select string_agg(key::text, ' ' order by id) from diner.reject")" \
        '{"day": "2026-02-01", "store": "S1"} {"day": "2026-02-01", "store": "S2"}'
    sed -i "s/qty < 0/qty < 100/; s/values ('S1'), ('S2')/values ('S1')/; s/mode: merge/mode: replace\n    guard: { max_shrink: 100% }/" pipelines/s.yaml
    diner_run s
    assert_status 0
    assert_sql "select string_agg(key->>'store', ' ') from diner.reject where replayed_run_id is null" S2
    replay --stream s
    assert_rows s "S1,1 S2,2" "store, qty"
}

# ---- the order -----------------------------------------------------------------------------------

of_key() { # LEAST QTY, what is stripped
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv, strip: [${2:-}] }
    mode: merge
    key: [code]
    checks: [ { expr: "qty >= $1", on_fail: reject } ]
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: int }
YAML
}

@test "the newest reject of a key stays, whether its cells or its values were refused" {
    of_key 0
    load_file S1,K1,1x S1,K2,-1
    load_file S1,K1,-5 S1,K2,2x
    of_key -10 x
    replay
    assert_status 0
    assert_table "S1,K1,-5 S1,K2,2"
    assert_equal "$(open_values)" ""
}

@test "a reject that was seen again is as new as the run that saw it" {
    of_key 0
    load_file S1,K1,1x
    load_file S1,K1,2x
    load_file S1,K1,1x
    of_key 0 x
    replay
    assert_table "S1,K1,1"
}

@test "what an earlier replay wrote is as old as its reject" {
    of_key 0
    load_file S1,K1,1x S1,K2,-1
    load_file S1,K1,-5 S1,K2,2x
    of_key -10 x
    "$DINER" rejects export --raw -q >all.jsonl
    for value in 1x 2x; do
        jq -c --arg v "$value" 'select(.cells.qty == $v)' all.jsonl >mended.jsonl
        replay --mended mended.jsonl
        assert_status 0
        assert_json '.[0].inserted == 1'
    done
    assert_table "S1,K1,1 S1,K2,2"
    replay
    assert_status 0
    assert_moved s "2 0 1 0 0 0 0 1"
    assert_table "S1,K1,-5 S1,K2,2"
}
