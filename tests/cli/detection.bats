#!/usr/bin/env bats
# Change detection where rows are more than what was read: transforms, look-ups, children, and tables
# that two streams load.
# shellcheck disable=SC2016,SC2034,SC2154
load ../helper
load pipelines
load snapshot

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    RUN_OPTIONS=()
}

@test "two streams that load one table, of one pipeline or two: the first keeps the hashes, and no row is lost" {
    local name
    for name in first second; do
        pipeline $name <<Y
streams:
  $name: { source: { file: ../$name.csv }, target: { table: shared }, mode: merge, key: [code], columns: { code: text, qty: int } }
Y
    done
    pipeline both <<'Y'
defaults: { source: { file: ../first.csv }, target: { connection: warehouse, schema: t, table: shared } }
streams:
  first: { source: {}, mode: merge, key: [code], columns: { code: text, qty: int } }
  second: { needs: [first], source: {}, mode: merge, key: [code], columns: { code: text, qty: int } }
Y
    sed -i '3d' pipelines/both.yaml
    stock_file first.csv code,qty A,1 B,2 C,3
    stock_file second.csv code,qty C,3 D,4
    for name in first second; do diner_run $name; done
    assert_rows shared "A,1 B,2 C,3 D,4"
    before=$(sql "select string_agg(xmin || ' ' || ctid, ',' order by code) from t.shared")
    diner_run first --log-level info
    assert_stderr_has "rows sent: 0 of 3"
    diner_run second --log-level info
    assert_stderr_has "no change detection: stream 'first' of pipeline 'first' loads the same table, and keeps its hashes"
    diner_run both --log-level info
    assert_equal "$(grep -c "no change detection: another stream of the pipeline loads the same table" <<<"$stderr")" 2
    assert_sql "select string_agg(xmin || ' ' || ctid, ',' order by code) from t.shared" "$before"
    # what the second changes has no hash any more: the first sees it, and only that
    stock_file second.csv code,qty B,20 D,5
    diner_run second
    assert_rows shared "A,1 B,20 C,3 D,5"
    diner_run first --log-level info
    assert_stderr_has "rows sent: 1 of 3"
    assert_rows shared "A,1 B,2 C,3 D,5"
    # the first is gone: the second keeps them from now on
    sql "delete from diner.state where pipeline = 'first'"
    diner_run second
    stock_file second.csv code,qty B,20 D,6
    diner_run second --log-level info
    assert_stderr_has "rows sent: 1 of 2"
    assert_rows shared "A,1 B,20 C,3 D,6"
}

@test "filter, set and lookup: what they see of the row alone is not done again for rows that did not change" {
    sql "create table t.dim (code text, area text, unused text); insert into t.dim values ('A', 'n'), ('B', 's'), ('Z', 'w')"
    MODE=merge stock $'deletes: hard\n    transform: [{ filter: "qty <> ${params.no}::numeric" }, { set: { note: "upper(note) || qty" } }, { lookup: { table: t.dim, on: [code], take: ["store = area"], miss: reject } }]'
    sed -i '2a params: { no: { type: int, default: 0 } }' pipelines/stock.yaml
    sed -i 's/note: text }/note: text }/; s/key: \[store, code\]/key: [code]/' pipelines/stock.yaml
    lines S,A,1,,x S,B,2,,y S,Q,3,,z S,B,0,,gone
    load_stock "4 2 0 0 0 0 1 1"
    assert_equal "$(rows stock "store, code, qty, note")" "n,A,1.000,X1.000 s,B,2.000,Y2.000"
    # what was rejected or left out has no hash: it comes again, and again
    load_stock "4 0 0 2 0 0 1 1" 2
    lines S,A,1,,x S,B,5,,y S,Q,3,,z S,B,0,,gone
    load_stock "4 0 1 1 0 0 1 1" 3
    lines S,B,5,,y
    RUN_OPTIONS=(--param no=9)
    sed -i 's/guard: .*/guard: { max_shrink: 100% }/' pipelines/stock.yaml
    load_stock "1 0 0 1 1 0 0 0" # another value in the filter: all rows are compared
    refute_stderr_has "rows sent"
    load_stock "1 0 0 1 0 0 0 0" 0
    # the look-up changes: in a column that is not taken, in a row that is not used, in one that is
    sql "update t.dim set unused = 'u'"
    load_stock "1 0 0 1 0 0 0 0" 0
    sql "update t.dim set area = 'e' where code = 'Z'"
    load_stock "1 0 0 1 0 0 0 0"
    refute_stderr_has "rows sent"
    load_stock "1 0 0 1 0 0 0 0" 0
    sql "update t.dim set area = 'e' where code = 'B'"
    load_stock "1 0 1 0 0 0 0 0"
    assert_equal "$(rows stock "store, code")" "e,B"
}

