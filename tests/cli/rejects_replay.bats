#!/usr/bin/env bats
# diner rejects replay, and list --group: rejected rows after the mend.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
export HASH_KEY=0123456789abcdef # of columns with  hash: env:HASH_KEY
setup() { pipelines_setup; }

# ---- replay --------------------------------------------------------------------------------------

bad_stock() { # TYPE OF QTY, further keys
    pipeline bad_stock <<YAML
streams:
  stock:
    source: { file: ../in.csv, strip: [","] }
    mode: merge
    key: [code]
    columns: { code: text, qty: { type: "$1" ${2:-} } }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
YAML
}

@test "replay loads what the mended pipeline can read, once, and leaves the rest open" {
    bad_stock int
    stock_file in.csv code,qty A,1 B,2.5 C,xx D,4
    diner_run bad_stock
    assert_status 0
    assert_moved stock "4 2 0 0 0 0 2 0"
    bad_stock "numeric(10,2)"
    psql -Xq -d "$(dev_dsn)" -c "alter table t.stock alter qty type numeric(10,2)"
    run --separate-stderr "$DINER" rejects replay bad_stock -o json
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_sql "select string_agg(code || '=' || qty, ',' order by code) from t.stock" "A=1.00,B=2.50,D=4.00"
    run "$DINER" rejects list --pipeline bad_stock -o json
    assert_json 'length == 1 and .[0].value == "xx"'
    run "$DINER" rejects list --pipeline bad_stock --all -o json
    assert_json 'length == 2'
    # Again: nothing but what is still open.
    run --separate-stderr "$DINER" rejects replay bad_stock -o json
    assert_moved stock "1 0 0 0 0 0 1 0"
    assert_sql "select times_seen from diner.reject where value = 'xx'" 3
}

@test "replay with mended cells: exported, mended, loaded" {
    bad_stock int
    stock_file in.csv code,qty A,1 B,二 C,三
    diner_run bad_stock
    "$DINER" rejects export --pipeline bad_stock --raw -q --out-file mended.jsonl
    sed -i 's/"qty": "二"/"qty": "2"/' mended.jsonl
    run --separate-stderr "$DINER" rejects replay bad_stock --mended mended.jsonl --dry-run -o json
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_sql "select count(*) from t.stock" 1
    run --separate-stderr "$DINER" rejects replay bad_stock --mended mended.jsonl -o json
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_sql "select qty from t.stock where code = 'B'" 2
    echo '{"id": "x"}' >mended.jsonl
    run --separate-stderr "$DINER" rejects replay bad_stock --mended mended.jsonl
    assert_status 1
    assert_stderr_has "'mended.jsonl': line 1: expected {\"id\": N, \"cells\": {...}}"
}

@test "replay never overwrites what a later run loaded" {
    bad_stock int
    stock_file in.csv code,qty A,x B,2
    diner_run bad_stock
    stock_file in.csv code,qty A,7 B,2
    diner_run bad_stock
    assert_status 0
    run --separate-stderr "$DINER" rejects list -o json
    assert_json 'length == 1'
    "$DINER" rejects export --raw -q | sed 's/"qty": "x"/"qty": "1"/' >mended.jsonl
    run --separate-stderr "$DINER" rejects replay bad_stock --mended mended.jsonl -o json
    assert_status 0
    assert_moved stock "1 0 0 0 0 0 0 1"
    assert_sql "select qty from t.stock where code = 'A'" 7
    run --separate-stderr "$DINER" rejects list -o json
    assert_json 'length == 0'
}

@test "damaged records without cells are left for --mended, and said" {
    bad_stock int
    printf 'code,qty\nA,1\n"B,2\nC,3\n' >in.csv
    diner_run bad_stock
    assert_status 0
    run --separate-stderr "$DINER" rejects replay bad_stock -o json
    assert_status 0
    assert_stderr_has "1 rejects have no cells to read"
    id=$(psql -XAtq -d "$(dev_dsn)" -c "select id from diner.reject where replayed_run_id is null")
    echo "{\"id\": $id, \"cells\": {\"code\": \"B\", \"qty\": \"2\"}}" >mended.jsonl
    run --separate-stderr "$DINER" rejects replay bad_stock --mended mended.jsonl -o json
    assert_moved stock "1 1 0 0 0 0 0 0"
}

