#!/usr/bin/env bats
# diner rejects replay, and list --group: rejected rows after the mend.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
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
