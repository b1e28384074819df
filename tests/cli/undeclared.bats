#!/usr/bin/env bats
# `schema: { undeclared }`: what a source has and `columns` does not name, of each kind of source.
# shellcheck disable=SC2016
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

# Two records of the same content from a source of each kind: A has a note and a null, B a flag.
KINDS=(csv jsonl json rest exec postgres)
source_of() { # KIND
    case $1 in
    csv)
        mkdir -p csv
        printf 'code,qty,note,,empty\nA,1,x,,\n' >csv/1.csv
        printf 'flag,code,qty\ntrue,B,2\n' >csv/2.csv
        echo '{ file: "../csv/*.csv" }'
        ;;
    jsonl)
        printf '%s\n' '{"code":"A","qty":1,"note":"x","none":null}' '{"code":"B","qty":2,"flag":true}' >in.jsonl
        echo '{ file: ../in.jsonl, format: jsonl }'
        ;;
    json)
        echo '{"list":[{"code":"A","qty":1,"note":"x","none":null},{"code":"B","qty":2,"flag":true}]}' >in.json
        echo '{ file: ../in.json, format: json, records: /list }'
        ;;
    rest)
        connector <<<'resources: { list: { path: /l, records: /items } }' >/dev/null
        echo '{"/l": [{"json": {"items": [{"code":"A","qty":1,"note":"x","none":null},{"code":"B","qty":2,"flag":true}]}}]}' | api_script
        echo '{ connector: shop, resource: list }'
        ;;
    exec)
        printf '%s\n' '{"code":"A","qty":1,"note":"x","none":null}' '{"code":"B","qty":2,"flag":true}' >out.jsonl
        echo "{ exec: [cat, $PWD/out.jsonl] }"
        ;;
    postgres)
        sql "create table if not exists t.src as select * from (values ('A', 1, 'x', null::text, null::text), ('B', 2, null, null, 'true')) v (code, qty, note, none, flag)"
        echo '{ connection: warehouse, table: t.src }'
        ;;
    esac
}
stock() { # KIND CONTRACT [MORE]
    pipeline stock <<Y
streams:
  stock:
    source: $(source_of "$1")
    mode: ${MODE:-merge}
    key: [code]
    on_error: { max_rejects: 5, max_reject_rate: 100% }
    schema: { undeclared: $2 }
    columns: { code: text, qty: int }
    ${3:-}
Y
    export DINER_CONNECTOR_PATH=$PWD/connectors
}
columns_of() { sql "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attname) from pg_attribute where attrelid = 't.stock'::regclass and attnum > 0 and not attisdropped and attname !~ '^_'"; }

@test "discard_value, the default, leaves them out" {
    local kind
    for kind in "${KINDS[@]}"; do
        sql "drop table if exists t.stock" 2>/dev/null
        stock "$kind" discard_value
        diner_run stock
        assert_status 0
        assert_rows stock "A,1 B,2"
        assert_equal "$(columns_of)" "code text, qty integer"
    done
}

# Only JSON says of a flag that it is one.
flag_type() { case $1 in csv | postgres) echo text ;; *) echo boolean ;; esac; }

