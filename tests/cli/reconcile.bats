#!/usr/bin/env bats
# shellcheck disable=SC2016
# Reconciliation: what was read against the source's own figures, to the cent and by store.
load ../helper
load pipelines
load api

setup_file() {
    dev_start
    api_start
}
teardown_file() {
    api_stop
    dev_stop
}
setup() { pipelines_setup; }

# ---- against SQL ---------------------------------------------------------------------------------

sales() { # keys of `reconcile`, more keys of the stream
    pipeline sales <<YAML
streams:
  sales:
    source: { file: ../in.csv, strip: [","] }
    mode: replace
    key: [store, code]
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: int, amount: "numeric(12,2)" }
    reconcile: { against: "select store, n, amount from t.figures", $1 }
    ${2:-}
YAML
}
figures() { # ROWS: store, n, amount
    sql "create table if not exists t.figures (store text, n bigint, amount numeric)"
    sql "truncate t.figures; insert into t.figures values $1"
}

@test "reconcile by store: rows and sums that agree are loaded, to any number of zeros" {
    figures "('S1', 2, 1250.50), ('S2', 1, 0.10), ('S3', 0, 0), ('S4', 0, null)"
    sales 'rows: n, sum: { amount: amount }, by: [store]'
    stock_file in.csv store,code,qty,amount 'S1,A,1,"1,250.00"' S1,B,1,0.5 S2,A,1,0.1
    diner_run sales
    assert_status 0
    assert_moved sales "3 3 0 0 0 0 0 0"
}

@test "reconcile by store: a difference of a cent fails, names the groups and the amounts, and loads nothing" {
    figures "('S1', 2, 30.01), ('S2', 2, 5), ('S9', 1, 7.00)"
    sales 'rows: n, sum: { amount: amount }, by: [store]'
    stock_file in.csv store,code,qty,amount S1,A,1,10.00 S1,B,1,20.00 S2,A,1,5.00 S3,A,1,1.00
    diner_run sales
    assert_status 9
    assert_stderr_has "stream 'sales': reconcile: what was read differs from the source's own figures: "
    assert_stderr_has '["S1"]: amount 30.00 read, 30.01 stated (-0.01); ["S2"]: 1 rows read, 2 stated; '
    assert_stderr_has '["S3"]: 1 rows read, 0 stated, amount 1.00 read, 0 stated (1.00); ["S9"]: 0 rows read, 1 stated, amount 0 read, 7.00 stated (-7.00)'
    assert_sql "select to_regclass('t.sales') is null" t
}

@test "reconcile: rejected, superseded and filtered rows were read, and count" {
    figures "('S1', 4, 40.00), ('S2', 1, 5.00)"
    sales 'rows: n, sum: { amount: amount }, by: [store]' 'transform: [ { filter: "code <> '"'TEST'"'" }, { set: { amount: "amount * 2" } } ]'
    stock_file in.csv store,code,qty,amount S1,A,1,10.00 S1,A,2,10.00 S1,TEST,1,10.00 S1,B,many,10.00 S2,A,1,5.00
    diner_run sales
    assert_status 0
    assert_moved sales "5 2 0 0 0 1 1 1"
}

@test "reconcile: a rejected row whose amount cannot be read is a difference, one without a group is told" {
    figures "('S1', 2, 20.00)"
    sales 'rows: n, sum: { amount: amount }, by: [store]'
    stock_file in.csv store,code,qty,amount S1,A,1,10.00 S1,B,1,ten
    diner_run sales
    assert_status 9
    assert_stderr_has '["S1"]: amount 10.00 read, 20.00 stated (-10.00)'
    printf 'store,code,qty,amount\nS1,A,1,10.00\nS1,B\n' >in.csv
    diner_run sales
    assert_status 9
    assert_stderr_has '["S1"]: 1 rows read, 2 stated'
    assert_stderr_has "1 rejected rows are in no group: theirs could not be read"
}

