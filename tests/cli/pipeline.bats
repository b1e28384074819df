#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner pipeline: list, lint, show, preview, plan.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

@test "lint: every bad file gives all its problems, with places and mends" {
    cd "$PROJECT/tests/fixtures/pipelines/bad"
    for file in *.yaml; do
        DINER_PIPELINE_PATH=. run --separate-stderr "$DINER" pipeline lint "./$file"
        assert_status 3
        assert_stdout_is "$(cat "${file%.yaml}.expect")"
        assert_stderr_matches "1 checked, [0-9]+ errors
diner: lint found [0-9]+ errors?"
        # A run of it stops at once, at the same place.
        DINER_PIPELINE_PATH=. run --separate-stderr "$DINER" run "./$file"
        assert_status 3
        assert_stderr_has "$(head -n 1 "${file%.yaml}.expect")"
    done
    assert_sql "select count(*) from diner.run" 0
}

@test "lint: the pipelines shipped are sound, needing no database" {
    cd "$PROJECT"
    DINER_CONFIG='' DINER_PIPELINE_PATH=pipelines run --separate-stderr env -u DINER_CONFIG "$DINER" pipeline lint
    assert_status 0
    assert_stdout_is ""
    assert_stderr_matches '^[0-9]+ checked, 0 errors$'
}

@test "lint: a name that is none suggests; a directory and binary garbage are errors" {
    pipeline stock <<<'streams: { s: { source: { connection: warehouse, query: select 1 as x } } }'
    run --separate-stderr "$DINER" pipeline lint stok
    assert_status 3
    assert_stdout_is "there is no pipeline 'stok'
  hint: did you mean 'stock'?"
    mkdir pipelines/dir.yaml
    run --separate-stderr "$DINER" pipeline lint dir
    assert_status 3
    assert_stdout_has "pipelines/dir.yaml': it is a directory"
    head -c 3000 /dev/urandom | tr '\n' '\377' >pipelines/garbage.yaml
    run --separate-stderr "$DINER" pipeline lint garbage
    assert_status 3
    assert_stdout_has "pipelines/garbage.yaml:1:"
    yes 'a: b' | head -c 5000000 >pipelines/large.yaml
    run --separate-stderr "$DINER" pipeline lint large
    assert_status 3
    assert_stdout_has "is larger than the 4194304 bytes allowed"
}

@test "list: by name, broken ones say why" {
    pipeline zeta <<<'description: last
streams: { s: { source: { connection: warehouse, query: select 1 as x } } }'
    job alpha <<<'steps: [ { run: zeta } ]'
    pipeline mid <<<'streams: [ 1 ]'
    pipeline asks <<<'streams: { s: { source: { connection: warehouse, query: "select ${params.x}" } } }
params: { x: { type: int } }'
    run --separate-stderr "$DINER" pipeline list -o json
    assert_status 0
    assert_json '[.[] | [.name, .kind]] == [["alpha", "job"], ["asks", "pipeline"], ["mid", "broken"], ["zeta", "pipeline"]]'
    assert_json '.[2].description | contains("mid.yaml:4:10: ")'
    assert_json '.[3].description == "last"'
}

@test "show: as written, and as understood with secrets masked" {
    pipeline p <<'YAML'
streams: { s: { source: { connection: warehouse, query: "select '${WORD:-none}'" } } }
hooks: { on_failure: [{ http: "https://h/x?token=abcdef" }] }
YAML
    run --separate-stderr "$DINER" pipeline show p
    assert_status 0
    assert_stdout_is "$(cat pipelines/p.yaml)"
    WORD=hello run --separate-stderr "$DINER" pipeline show p --resolved
    assert_status 0
    assert_stdout_has "select 'hello'"
    assert_stdout_has "schema: t"
    assert_stdout_has 'http: "****"'
    refute_stdout_has abcdef
}

# ---- preview -------------------------------------------------------------------------------------

@test "preview: rows as they would be loaded, and those that would not" {
    pipeline p <<'YAML'
streams:
  s:
    source: { file: ../in.csv, null: ["-"] }
    columns: { code: varchar(3), qty: int, day: { type: date, format: "%Y/%m/%d" } }
YAML
    printf '%s\n' code,qty,day A,"007",2026/11/22 -,1.5,2026/11/22 ABCD,1,x B,2 >in.csv
    run --separate-stderr "$DINER" pipeline preview p -o json
    assert_status 0
    assert_json '. == [
        {code: "A", qty: "7", day: "2026-11-22", reject: null},
        {code: null, qty: "1.5", day: "2026-11-22", reject: "qty: not a whole number"},
        {code: "ABCD", qty: "1", day: "x", reject: "code: longer than the type allows"},
        {code: "B", qty: "2", day: null, reject: "fewer fields than the header"}]'
    assert_stderr_is "3 of these rows would be rejected"
    run --separate-stderr "$DINER" pipeline preview p --rows 1 -o csv
    assert_stdout_is "code,qty,day,reject