@test "evolve adds them, in the transaction of the rows" {
    local kind
    for kind in "${KINDS[@]}"; do
        sql "drop table if exists t.stock" 2>/dev/null
        sql "create table t.stock (code text primary key, qty int)"
        stock "$kind" evolve 'guard: { min_rows: 3 }'
        diner_run stock
        assert_status 9
        assert_equal "$(columns_of)" "code text, qty integer"
        stock "$kind" evolve
        run --separate-stderr "$DINER" pipeline plan stock
        assert_status 0
        assert_stdout_has 'add column "note" text'
        assert_equal "$(columns_of)" "code text, qty integer"
        diner_run stock
        assert_status 0
        assert_moved stock "2 2 0 0 0 0 0 0"
        assert_equal "$(columns_of)" "code text, flag $(flag_type "$kind"), note text, qty integer"
        assert_rows stock "A,1,x,- B,2,-,true" "code, qty, coalesce(note, '-'), coalesce(flag::text, '-')"
        before=$(sql "select string_agg(ctid || ' ' || xmin, ',' order by code) from t.stock")
        diner_run stock
        assert_moved stock "2 0 0 2 0 0 0 0"
        assert_sql "select string_agg(ctid || ' ' || xmin, ',' order by code) from t.stock" "$before"
        # a table that the run makes has them too, whatever the mode
        sql "drop table t.stock"
        for mode in replace append scd2; do
            MODE=$mode stock "$kind" evolve
            if [ $mode = append ]; then sed -i '/key:/d' pipelines/stock.yaml; fi
            diner_run stock
            assert_status 0
            assert_moved stock "2 2 0 0 0 0 0 0"
            assert_rows stock "A,1,x,- B,2,-,true" "code, qty, coalesce(note, '-'), coalesce(flag::text, '-')"
            sql "drop table t.stock; delete from diner.state"
        done
    done
}

@test "freeze fails and names them" {
    local kind
    for kind in "${KINDS[@]}"; do
        stock "$kind" freeze
        diner_run stock
        assert_status 9
        case $kind in
        csv) assert_stderr_has "1.csv:1: stream 'stock' has no column for 'note', 'empty' of the source" ;;
        postgres) assert_stderr_has "query: stream 'stock' has no column for 'note', 'none', 'flag' of the source" ;;
        *) assert_stderr_has "1: stream 'stock' has no column for 'note', 'none' of the source" ;;
        esac
        assert_stderr_has "hint: declare them, or let  schema: { undeclared: ... }"
        assert_sql "select to_regclass('t.stock') is null or (select count(*) = 0 from diner.state)" t
    done
}

@test "discard_row rejects rows that have a value in one" {
    local kind
    for kind in "${KINDS[@]}"; do
        sql "drop table if exists t.stock; delete from diner.reject" 2>/dev/null
        stock "$kind" discard_row
        diner_run stock
        assert_status 0
        assert_moved stock "2 0 0 0 0 0 2 0"
        assert_sql "select string_agg(reason, ' / ' order by reason) from diner.reject" \
            "no column is declared for 'flag' / no column is declared for 'note'"
    done
    # such a row keeps the one the table has, and is loaded when its column is declared
    stock jsonl discard_value
    diner_run stock
    stock jsonl discard_row
    printf '%s\n' '{"code":"A","qty":5,"note":"x"}' '{"code":"B","qty":6}' >in.jsonl
    diner_run stock
    assert_moved stock "2 0 1 0 0 0 1 0"
    assert_rows stock "A,1 B,6"
}

@test "what a column reads a part of is declared; objects are text; numbers keep their digits" {
    pipeline stock <<'Y'
streams:
  stock:
    source: { file: ../in.jsonl, format: jsonl }
    mode: merge
    key: [code]
    schema: { undeclared: evolve }
    columns: { code: { type: text, from: /id/code }, qty: { type: int, from: "a/b" } }
Y
    printf '%s\n' '{"id":{"code":"A","more":1},"a/b":3,"list":[1,{"k":null}],"big":12345678901234567890.10}' >in.jsonl
    diner_run stock
    assert_status 0
    assert_rows stock 'A,3,12345678901234567890.10,[1, {"k": null}]' "code, qty, big, list"
    # one that nobody sends any more keeps what it has; one that comes later is added
    printf '%s\n' '{"id":{"code":"A"},"a/b":4,"new":"n"}' >in.jsonl
    diner_run stock
    assert_rows stock 'A,4,12345678901234567890.10,n' "code, qty, big, new"
}