@test "SQL that looks at more than the row forbids change detection" {
    local step
    lines S1,A,1,,x S1,B,2,,y
    for step in 'set: { note: "now()::text" }' 'set: { note: "random()::text" }' 'filter: "qty < (select max(qty) + 1 from pg_temp.diner_stage)"' \
        'set: { note: "to_char(at, '\''HH24'\'')" }'; do
        stock "transform: [{ $step }]"
        run --separate-stderr "$DINER" --log-level info run stock -o json
        assert_status 0
        assert_stderr_has "no change detection: its SQL looks at more than the row"
    done
    stock 'checks: [{ expr: "at is null or at < now()", on_fail: reject }]'
    run --separate-stderr "$DINER" --log-level info run stock -o json
    assert_stderr_has "no change detection: its SQL looks at more than the row"
    stock "transform: [{ lookup: { query: 'select code as c, count(*)::text as n from \${staged} group by 1', on: ['code = c'], take: ['note = n'] } }]"
    run --separate-stderr "$DINER" --log-level info run stock -o json
    assert_status 0
    assert_stderr_has "no change detection: a look-up reads the staged rows"
}

@test "a look-up that changes while it is used: the next run compares every row" {
    sql "create table t.dim (code text, area text); insert into t.dim values ('A', 'n'), ('B', 's')"
    # The query changes what it reads: as another session would between two looks.
    sql "create function t.flip() returns setof t.dim language plpgsql as 'begin update t.dim set area = area || ''.''; return query select * from t.dim; end'"
    stock $'transform: [{ lookup: { query: "select * from t.flip()", on: [code], take: ["note = area"] } }]'
    lines S1,A,1,, S1,B,2,,
    run --separate-stderr "$DINER" --log-level info run stock -o json
    assert_status 0
    assert_stderr_has "a look-up changed while it was used: the next run compares every row"
    assert_sql "select count(*) from diner.state where name = 'row_hash'" 0
}

@test "children of for_each: each sends what changed of its own rows" {
    sql "create table t.shop (id text primary key); insert into t.shop values ('S1'), ('S2'), ('S3')"
    pipeline kids <<'Y'
streams:
  stock:
    source:
      file: "../in_${item.shop}.csv"
      for_each: { query: "select id from t.shop", bind: { shop: id } }
    mode: merge
    key: [store, code]
    columns: { store: { type: text, from: $shop }, code: text, qty: int }
    transform: [{ filter: "qty > 0" }]
Y
    for shop in S1 S2 S3; do stock_file in_$shop.csv code,qty A,1 B,2; done
    diner_run kids
    assert_status 0
    assert_moved stock "6 6 0 0 0 0 0 0"
    stock_file in_S2.csv code,qty A,1 B,7 C,8
    before=$(sql "select string_agg(ctid || ' ' || xmin, ',' order by store, code) from t.stock where store <> 'S2'")
    for jobs in 1 3; do
        diner_run kids --log-level info --jobs $jobs
        assert_status 0
        assert_sql "select string_agg(ctid || ' ' || xmin, ',' order by store, code) from t.stock where store <> 'S2'" "$before"
        assert_equal "$(rows stock "store, code, qty")" "S1,A,1 S1,B,2 S2,A,1 S2,B,7 S2,C,8 S3,A,1 S3,B,2"
        [ "$jobs" = 3 ] || assert_equal "$(grep -o 'rows sent: .*' <<<"$stderr" | cut -d' ' -f3-5 | tr '\n' ';')" "0 of 2;2 of 3;0 of 2;"
        [ "$jobs" = 1 ] || assert_moved stock "7 0 0 7 0 0 0 0"
    done
    sed -i 's/{ type: text, from: $shop }/{ type: text, from: $shop, mask: name }/; s/\[store, code\]/[code]/' pipelines/kids.yaml
    diner_run kids --log-level info
    assert_stderr_has "no change detection: no column says whose child a row is"
}