A,7,2026-11-22,"
    run --separate-stderr "$DINER" pipeline preview p --stream x
    assert_status 2
    assert_stderr_has "pipeline 'p' has no stream 'x'"
    assert_sql "select count(*) from diner.run" 0
}

@test "preview of a query" {
    pipeline p <<<'streams: { s: { source: { connection: warehouse, query: "select ${params.n}::int + 1 as n" } } }
params: { n: { type: int } }'
    run --separate-stderr "$DINER" pipeline preview p --param n=41 -o csv
    assert_status 0
    assert_stdout_is "n,reject
42,"
    run --separate-stderr "$DINER" pipeline preview p
    assert_status 2
    assert_stderr_has "param 'n' has no value"
    assert_stderr_has "give it as --param n=VALUE"
}

@test "preview of for_each: the first child, and where its parent is not loaded, how to" {
    pipeline p <<'YAML'
streams:
  shops: { source: { connection: warehouse, query: "select 'S' || generate_series(1, 2) as code" }, mode: append }
  s:
    source: { connection: warehouse, query: "select ${item.shop} || '!' as word", for_each: { stream: shops, bind: { shop: code } } }
    mode: append
    columns: { shop: { type: text, from: $shop }, word: text }
YAML
    run --separate-stderr "$DINER" pipeline preview p --stream s -o csv
    assert_status 6
    assert_stderr_has "its children are rows of 'shops': load them by  diner run p --only shops"
    diner_run p --only shops
    run --separate-stderr "$DINER" pipeline preview p --stream s -o csv
    assert_status 0
    assert_stdout_is "shop,word,reject
S1,S1!,"
    sql "truncate t.shops"
    run --separate-stderr "$DINER" pipeline preview p --stream s -o csv
    assert_status 1
    assert_stderr_has "for_each gives no children"
    job j <<<"steps: [ { run: p } ]"
    run --separate-stderr "$DINER" pipeline preview j
    assert_status 2
    assert_stderr_has "it has pipelines, not streams"
}

# ---- plan ----------------------------------------------------------------------------------------

@test "plan counts what a run would do, across streams, and leaves nothing" {
    pipeline p <<'YAML'
streams:
  raw:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, qty: int }
  sum:
    needs: [raw]
    source: { connection: warehouse, query: "select code, qty * 10 as qty from t.raw" }
    mode: merge
    key: [code]
  file:
    needs: [raw]
    source: { connection: warehouse, query: "select code, qty from t.raw" }
    target: { file: f.csv }
YAML
    printf '%s\n' code,qty A,1 B,2 >in.csv
    diner_run p
    assert_status 0
    rm out/f.csv
    before=$(sql "select count(*) || ',' || max(id) from diner.run")
    state=$(sql "select string_agg(concat_ws(',', stream, name, value, run_id), ' ') from diner.state")
    printf '%s\n' code,qty A,9 B,2 C,3 D,x >in.csv
    run --separate-stderr "$DINER" pipeline plan p -o json
    assert_status 0
    assert_moved raw "4 1 1 1 0 0 1 0"
    assert_moved sum "3 1 1 1 0 0 0 0" # sees what the first would have written
    assert_stderr_has "(plan: rolled back)"
    assert_rows raw "A,1 B,2"
    assert_rows sum "A,10 B,20"
    assert_equal "$(ls -A out)" ""
    assert_sql "select count(*) || ',' || max(id) from diner.run" "$before"
    assert_sql "select count(*) from diner.reject" 0
    assert_sql "select string_agg(concat_ws(',', stream, name, value, run_id), ' ') from diner.state" "$state"
}

@test "plan: a stream that fails does not spoil the others" {
    pipeline p <<'YAML'
streams:
  a: { source: { connection: warehouse, query: select 1 / 0 as n } }
  b: { source: { connection: warehouse, query: select 2 as n } }
  c: { source: { connection: warehouse, query: select 3 as n }, needs: [a] }
YAML
    run --separate-stderr "$DINER" pipeline plan p -o json
    assert_status 1
    assert_json '[.[].status] == ["failed", "succeeded", "skipped"]'
    assert_stderr_has "division by zero"
    refute_stderr_has "transaction is aborted"
}
