#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner pipeline test: what a stream makes of given input, without a network, nothing of it staying.
load ../helper
load pipelines

setup_file() { dev_start --orders 20; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

stock_pipeline() { # the tests come from standard input
    {
        cat <<'YAML'
streams:
  stock:
    source: { file: absent.csv, skip: "^小计" }
    mode: merge
    key: [code]
    columns: { code: text, qty: "numeric(9,3)", at: { type: timestamptz, timezone: Asia/Shanghai, format: "%Y-%m-%d %H:%M" } }
tests:
YAML
        cat
    } | pipeline stock
}

diner_test() { run --separate-stderr "$DINER" pipeline test "$@"; }
offline() { DINER_CONFIG='' DINER_DSN='' run --separate-stderr env -u DINER_CONFIG -u DINER_DSN "$DINER" pipeline test "$@"; }

@test "a test without SQL needs no database: rows by type, rejects, skipped records" {
    stock_pipeline <<'YAML'
  - name: rows
    stream: stock
    given: { text: "code,qty,at\n007,1.5,2026-11-22 05:15\n小计,3,\nx,十二,\n007,2,\n" }
    expect:
      rows: [ { code: "007", qty: 2.000, at: null } ]
      rejected: [ { line: 4, column: qty, reason: not a number } ]
      skipped: 1
  - name: times are instants
    stream: stock
    given: { file: in.csv }
    expect: { rows: [ { code: a, at: "2026-11-21T21:15:00Z" } ], row_count: 1 }
YAML
    printf 'code,qty,at\na,,2026-11-22 05:15\n' >pipelines/in.csv
    offline ./pipelines/stock.yaml
    assert_status 0
    assert_stdout_is "ok    stock: rows
ok    stock: times are instants"
    assert_stderr_is "2 tests, 0 failed"
}

@test "what differs is told by row and column; a reject that no one expects is no pass" {
    stock_pipeline <<'YAML'
  - name: values
    stream: stock
    given: { text: "code,qty,at\n007,1.5,\nx,1,\n" }
    expect: { rows: [ { code: "7", qty: null, at: null } ] }
  - name: rejects
    stream: stock
    given: { text: "code,qty,at\na,x,\n" }
    expect: { row_count: 0 }
  - name: other rejects
    stream: stock
    given: { text: "code,qty,at\na,x,\n" }
    expect: { rejected: [ { line: 3 } ], skipped: 2 }
  - name: an error that does not come
    stream: stock
    given: { text: "code,qty,at\na,1,\n" }
    expect: { error: cut off }
  - name: an error that no one expects
    stream: stock
    given: { text: "other\n1\n" }
    expect: { row_count: 0 }
YAML
    offline ./pipelines/stock.yaml
    assert_status 9
    assert_stdout_has "FAIL  stock: values
        expected 1 rows, found 2
        row 1, code: expected '7', found '007'
        row 1, qty: expected null, found '1.5'
        row 2 was not expected: code: 'x', qty: '1', at: null"
    assert_stdout_has "FAIL  stock: rejects
        expected 0 rejects, found 1
        a reject was not expected: line 2, qty: not a number"
    assert_stdout_has "FAIL  stock: other rejects
        expected a reject of line 3
        a reject was not expected: line 2, qty: not a number
        expected 2 skipped, found 0"
    assert_stdout_has "expected the error 'cut off', the stream did not fail"
    assert_stdout_has "the stream failed: "
    assert_stdout_has "column 'code': 'code' is not in the header"
    assert_stderr_is "5 tests, 5 failed
diner: 5 of 5 tests failed"
}

sql_pipeline() { # the tests come from standard input
    {
        cat <<'YAML'
params: { least: { type: int, default: "1" } }
streams:
  s:
    source: { file: absent.csv }
    mode: replace
    key: [code]
    guard: { min_rows: 100 }
    columns: { code: text, qty: int, name: text }
    transform:
      - filter: "code <> 'TEST'"
      - set: { qty: "qty * 2" }
      - lookup: { table: t.names, on: [code], take: [name], miss: reject }
    checks:
      - { name: enough, expr: "qty >= ${params.least}::int", on_fail: reject }
      - { name: not too many, sql: "select count(*) < 5 from ${staged}", on_fail: abort }
tests:
YAML
        cat
    } | pipeline p
}

@test "transforms, lookups and checks run in the database, and nothing stays" {
    sql_pipeline <<'YAML'
  - name: doubled and named
    stream: s
    params: { least: 5 }
    given: { text: "code,qty,name\na,1,\nb,3,\nTEST,9,\nz,9,\nb,4,\n", sql: "create table t.names as select 'a' as code, 'A' as name union select 'b', 'B'" }
    expect:
      rows: [ { code: b, qty: 8, name: B } ]
      rejected: [ { line: 2, reason: enough }, { reason: t.names } ]
      skipped: 1
      sql: [ "select count(*) = 1 from ${staged}", "select count(*) = 2 from t.names" ]
  - name: wrong
    stream: s
    given: { text: "code,qty,name\na,1,\n", sql: "create table t.names as select 'a' as code, 'A' as name" }
    expect: { rows: [ { qty: 3 } ], sql: select false }
  - name: aborted
    stream: s
    given: { text: "code,qty,name\na,1,\nb,1,\nc,1,\nd,1,\ne,1,\n", sql: "create table t.names as select c as code, c as name from unnest('{a,b,c,d,e}'::text[]) c" }
    expect: { error: not too many }
YAML
    diner_test p
    assert_status 9
    assert_stdout_is "ok    p: doubled and named
FAIL  p: wrong
        expected true, found f: select false
        row 1, qty: expected '3', found '2'
ok    p: aborted"
    assert_sql "select count(*) from pg_tables where schemaname = 't'" 0
    assert_sql "select (select count(*) from diner.run) + (select count(*) from diner.reject) + (select count(*) from diner.state)" 0
    # Without a database that is said, and is no failed check.
    DINER_DSN="postgresql:///x?host=/nowhere" diner_test p
    assert_status 6
    assert_stdout_has "it could not be run: "
}

@test "state and data of the live tables do not matter" {
    pipeline live <<'YAML'
streams:
  s:
    source: { connector: platform, resource: orders, params: { updated_since: "${window.start}" } }
    incremental: { cursor: updated_at, start: 2026-01-01T00:00:00Z }
    mode: merge
    key: [order_no]
    columns: { order_no: text, updated_at: timestamptz }
tests:
  - name: one of two
    stream: s
    given: { body: '{"code": 200, "data": {"total": 3, "items": [{"order_no": "x", "updated_at": "2026-01-02T00:00:00Z"}, {"order_no": "y", "updated_at": "2026-01-05T00:00:00Z"}, {"order_no": "x", "updated_at": "2026-01-01T00:00:00Z"}]}}' }
    expect: { rows: [ { order_no: x, updated_at: 2026-01-02T00:00:00Z }, { order_no: y } ] }
YAML
    run --separate-stderr "$DINER" run live
    assert_status 0
    before=$(sql "select count(*), max(run) from diner.state, t.s" 2>/dev/null || sql "select count(*) from t.s")
    diner_test live
    assert_status 0
    assert_equal "$(sql "select count(*), max(run) from diner.state, t.s" 2>/dev/null || sql "select count(*) from t.s")" "$before"
}

@test "a target that is an API is sent nothing: rows are what would be sent" {
    sql "select count(*) from app.stock_log" >log_before
    pipeline push <<'YAML'
streams:
  a:
    source: { connection: warehouse, query: "select 'S001' as store, 'P1' as product, 1.5 as delta, 'count' as reason" }
    target: { connector: platform, resource: stock_adjustments, send: [store, product, delta, reason] }
tests:
  - { name: one adjustment, stream: a, expect: { rows: [ { store: S001, delta: 1.50 } ] } }
YAML
    diner_test push
    assert_status 0
    assert_equal "$(sql "select count(*) from app.stock_log")" "$(cat log_before)"
    assert_sql "select count(*) from diner.intent" 0
}

@test "an error in a given text names the test and the line" {
    stock_pipeline <<'YAML'
  - name: headless
    stream: stock
    given: { text: "other\n1\n" }
    expect: { row_count: 0 }
YAML
    offline ./pipelines/stock.yaml
    assert_status 9
    assert_stdout_has "given.text of headless:1: column 'code': 'code' is not in the header"
    refute_stdout_has /proc/self
}

@test "answers: without a tape --record is named; without its directory nothing is asked" {
    pipeline tape <<'YAML'
streams:
  orders:
    source: { connector: platform, resource: orders, params: { updated_since: "", updated_until: "" } }
    mode: merge
    key: [order_no]
    columns: { order_no: text }
tests:
  - { name: all orders, stream: orders, given: { answers: tapes/one.json }, expect: { row_count: 20 } }
YAML
    offline ./pipelines/tape.yaml
    assert_status 9
    assert_stdout_has "hint: to record it, which asks the real APIs once: diner pipeline test tape --record"
    offline ./pipelines/tape.yaml --record
    assert_status 9
    assert_stdout_has "it could not be run: there is no directory './pipelines/tapes' for the tape"
    assert_stdout_has "hint: make it first: mkdir -p './pipelines/tapes'"
}

@test "answers: recorded once with --record, then played without a network or a login" {
    pipeline tape <<'YAML'
streams:
  orders:
    source: { connector: platform, resource: orders, params: { updated_since: "${window.start}", updated_until: "${window.end}" } }
    incremental: { cursor: updated_at, start: 2020-01-01T00:00:00Z }
    mode: merge
    key: [order_no]
    columns: { order_no: text, total: { type: "numeric(14,2)", from: /total_amount }, updated_at: timestamptz }
tests:
  - { name: all orders, stream: orders, given: { answers: orders.tape.json }, expect: { row_count: 20 } }
YAML
    diner_test tape
    assert_status 9
    assert_stdout_has "orders.tape.json"
    diner_test tape --record
    assert_status 0
    assert_file pipelines/orders.tape.json
    DINER_PLATFORM_URL=http://127.0.0.1:9 DINER_PLATFORM_PASSWORD=none diner_test tape
    assert_status 0
    sed -i 's/row_count: 20/row_count: 19/' pipelines/tape.yaml
    DINER_PLATFORM_URL=http://127.0.0.1:9 diner_test tape
    assert_status 9
    assert_stdout_has "expected 19 rows, found 20"
}

@test "answers: nobody and nothing secret is on a tape, and it plays whoever was asked for" {
    "$PROJECT/tests/http_server.py" >port 3>&- &
    server=$!
    wait_for 10 test -s port
    url=http://127.0.0.1:$(cat port)
    curl -sf -X PUT "$url/_script" -d '{"/m": [
        {"headers": {"Link": "<'"$url"'/m?phone=13812345678&p=2>; rel=next", "Set-Cookie": "sid=cookie-7"},
         "json": [{"id": 1, "phone": "13812345678", "note": "call +86 13812345678, by tok-abcdef-1"}]},
        {"json": [{"id": 2, "phone": "13999999999", "note": "x"}]}]}' >/dev/null
    mkdir connectors
    printf '%s\n' 'version: 1' 'name: crm' "base_url: $url" 'personal: [phone]' 'auth: { type: bearer, token: env:CRM_TOKEN }' \
        'resources: { m: { path: /m, query: { phone: "${phone}" }, paginate: { type: link_header } } }' >connectors/crm.yaml
    pipeline people <<'YAML'