@test "reconcile without groups, sums alone, and the first 20 of many groups" {
    sql "create table t.figures as select 3 as n, 33.30::numeric as total"
    pipeline sales <<'YAML'
streams:
  sales:
    source: { file: ../in.csv }
    mode: replace
    guard: { max_shrink: 100% }
    columns: { code: text, amount: "numeric(12,2)" }
    reconcile: { against: "select total from t.figures", sum: { amount: total } }
YAML
    stock_file in.csv code,amount A,11.10 B,11.10 C,11.10
    diner_run sales
    assert_status 0
    stock_file in.csv code,amount A,11.10 B,11.11
    diner_run sales
    assert_status 9
    assert_stderr_has "figures: amount 22.21 read, 33.30 stated (-11.09)"
    pipeline sales <<'YAML'
streams:
  sales:
    source: { file: ../in.csv }
    mode: replace
    guard: { max_shrink: 100% }
    columns: { code: text, amount: "numeric(12,2)" }
    reconcile: { against: "select 'K' || i as code, 1 as n from generate_series(1, 30) i", rows: n, by: [code] }
YAML
    stock_file in.csv code,amount
    diner_run sales
    assert_status 9
    assert_stderr_has "; and 10 more"
}

@test "reconcile: groups are compared as the column's type reads them" {
    pipeline sales <<'YAML'
streams:
  sales:
    source: { file: ../in.csv }
    columns: { day: { type: date, format: ["%Y/%m/%d"] }, kind: int, amount: "numeric(12,2)" }
    reconcile: { against: "select * from (values (date '2026-02-01', '07', 2)) v (day, kind, n)", rows: n, by: [day, kind] }
YAML
    stock_file in.csv day,kind,amount 2026/2/1,7,1 2026/02/01,07,2
    diner_run sales
    assert_status 0
}

@test "reconcile: figures are asked where the source is, with the window's parameters" {
    sql "create table t.feed (code text, amount numeric, at timestamptz)"
    sql "insert into t.feed values ('A', 1, '2026-02-01'), ('B', 2, '2026-02-02')"
    pipeline sales <<'YAML'
streams:
  sales:
    source: { connection: warehouse, query: "select * from t.feed where at < ${window.end}::timestamptz and code <> 'B'" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 0s }
    mode: merge
    key: [code]
    columns: { code: text, amount: "numeric(12,2)", at: timestamptz }
    reconcile: { against: "select count(*) as n from t.feed where at < ${window.end}::timestamptz", rows: n }
YAML
    diner_run sales
    assert_status 9
    assert_stderr_has "1 rows read, 2 stated"
    diner_run sales --to 2026-02-02T00:00:00Z
    assert_status 0
}

@test "reconcile: what 'against' does not give is an error of the file" {
    figures "('S1', 1, 1)"
    sales 'rows: rows, by: [store]'
    stock_file in.csv store,code,qty,amount S1,A,1,1
    diner_run sales
    assert_status 3
    assert_stderr_has "'against' gives no column 'rows'"
}

# ---- against the answer --------------------------------------------------------------------------

answer() { # keys of `reconcile`
    connector <<'E'
resources:
  list: { path: /list, records: /data/list, paginate: { type: page, param: page, size_param: size, size: 2, end: short } }
E
    pipeline sales <<YAML
streams:
  sales:
    source: { connector: shop, resource: list }
    mode: replace
    key: [code]
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns: { code: text, amount: { type: "numeric(12,2)", unit: cents } }
    reconcile: { $1 }
YAML
    api_script
}

@test "reconcile with the answer: rows and a sum in cents; rejected rows were read" {
    answer 'rows: /data/total, sum: { amount: /data/cents }' <<'E'
{"/list": [{"json": {"data": {"total": 3, "cents": 605, "list": [{"code": "A", "amount": 100}, {"code": "B", "amount": 200}]}}},
           {"json": {"data": {"total": 3, "cents": 605, "list": [{"code": null, "amount": 305}]}}}]}
E
    diner_run sales
    assert_status 0
    assert_moved sales "3 2 0 0 0 0 1 0"
}

@test "airbyte #33862: fewer or more rows than the API states fail" {
    for total in 2 4; do
        answer 'rows: /data/total' <<E
{"/list": [{"json": {"data": {"total": $total, "list": [{"code": "A", "amount": 100}, {"code": "B", "amount": 200}]}}},
           {"json": {"data": {"list": [{"code": "C", "amount": 305}]}}}]}
E
        diner_run sales
        assert_status 9
        assert_stderr_has "stream 'sales': the API states $total rows, 3 came"
    done
}

