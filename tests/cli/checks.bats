#!/usr/bin/env bats
# shellcheck disable=SC2016
# Transforms, checks and what they find: filter, set and lookup over the staged rows; expr, sql,
# unique, rows, fresh and drop; rejects and findings with the place that a row came from.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

stock() { # keys of the stream
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in*.csv }
    mode: replace
    key: [code]
    guard: { max_shrink: 100% }
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    ${1:-}
YAML
}

shops() {
    sql "create table t.shop (id text, region text, area int, opened text)"
    sql "insert into t.shop values ('S1', 'east', 10, '2026-01-05'), ('S2', 'west', 20, null)"
}

# ---- set -----------------------------------------------------------------------------------------

@test "set: all expressions of a step see the values before it" {
    stock 'columns: { code: text, a: int, b: int }
    transform:
      - set: { a: b, b: a }
      - set: { a: a * 10 }'
    stock_file in.csv code,a,b X,1,2
    diner_run stock
    assert_status 0
    assert_rows stock "X,20,1" "code, a, b"
}

@test "set: parameters are shared by the expressions of a step, and a name means one value" {
    pipeline stock <<'YAML'
params: { x: { default: "7" }, y: { default: "it's" } }
streams:
  stock:
    source: { file: ../in.csv }
    mode: replace
    key: [code]
    columns: { code: text, a: int, b: text, c: int }
    transform:
      - set: { a: "${params.x}::int + a", b: "${params.y}", c: "${params.x}::int" }
YAML
    stock_file in.csv code,a X,1
    diner_run stock
    assert_status 0
    assert_rows stock "X,8,it's,7" "code, a, b, c"
}

@test "a column that only a transform fills need not be in the file; what is required is looked at afterwards" {
    stock 'columns: { code: text, qty: int, channel: { type: text, required: true } }
    transform:
      - set: { channel: "nullif(code, '"'B'"')" }'
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_rows stock "A,1,A" "code, qty, channel"
    assert_sql "select column_name, reason from diner.reject" "channel|null, but required"
}

# ---- lookup --------------------------------------------------------------------------------------

@test "lookup: takes columns by key, a miss and a null key are rejects with their value" {
    shops
    stock 'columns: { code: text, shop: text, region: text, area: int, since: date }
    transform:
      - lookup: { table: t.shop, on: ["shop = id"], take: [region, area, "since = opened"] }'
    stock_file in.csv code,shop A,S1 B,S2 C,S9 D,
    diner_run stock
    assert_status 0
    assert_moved stock "4 2 0 0 0 0 2 0"
    assert_rows stock "A,S1,east,10,2026-01-05 B,S2,west,20" "code, shop, region, area, since"
    assert_sql "select string_agg(concat_ws(',', position, column_name, value, reason), ' ' order by position) from diner.reject" \
        "4,shop,S9,not found in t.shop 5,shop,,not found in t.shop"
}