streams:
  s:
    source: { connector: crm, resource: m, params: { phone: "13812345678" } }
    target: { file: people.csv }
    columns: { id: int, phone: text, note: text }
tests: [ { name: two, stream: s, given: { answers: people.tape.json }, expect: { rows: [ { id: 1 }, { id: 2, note: x } ] } } ]
YAML
    export DINER_CONNECTOR_PATH=$PWD/connectors
    CRM_TOKEN=tok-abcdef-1 diner_test people --record
    kill "$server"
    assert_status 0
    run ! grep -E '13812345678|13999999999|tok-abcdef|cookie-7' pipelines/people.tape.json
    offline people
    assert_status 0
}

@test "now is the time of the test" {
    pipeline clock <<'YAML'
params: { day: { type: date, default: yesterday } }
streams:
  s: { source: { file: "in_${params.day}.csv" }, columns: { a: text } }
  q: { source: { connection: warehouse, query: "select ${params.day}::text as day" } }
tests:
  - { name: fixed, stream: q, now: "2026-03-02T12:00:00+08:00", expect: { rows: [ { day: 2026-03-01 } ] } }
YAML
    diner_test clock
    assert_status 0
}

@test "TAP, JUnit and JSON" {
    stock_pipeline <<'YAML'
  - { name: good, stream: stock, given: { text: "code,qty,at\n1,1,\n" }, expect: { row_count: 1 } }
  - { name: "bad <&\">", stream: stock, given: { text: "code,qty,at\n1,1,\n" }, expect: { row_count: 2 } }
YAML
    offline ./pipelines/stock.yaml --format tap
    assert_status 9
    assert_stdout_is 'ok 1 - stock: good
not ok 2 - stock: bad <&">
# expected 2 rows, found 1
1..2'
    offline ./pipelines/stock.yaml --format junit
    assert_status 9
    printf '%s' "$output" | python3 -c 'import sys, xml.etree.ElementTree as e
root = e.fromstring(sys.stdin.read()); suite = root[0]
assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
assert suite[1].get("name") == "bad <&\">" and suite[1][0].tag == "failure"'
    offline ./pipelines/stock.yaml -o json
    assert_status 9
    assert_json '[.[] | [.test, .passed]] == [["good", true], ["bad <&\">", false]]'
    offline ./pipelines/stock.yaml --only good
    assert_status 0
    assert_stderr_is "1 tests, 0 failed"
}

@test "lint: tests of what is not there" {
    stock_pipeline <<'YAML'
  - { name: a, stream: stok, given: { text: x } }
  - { name: b, stream: stock, given: { body: "{}" } }
  - { name: c, stream: stock, given: { text: x, file: y } }
  - { name: d, stream: stock, given: { text: x }, now: today, expect: { rows: [ { cod: 1 } ], rejected: some } }
  - { name: e, stream: stock, givn: { text: x } }
YAML
    run --separate-stderr "$DINER" pipeline lint stock
    assert_status 3
    assert_stdout_has "test 'a': there is no stream 'stok' here"
    assert_stdout_has "test 'b': 'stock' reads no API"
    assert_stdout_has "test 'c': give one of file, text, body, answers"
    assert_stdout_has "'now' is a time, found 'today'"
    assert_stdout_has "'cod' is not a column of stream 'stock'"
    assert_stdout_has "'rejected' is a number, or a list of line, column, reason"
    assert_stdout_has "unknown key 'givn' in test"
}

@test "the pipelines that are shipped pass their tests" {
    DINER_PIPELINE_PATH=$PROJECT/pipelines diner_test
    assert_status 0
    [ "$(grep -c '^ok' <<<"$output")" -ge 13 ] || fail "too few tests"
}