@test "the same reason in the same column is one line of the group" {
    bad_stock int
    stock_file in.csv code,qty A,x B,y C,3 D,z
    diner_run bad_stock
    run "$DINER" rejects list --group -o json
    assert_json 'length == 1 and (.[0] | .rows == 3 and .column == "qty" and .example == "z")'
}

# What SQL refuses is kept as it was read, whatever transforms made of it before.
shaped() { # MAX OF QTY
    pipeline shaped <<YAML
streams:
  shaped:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns:
      code: text
      qty: { type: "numeric(12,2)", unit: cents }
      day: { type: date, format: "%Y/%m/%d" }
      phone: { type: text, hash: env:HASH_KEY }
      area: text
    transform:
      - set: { qty: "qty * 10", code: "lower(code)" }
      - set: { qty: "qty + 1" }
      - lookup: { table: t.dim, on: [code], take: [area], miss: reject }
      - set: { area: "area || '!'" }
    checks: [{ expr: "qty < $1", on_fail: reject }]
YAML
}

@test "rows that SQL refused after set and lookup are replayed from what was read" {
    sql "create table t.dim (code text, area text); insert into t.dim values ('a', 'n'), ('b', 's')"
    shaped 100
    stock_file in.csv code,qty,day,phone,area A,500,2026/01/31,13812345678,x B,2000,2026/02/01,13912345678,y C,300,2026/02/02,,z D,bad,2026/02/03,,
    diner_run shaped
    assert_status 0
    assert_moved shaped "4 1 0 0 0 0 3 0"
    assert_sql "select string_agg(concat_ws(' ', raw::jsonb->>'code', raw::jsonb->>'qty', raw::jsonb->>'area'), ', ' order by position) from diner.reject where is_staged" \
        "B 20.00 y, C 3.00 z"
    hash=$(sql "select phone from t.shaped")
    [ "${#hash}" -ge 32 ]
    # mended: a higher limit, and a row more in the look-up
    shaped 1000
    sql "insert into t.dim values ('c', 'w')"
    run --separate-stderr "$DINER" rejects replay shaped -o json
    assert_status 0
    refute_stderr_has "have no cells to read"
    assert_moved shaped "3 2 0 0 0 0 1 0"
    assert_equal "$(rows shaped "code, qty, day, area")" "a,51.00,2026-01-31,n! b,201.00,2026-02-01,s! c,31.00,2026-02-02,w!"
    assert_sql "select inserted, rejected from diner.run_stream order by run_id desc limit 1" "2|1"
    # the same rows, read from their file: nothing differs, so the replay gave what a run gives
    stock_file in.csv code,qty,day,phone,area A,500,2026/01/31,13812345678,x B,2000,2026/02/01,13912345678,y C,300,2026/02/02,,z
    diner_run shaped
    assert_moved shaped "3 0 0 3 0 0 0 0"
    # refused again, it stays as it was read
    shaped 1
    stock_file in.csv code,qty,day,phone,area A,501,2026/01/31,13812345678,x
    diner_run shaped
    run --separate-stderr "$DINER" rejects replay shaped -o json
    run --separate-stderr "$DINER" rejects replay shaped -o json
    assert_sql "select cells->>'qty', raw::jsonb->>'qty' from diner.reject where is_staged and replayed_run_id is null" "5.01|5.01"
}

@test "a staged row is mended as the values that it has" {
    sql "create table t.dim (code text, area text); insert into t.dim values ('a', 'n')"
    shaped 100
    stock_file in.csv code,qty,day,phone,area A,5000,2026/01/31,13812345678,x
    diner_run shaped
    "$DINER" rejects export --raw -q | sed 's/"qty": 50.00/"qty": 5.25/' >mended.jsonl
    grep -q 5.25 mended.jsonl
    run --separate-stderr "$DINER" rejects replay shaped --mended mended.jsonl -o json
    assert_status 0
    assert_moved shaped "1 1 0 0 0 0 0 0"
    assert_equal "$(rows shaped "code, qty, day, area")" "a,53.50,2026-01-31,n!"
}