@test "reconcile with the answers of each store: one that is off by a cent is left behind, the others are loaded" {
    answer 'rows: /data/n, sum: { amount: /data/cents }' <<'E'
{"/list": [{"json": {"data": {"n": 2, "cents": 1051, "list": [{"code": "A", "amount": 1050}, {"code": "B", "amount": 1}]}}},
           {"json": {"data": {"n": 2, "cents": 1051, "list": []}}},
           {"json": {"data": {"n": 1, "cents": 200, "list": [{"code": "A", "amount": 199}]}}}]}
E
    sed -i 's/resource: list/&, for_each: { query: "select unnest(@{S1,S2}@::text[]) as s", bind: { store: s }, isolate: true }/
        s/mode: replace/mode: merge/; s/key: .code./key: [store, code]/
        s/columns: {/columns: { store: { type: text, from: $store },/' pipelines/sales.yaml
    sed -i "s/@/'/g" pipelines/sales.yaml
    sed -i 's/path: .list,/& query: { store: "${store}" },/' connectors/shop.yaml
    diner_run sales
    assert_status 7
    assert_stderr_has '{"store":"S2"}'
    assert_stderr_has "the API states a total of 2.00 for 'amount', its rows add up to 1.99"
    assert_rows sales "S1,A,10.50 S1,B,0.01" "store, code, amount"
}

@test "reconcile with the answer: a sum that is off by a cent, and one that nobody states" {
    answer 'sum: { amount: /data/cents }' <<'E'
{"/list": [{"json": {"data": {"cents": 99, "list": [{"code": "A", "amount": 100}]}}}]}
E
    diner_run sales
    assert_status 9
    assert_stderr_has "the API states a total of 0.99 for 'amount', its rows add up to 1.00"
    answer 'sum: { amount: /data/cents }' <<'E'
{"/list": [{"json": {"data": {"list": [{"code": "A", "amount": 100}]}}}]}
E
    diner_run sales
    assert_status 9
    assert_stderr_has "reconcile: no answer has '/data/cents'"
}

# ---- against the subtotals of a file -------------------------------------------------------------

by_store() { # keys of `subtotals`, more keys of the source
    pipeline sales <<YAML
streams:
  sales:
    source: { file: "../in*.csv", strip: [","], subtotals: { by: store, $1 }, ${2:-fill_down: [store]} }
    mode: replace
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: int, amount: "numeric(12,2)" }
YAML
}

@test "subtotals of a file: each closes the rows of its store; rejected ones count; of one cent file, store and both are told" {
    by_store 'match: "^小计", rows: qty, sum: { amount: amount }' 'fill_down: [store], trailer: { match: "^合计", sum: { amount: amount } }'
    stock_file in_a.csv store,code,qty,amount S1,A,1,10.00 ,B,many,20.50 '小计,,2,"30.50"' S2,A,1,"\"1,005.00\"" \
        '小计,,1,"1,005.00"' S1,C,1,0.01 小计,,1,0.01 合计,,,1035.51
    stock_file in_b.csv store,code,qty,amount S2,A,1,1.00 小计,,1,1.00 合计,,,1.00
    diner_run sales
    assert_status 0
    assert_moved sales "11 4 0 0 0 0 1 6" # 4 rows and a reject; 4 subtotals and 2 totals
    # One cent that moved from a store to another: the total agrees, the stores do not.
    stock_file in_b.csv store,code,qty,amount S1,A,1,2.00 小计,,1,2.01 S2,A,1,1.01 小计,,1,1.00 合计,,,3.01
    diner_run sales
    assert_status 9
    assert_stderr_has "the rows differ from the subtotals of their file: "
    assert_stderr_has "in_b.csv: store 'S1': amount 2.00 read, 2.01 stated in line 3 (-0.01); store 'S2': amount 1.01 read, 1.00 stated in line 5 (0.01)"
    assert_sql "select count(*) from t.sales" 4 # the old ones
}

@test "subtotals of a file: a lost row, a store without its subtotal, a subtotal without rows" {
    by_store 'match: "^小计", rows: qty'
    stock_file in.csv store,code,qty,amount S1,A,1,1 小计,,2, S2,A,1,1
    diner_run sales
    assert_status 9
    assert_stderr_has "store 'S1': 1 rows read, 2 stated in line 3; store 'S2': 1 rows read, no subtotal stated"
    by_store 'match: "^小计 *(S[0-9]+)", rows: qty' 'encoding: auto'
    stock_file in.csv store,code,qty,amount S1,A,1,1 小计S1,,1, '小计 S9,,1,'
    diner_run sales
    assert_status 9
    assert_stderr_has "in.csv: store 'S9': 0 rows read, 1 stated in line 4"
    [[ $stderr != *"'S1'"* ]] || fail "S1 agrees"
    stock_file in.csv store,code,qty,amount S1,A,1,1 小计S1,,all,
    diner_run sales
    assert_status 1
    assert_stderr_has "in.csv:3: the subtotal of 'qty' is not a number: 'all'"
}

@test "subtotals of a file: a trailer for each store, in fields of its own, before or below the total" {
    by_store 'match: "^T$", value: $2, rows: $3, sum: { amount: $4 }' 'header: { none: true }, trailer: { match: "^END" }'
    sed -i 's/columns: .*/columns: { store: { type: text, from: $1 }, code: { type: text, from: $2 }, amount: { type: "numeric(12,2)", from: $3 } }/' \
        pipelines/sales.yaml
    stock_file in.csv S1,A,10.00 S2,A,5.00 S1,B,0.10 T,S1,2,10.10 END,3 T,S2,1,5.00
    diner_run sales
    assert_status 0
    assert_rows sales "S1,A,10.00 S1,B,0.10 S2,A,5.00" "store, code, amount"
    stock_file in.csv S1,A,10.00 S2,A,5.00 S1,B,0.10 T,S1,2,10.10 END,3 T,S2,1,5.01
    diner_run sales
    assert_status 9
    assert_stderr_has "store 'S2': amount 5.00 read, 5.01 stated in line 6 (-0.01)"
}

@test "subtotals of a file: fixed width, amounts in cents; a warning is loaded and recorded" {
    pipeline sales <<'YAML'
streams:
  sales:
    source: { file: ../in.txt, format: fixed, pad: true, subtotals: { match: "^SUB", by: store, value: 5-8, rows: 9-10, sum: { amount: 11-16 }, on_fail: warn } }
    mode: append
    columns: { store: { type: text, at: 1-4 }, amount: { type: "numeric(12,2)", at: 11-16, unit: cents } }
YAML
    printf '%s\n' 'S1          1050' 'S1            50' 'SUB S1   2  1100' 'S2           100' 'SUB S2   1   101' >in.txt
    diner_run sales
    assert_status 0
    assert_stderr_has "the rows differ from the subtotals of their file: "
    assert_stderr_has "in.txt: store 'S2': amount 1.00 read, 1.01 stated in line 5 (-0.01)"
    assert_json '.[0].read == 5 and .[0].inserted == 3 and .[0].skipped == 2 and .[0].findings == 1'
    assert_sql "select check_name || ' ' || (row_data->>'found' like '%S2%')::text from diner.finding" "subtotals true"
}

@test "subtotals of a file: what the file of the pipeline leaves open is told" {
    local keys message
    while IFS='|' read -r keys message; do
        by_store "$keys"
        run --separate-stderr "$DINER" pipeline lint sales
        assert_status 3
        assert_stdout_has "$message"
    done <<'E'
match: "^小计"|subtotals: compares 'rows', 'sum' or both
match: "^小计", sum: { total: amount }|subtotals: 'total' is not a column of the stream
match: "(", rows: qty|pattern '('
rows: qty|'match'
E
    by_store 'match: "^小计", rows: qty' 'where: { store: [S1] }'
    run --separate-stderr "$DINER" pipeline lint sales
    assert_status 3
    assert_stdout_has "'subtotals' are those of all rows, and 'where' reads fewer"
}
