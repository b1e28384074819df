#!/usr/bin/env bats
# diner pipeline plan: DDL, and rows before and after, of a run that is rolled back.
load ../helper
load pipelines

setup_file() { dev_start --orders 5; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

plan() { run --separate-stderr "$DINER" pipeline plan "$@"; }

stock() { # MODE [FURTHER KEYS]: a pipeline of in.csv
    pipeline p <<YAML
streams:
  s:
    source: { file: ../in.csv }
    mode: $1
    guard: { max_shrink: 100% }
    ${2:-key: [code]}
    columns: { code: text, qty: "numeric(9,2)", phone: text }
YAML
}

before_and_after() { # the table has a, b, d; the file b changed, c new, d gone
    printf '%s\n' code,qty,phone a,1,13812345678 b,2,13912345678 d,4, >in.csv
    run --separate-stderr "$DINER" run p
    assert_status 0
    printf '%s\n' code,qty,phone a,1,13812345678 b,2.5,13912345679 c,3, >in.csv
}

changes() { # kinds and rows of -o json, on one line each
    jq -r '.[0].changes[] | [.kind, (.key | tostring), ((.before // {}) | tostring), ((.after // {}) | tostring)] | join(" ")' <<<"$output" | sort
}

@test "a table that is not there: its DDL, all rows new, nothing made" {
    stock merge
    printf '%s\n' code,qty,phone a,1,13812345678 >in.csv
    plan p --diff
    assert_status 0
    assert_stdout_has 'create table "t"."s" (
    "code" text not null,
    "qty" numeric(9,2),
    "phone" text,'
    assert_stdout_has 'PRIMARY KEY (code)
  );
  + code: a  qty: 1.00  phone: 138****5678'
    assert_stderr_has "plan: rolled back"
    assert_sql "select to_regclass('t.s') is null" t
    plan p
    assert_stdout_has 'create table "t"."s"'
    refute_stdout_has "+ code"
}

@test "merge: inserts and changed columns only; replace: deletes too" {
    stock merge
    before_and_after
    plan p --diff -o json
    assert_status 0
    assert_json '.[0].ddl == []'
    assert_equal "$(changes)" 'insert {"code":"c"} {} {"qty":"3.00","phone":null}
update {"code":"b"} {"qty":"2.00","phone":"139****5678"} {"qty":"2.50","phone":"139****5679"}'
    plan p --diff --raw
    assert_stdout_has '
p.s
  + code: c  qty: 3.00  phone: null
  ~ code: b  qty: 2.00 -> 2.50  phone: 13912345678 -> 13912345679'
    stock replace
    plan p --diff -o json
    assert_equal "$(changes)" 'delete {"code":"d"} {"qty":"4.00","phone":null} {}
insert {"code":"c"} {} {"qty":"3.00","phone":null}
update {"code":"b"} {"qty":"2.00","phone":"139****5678"} {"qty":"2.50","phone":"139****5679"}'
    assert_rows s "a,1.00 b,2.00 d,4.00"
}

@test "without a key, versions, partitions, soft deletes, append" {
    stock replace 'description: ""' # no key
    sed -i '/description/d' pipelines/p.yaml
    before_and_after
    plan p --diff -o json
    assert_equal "$(changes | cut -d' ' -f1 | uniq -c | tr -s ' ')" ' 2 delete
 2 insert'
    sql "drop table t.s" >/dev/null
    stock scd2
    before_and_after
    plan p --diff -o json
    assert_status 0
    assert_json '[.[0].changes[] | select(.kind == "update") | [.key.code, .before.is_current, .after.is_current]] == [["b", "true", "false"]]'
    assert_json '[.[0].changes[] | select(.kind == "insert") | .key.code] | sort == ["b", "c"]'
    sql "drop table t.s" >/dev/null
    stock replace 'key: [code]
    deletes: soft'
    before_and_after
    plan p --diff -o json
    assert_json '[.[0].changes[] | select(.key.code == "d") | [.kind, .before._deleted_at, (.after._deleted_at != null)]] == [["update", null, true]]'
    sql "drop table t.s" >/dev/null
    stock delete_insert 'partition_by: [code]'
    before_and_after
    plan p --diff -o json
    assert_status 0
    assert_json '[.[0].changes[] | select(.kind == "insert")] | length >= 2'
    sql "drop table t.s; truncate diner.state" >/dev/null
    stock append 'description: ""'
    sed -i '/description/d; /guard/d; s/in.csv }/in.csv, changed: ignore }/' pipelines/p.yaml
    before_and_after
    plan p --diff -o json
    assert_json '[.[0].changes[].kind] == ["insert", "insert", "insert"]'
}