@test "evolve: the types of a query, those of JSON, and text where the table has text" {
    sql "create table t.src as select 'A'::text as code, 1 as qty, 19.90::numeric(10,2) as price,
         timestamptz '2026-11-29 05:15:00+08' as at, date '2026-11-29' as day, null::uuid as ref, array[1, 2] as list"
    stock postgres evolve
    diner_run stock
    assert_status 0
    assert_equal "$(columns_of)" "at timestamp with time zone, code text, day date, list text, price numeric(10,2), qty integer"
    assert_rows stock "A,19.90,2026-11-28 21:15:00,2026-11-29,{1,2}" "code, price, at at time zone 'UTC', day, list"
    sql "update t.src set price = null, ref = '6f1f2c1e-0000-4000-8000-000000000001'"
    diner_run stock
    assert_status 0
    assert_sql "select price || ' ' || pg_typeof(ref) || ' ' || ref from t.stock" "19.90 uuid 6f1f2c1e-0000-4000-8000-000000000001"
    # JSON: all numbers, all booleans, a mixture
    sql 'drop table t.stock'
    stock jsonl evolve
    printf '%s\n' '{"code":"A","qty":1,"n":1e2,"b":true,"m":1}' '{"code":"B","qty":2,"n":-0.50,"b":false,"m":"01"}' >in.jsonl
    diner_run stock
    assert_status 0
    assert_equal "$(columns_of)" "b boolean, code text, m text, n numeric, qty integer"
    assert_rows stock "A,100,t,1 B,-0.50,f,01" "code, n, b, m"
    # a number where the table has text is text; a text where it has numbers fails, and nothing is lost
    printf '%s\n' '{"code":"A","qty":1,"m":7}' >in.jsonl
    diner_run stock
    assert_status 0
    assert_rows stock "A,7 B,01" "code, m"
    printf '%s\n' '{"code":"A","qty":1,"n":"ten"}' >in.jsonl
    diner_run stock
    assert_status 9
    assert_stderr_has "column 'n' of \"t\".\"stock\" is numeric, the pipeline declares text"
    assert_rows stock "A,100 B,-0.50" "code, n"
}

@test "names that are none for a column fail, and say how to declare them" {
    pipeline stock <<'Y'
streams:
  stock:
    source: { file: ../in.jsonl, format: jsonl }
    mode: append
    schema: { undeclared: evolve }
    columns: { code: { type: text, from: id } }
Y
    for name in _id code "$(printf 'x%.0s' {1..64})"; do
        printf '{"id":"A","%s":1}\n' "$name" >in.jsonl
        diner_run stock
        assert_status 9
        assert_stderr_has "the source's '$name' cannot be a column"
        assert_stderr_has "columns: { NAME: { type: text, from: $name } }"
    done
    jq -nc '{id: "A"} + ([range(150)] | map({key: "k\(.)", value: .}) | from_entries)' >in.jsonl
    diner_run stock
    assert_status 9
    assert_stderr_has "more than 100 names that nobody declared"
    # what jsonb cannot hold is a reject, not a lost value
    printf '%s\n' '{"id":"A","n":"a\u0000b"}' '{"id":"B","n":"fine"}' >in.jsonl
    sed -i 's/mode: append/mode: append\n    on_error: { max_reject_rate: 100% }/' pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    # another type in the table is told, not bent
    sql "drop table t.stock; create table t.stock (code text, n int); delete from diner.state"
    diner_run stock
    assert_status 9
    assert_stderr_has "column 'n' of \"t\".\"stock\" is integer, the pipeline declares text"
}

@test "lint: where nothing can be undeclared" {
    pipeline stock <<'Y'
streams:
  fixed: { source: { file: a.txt, format: fixed }, mode: append, schema: { undeclared: freeze }, columns: { a: { type: text, at: 1-2 } } }
  swapped: { source: { file: a.csv }, target: { load: swap }, mode: replace, schema: { undeclared: evolve }, columns: { a: text } }
  open: { source: { connection: warehouse, table: t.x }, mode: append, schema: { undeclared: evolve } }
Y
    run --separate-stderr "$DINER" pipeline lint stock
    assert_status 3
    assert_stdout_has "text of fixed width has no names"
    assert_stdout_has "'load: swap' makes the table anew: its columns are those that are declared"
    assert_stdout_has "without 'columns' nothing is undeclared"
}