@test "lookup: miss null leaves the columns null, miss abort fails the stream" {
    shops
    columns='columns: { code: text, shop: text, region: text }'
    stock "$columns
    transform:
      - lookup: { table: t.shop, on: [\"shop = id\"], take: [region], miss: null }"
    stock_file in.csv code,shop A,S1 B,S9
    diner_run stock
    assert_status 0
    assert_rows stock "A,S1,east B,S9" "code, shop, region"
    sed -i 's/miss: null/miss: abort/' pipelines/stock.yaml
    diner_run stock
    assert_status 9
    assert_stderr_has "1 rows have no match in t.shop; the first shop is 'S9'"
}

@test "lookup: two rows of one key are an error that names it; keys that are not used may repeat" {
    shops
    sql "insert into t.shop values ('S7', 'x', 1, null), ('S7', 'y', 2, null)"
    stock 'columns: { code: text, shop: text, region: text }
    transform:
      - lookup: { table: t.shop, on: ["shop = id"], take: [region] }'
    stock_file in.csv code,shop A,S1
    diner_run stock
    assert_status 0
    stock_file in.csv code,shop A,S1 B,S7
    diner_run stock
    assert_status 9
    assert_stderr_has "lookup in t.shop: 2 rows have id = 'S7'"
    assert_rows stock "A,S1,east" "code, shop, region"
}

@test "lookup: a query with parameters, several keys, numbers against text" {
    sql "create table t.price (code int, unit text, price numeric(12,4), day date)"
    sql "insert into t.price values (1, 'kg', 2.5, '2026-01-01'), (1, 'kg', 3, '2026-02-01'), (2, 'box', 7, '2026-02-01')"
    pipeline stock <<'YAML'
params: { day: { type: date, default: "2026-02-01" } }
streams:
  stock:
    source: { file: ../in.csv }
    mode: replace
    key: [code]
    columns: { code: text, unit: text, price: "numeric(12,2)" }
    transform:
      - lookup:
          query: "select * from t.price where day = ${params.day}::date"
          on: [code, unit]
          take: [price]
YAML
    stock_file in.csv code,unit 1,kg 2,box
    diner_run stock
    assert_status 0
    assert_rows stock "1,kg,3.00 2,box,7.00" "code, unit, price"
}

@test "lookup: a value that is no number, where one is needed, fails by name" {
    sql "create table t.shop (id text, area text)"
    sql "insert into t.shop values ('S1', 'large')"
    stock 'columns: { code: text, shop: text, area: int }
    transform:
      - lookup: { table: t.shop, on: ["shop = id"], take: [area] }'
    stock_file in.csv code,shop A,S1
    diner_run stock
    assert_status 1
    assert_stderr_has "transform 1 of stream 'stock'"
    assert_stderr_has 'invalid input syntax for type integer: "large"'
}

# ---- checks --------------------------------------------------------------------------------------

@test "check unique: every row of the group is at fault, nulls are not equal" {
    stock 'columns: { code: text, name: text }
    checks: [ { unique: [name], on_fail: reject } ]'
    stock_file in.csv code,name A,x B,y C,x D, E,
    diner_run stock
    assert_status 0
    assert_moved stock "5 3 0 0 0 0 2 0"
    assert_rows stock "B,y D E" "code, name"
    assert_sql "select string_agg(position || ' ' || reason, ', ' order by position) from diner.reject" \
        "2 check 'unique name' failed, 4 check 'unique name' failed"
    sed -i 's/on_fail: reject/on_fail: abort/' pipelines/stock.yaml
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'unique name' failed for 2 rows"
}

@test "check rows: too few, too many, and a finding where it only warns" {
    stock 'columns: { code: text }
    checks: [ { rows: { min: 2, max: 3 } } ]'
    stock_file in.csv code A
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'rows' failed: 1 rows, at least 2 are expected"
    stock_file in.csv code A B C D
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'rows' failed: 4 rows, at most 3 are expected"
    sed -i 's/max: 3 }/&, on_fail: warn/' pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_json '.[0].findings == 1'
    run --separate-stderr "$DINER" runs findings -o json
    assert_status 0
    assert_json '.[0].check == "rows" and (.[0].row | contains("4 rows, at most 3 are expected"))'
    stock_file in.csv code A B
    diner_run stock
    assert_json '.[0].findings == 0'
}

@test "check fresh: the newest value may be so old, seen from the run's start; a date counts from its end" {
    stock 'columns: { code: text, at: timestamptz }
    checks: [ { fresh: { column: at, within: 2h } } ]'
    stock_file in.csv code,at "A,$(date -u -d '-1 hour' +%FT%TZ)" B,2020-01-01T00:00:00Z
    diner_run stock
    assert_status 0
    stock_file in.csv code,at "A,$(date -u -d '-3 hour' +%FT%TZ)"
    diner_run stock
    assert_status 9
    assert_stderr_matches "check 'fresh at' failed: the newest 'at' is 20"
    stock_file in.csv code,at A,
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'fresh at' failed: no row has a 'at'"
    sed -i 's/at: timestamptz/at: date/; s/2h/1d/' pipelines/stock.yaml
    sql "drop table t.stock"
    stock_file in.csv code,at "A,$(TZ=Asia/Shanghai date -d '-1 day' +%F)"
    diner_run stock
    assert_status 0
    stock_file in.csv code,at "A,$(TZ=Asia/Shanghai date -d '-3 day' +%F)"
    diner_run stock
    assert_status 9
}

@test "check drop: against the last run of the stream that succeeded" {
    stock 'columns: { code: text }
    checks: [ { drop: 50% } ]'
    stock_file in.csv code A B C D
    diner_run stock
    assert_status 0
    stock_file in.csv code A
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'drop' failed: 1 rows came, run 1 had 4, a drop of more than 50%"
    diner_run stock # the failed run is none to compare with
    assert_status 9
    stock_file in.csv code A B
    diner_run stock
    assert_status 0
    stock_file in.csv code A
    diner_run stock
    assert_status 0
}

# ---- places --------------------------------------------------------------------------------------

@test "rejects and findings of SQL say file and line" {
    stock 'columns: { code: text, qty: int }
    transform: [ { filter: "case when qty <> 0 then true end" } ]
    checks:
      - { name: positive, expr: "qty > 0", on_fail: reject }
      - { name: small, expr: "qty < 100", on_fail: warn }'
    stock_file in1.csv code,qty A,1 B,-2 C,0
    stock_file in2.csv code,qty D,4 E,500 F,-6
    diner_run stock
    assert_status 0
    assert_moved stock "6 3 0 0 0 0 3 0"
    assert_sql "select string_agg(regexp_replace(origin, '.*/', '') || ':' || position || ' ' || reason, ', ' order by origin, position) from diner.reject" \
        "in1.csv:3 check 'positive' failed, in1.csv:4 the filter gives null, in2.csv:4 check 'positive' failed"
    run --separate-stderr "$DINER" runs findings 1 -o json
    assert_json 'length == 1 and (.[0].origin | endswith("in2.csv")) and .[0].line == 3 and .[0].check == "small"'
    run --separate-stderr "$DINER" runs findings 1 --check other -o json
    assert_json 'length == 0'
    run --separate-stderr "$DINER" runs findings 99
    assert_status 1
    assert_stderr_has "there is no run 99"
}

@test "findings mask what looks like a phone number unless --raw" {
    stock 'columns: { code: text, phone: text }
    checks: [ { name: no phone, expr: "phone is null", on_fail: warn } ]'
    stock_file in.csv code,phone A,13800138000
    diner_run stock
    run --separate-stderr "$DINER" runs findings
    assert_status 0
    assert_stdout_has '138****8000'
    run --separate-stderr "$DINER" runs findings --raw
    assert_stdout_has '13800138000'
}

@test "a check that rejects too many stops at the budget" {
    stock 'columns: { code: text, qty: int }
    checks: [ { expr: "qty > 100", on_fail: reject } ]'
    sed -i 's/max_rejects: 100,/max_rejects: 5,/' pipelines/stock.yaml
    { echo code,qty; seq -f 'K%g,1' 1000; } >in.csv
    diner_run stock
    assert_status 1
    assert_stderr_has "6 rows rejected, max_rejects is 5"
    assert_sql "select to_regclass('t.stock') is null" t
    assert_sql "select count(*) from diner.reject where run_failed" 6
}