@test "a column added or widened is DDL, and no row of its own" {
    stock merge
    before_and_after
    sed -i 's/numeric(9,2)/numeric(12,2)/; s/phone: text }/phone: text, more: { type: text, from: code } }\n    schema: { types: evolve }/' pipelines/p.yaml
    printf '%s\n' code,qty,phone a,1,13812345678 >in.csv
    plan p --diff -o json
    assert_status 0
    assert_json '.[0].ddl == ["alter table \"t\".\"s\" alter column \"qty\" type numeric(12,2)", "alter table \"t\".\"s\" add column \"more\" text"]'
    assert_equal "$(changes)" 'update {"code":"a"} {"more":null} {"more":"a"}'
}

@test "--rows bounds each kind; what others write meanwhile is not ours" {
    stock merge
    { echo code,qty,phone; seq -f 'k%05g,1,' 1 3000; } >in.csv
    run --separate-stderr "$DINER" run p
    sql "update t.s set qty = 5 where code < 'k00010'; delete from t.s where code > 'k02900'; insert into t.s (code, qty) values ('other', 1)" >/dev/null
    { echo code,qty,phone; seq -f 'k%05g,2,' 1 3000; } >in.csv
    plan p --diff --rows 3 -o json
    assert_status 0
    assert_json '.[0].inserted == 100 and .[0].updated == 2900'
    assert_json '.[0].changes | group_by(.kind) | map([.[0].kind, length]) == [["insert", 3], ["update", 3]]'
    assert_json '[.[0].changes[] | select(.kind == "insert") | .key.code > "k02900"] | all'
}

@test "what an API would be sent; personal names are masked" {
    pipeline p <<'YAML'
streams:
  a:
    source: { connection: warehouse, query: "select 'S001' as store, 'P1' as product, 1.5 as delta, 'count' as reason, '张三丰' as \"姓名\"" }
    target: { connector: platform, resource: stock_adjustments, send: [store, product, delta, reason] }
YAML
    before=$(sql "select count(*) from app.stock_log")
    plan p --diff
    assert_status 0
    assert_stdout_has "  > store: S001  product: P1  delta: 1.5  reason: count  姓名: 张**"
    assert_equal "$(sql "select count(*) from app.stock_log")" "$before"
}

@test "a stream that fails shows what was seen of the others" {
    pipeline p <<'YAML'
streams:
  bad: { source: { file: ../absent.csv }, columns: { a: text } }
  good: { source: { connection: warehouse, query: "select 1 as a" }, mode: merge, key: [a] }
YAML
    plan p --diff
    assert_status 1
    assert_stdout_has "  + a: 1"
    assert_sql "select to_regclass('t.good') is null" t
}

@test "rows of the same database that diner itself changes (masks, defaults), those of an earlier stream among them" {
    sql "create table t.src as select 'c' || i as code, '1381234' || lpad(i::text, 4, '0') as phone, null::text as note from generate_series(1, 3000) i"
    pipeline p <<'Y'
streams:
  first: { source: { connection: warehouse, table: t.src }, mode: replace, key: [code], columns: { code: text, phone: { type: text, mask: cn_phone }, note: { type: text, default: none } } }
  then: { needs: [first], source: { connection: warehouse, query: "select code, phone, note from t.first where code < 'c2'" }, mode: replace, key: [code], columns: { code: text, phone: { type: text, mask: cn_phone }, note: text } }
Y
    plan p -o json
    assert_status 0
    assert_json '.[0].inserted == 3000 and .[1].inserted == 1111'
    diner_run p
    assert_status 0
    assert_sql "select count(*), min(phone), min(note) from t.then" "1111|138****0001|none"
}
