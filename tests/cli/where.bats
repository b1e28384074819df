#!/usr/bin/env bats
# shellcheck disable=SC2016
# `where`: rows of a file or an API left out by what their columns are.
load ../helper
load pipelines

setup_file() { dev_start --orders 20 --seed 7; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

stream_with() { # WHERE
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv, null: ["-"], strip: [","], where: $1 }
    columns: { code: text, channel: { type: text, from: 渠道 }, qty: "numeric(12,2)" }
YAML
}
keeps() { # WHERE "CODES" SKIPPED
    stream_with "$1"
    diner_run s
    assert_status 0
    assert_equal "$(sql "select coalesce(string_agg(code, ' ' order by code), '') from t.s")" "$2"
    assert_json ".[0].skipped == $3 and .[0].rejected == 0"
    sql "drop table t.s; truncate diner.state"
}

@test "words, not, match, null, several columns; what leaves is counted" {
    printf 'code,渠道,qty\nA1,eleme,"1,000"\nA2,meituan,2\nB1,TEST,3\nB2,-,4\n' >in.csv
    keeps '{ channel: eleme }' 'A1' 3
    keeps '{ channel: [eleme, meituan] }' 'A1 A2' 2
    keeps '{ channel: { not: [TEST] } }' 'A1 A2 B2' 1
    keeps '{ channel: { null: false } }' 'A1 A2 B1' 1
    keeps '{ channel: { null: true } }' 'B2' 3
    keeps '{ code: { match: "^A" }, channel: { not: eleme } }' 'A2' 3
    keeps '{ code: { match: "^[AB]2$" } }' 'A2 B2' 2
    keeps '{ qty: ["1000", "4"] }' 'A1 B2' 2 # as it is loaded, not as it is written
}

@test "a row that cannot be read is rejected, not left out" {
    stream_with '{ qty: ["2"] }'
    printf 'code,渠道,qty\nA1,eleme,x\nA2,meituan,2\nA3,"eleme,2\n' >in.csv
    diner_run s
    assert_status 0
    assert_moved s "3 1 0 0 0 0 2 0"
}

@test "jsonl, preview, and a file to a file" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.jsonl, format: jsonl, where: { channel: [eleme] } }
    target: { file: out.csv }
    columns: { code: text, channel: { type: text, from: /shop/channel } }
YAML
    printf '%s\n' '{"code":"A1","shop":{"channel":"eleme"}}' '{"code":"A2","shop":{"channel":"x"}}' \
        '{"code":"A3"}' >in.jsonl
    run --separate-stderr "$DINER" pipeline preview s -o csv
    assert_status 0
    assert_stdout_has "A1,eleme"
    [[ $output != *A2* && $output != *A3* ]] || fail "a row that should be left out is shown"
    diner_run s
    assert_status 0
    assert_moved s "3 1 0 0 0 0 0 2"
    assert_equal "$(cat out/out.csv)" $'code,channel\nA1,eleme'
}

@test "of an API the records left out count as read" {
    pipeline s <<'YAML'
streams:
  s:
    source: { connector: platform, resource: stores, where: { code: { match: "1$" } } }
    columns: { code: text, name: text }
YAML
    diner_run s
    assert_status 0
    assert_json '.[0].inserted >= 1 and .[0].skipped >= 1 and .[0].read == .[0].inserted + .[0].skipped'
}

@test "lint tells what cannot be" {
    stream_with '{ chanel: [a], code: { match: "(" }, qty: {} }'
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "where: 'chanel' is not a column of stream 's'"
    assert_stdout_has "pattern '('"
    assert_stdout_has "where: 'qty' says nothing of its column"
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, trailer: { match: "^T", sum: { qty: qty } }, where: { code: [a] } }
    columns: { code: text, qty: int }
YAML
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "the total of 'trailer.sum' is that of all rows"
}
