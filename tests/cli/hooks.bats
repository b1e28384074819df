#!/usr/bin/env bats
# shellcheck disable=SC2016
# Hooks around runs and streams: sql, http, exec; before, after, on_failure, on_partial.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    stock_file in.csv code,qty A,1 B,2
    sql "create table t.said (id serial, what text)"
}

stock() { # HOOKS OF THE PIPELINE, HOOKS OF THE STREAM; @ is a quote of SQL
    local none='{}'
    pipeline stock <<YAML
hooks: $1
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, qty: int }
    hooks: ${2:-$none}
YAML
    sed -i "s/@/'/g; s|\$PWD|$PWD|" pipelines/stock.yaml
}
said() { psql -XAtq -d "$(dev_dsn)" -c "select string_agg(what, ' ' order by id) from t.said"; }

@test "sql before and after, of run and stream, in their order" {
    stock '{ before: [{ sql: "insert into t.said (what) values (@run.before@)" }],
             after: [{ sql: "insert into t.said (what) select @run.after@ || count(*) from t.stock" }] }' \
        '{ before: [{ sql: "insert into t.said (what) values (@before@)" }],
           after: [{ sql: "insert into t.said (what) select @after@ || count(*) from t.stock" }] }'
    diner_run stock
    assert_status 0
    assert_equal "$(said)" "run.before before after2 run.after2"
    diner_run stock --dry-run
    run --separate-stderr "$DINER" pipeline plan stock
    assert_equal "$(said)" "run.before before after2 run.after2"
}

@test "sql of hooks knows the params and the run, as literals; lint knows what else it does not" {
    stock '{ after: [{ sql: "insert into t.said (what) values (${params.who} || ${run.id}); insert into t.said (what) values (@$${x}@)" }] }' \
        '{ before: [{ sql: "insert into t.said (what) values (@before @ || ${params.who})" }] }'
    printf "params: { who: { default: O'Brien } }\n" >>pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_equal "$(said)" 'before O'"'"'Brien O'"'"'Brien1 ${x}'
    sed -i 's/${run.id}/${window.start}/; s/before . || ${params.who}/&m/; s/{params.who}m/{params.whom}/' pipelines/stock.yaml
    run --separate-stderr "$DINER" pipeline lint stock
    assert_status 3
    assert_stdout_has "'\${window.start}' is not defined"
    assert_stdout_has "did you mean '\${params.who}'?"
}

@test "a before that fails stops everything before it is read" {
    stock '{ before: [{ exec: "exit 3" }] }'
    diner_run stock
    assert_status 1
    assert_stderr_has "hook 1 of run.before: the command ended with status 3"
    assert_sql "select to_regclass('t.stock') is null" t
    stock '{}' '{ before: [{ sql: "select 1/0" }] }'
    diner_run stock
    assert_status 1
    assert_stderr_has "division by zero"
    assert_sql "select to_regclass('t.stock') is null" t
    stock '{}' '{ before: [{ sql: "selec 1" }] }' # wrong for good, not for now
    diner_run stock
    assert_status 3
    assert_stderr_has "hook 1 of stream.before: syntax error"
}

@test "an after that fails leaves the rows, and the run partial" {
    stock '{ after: [{ exec: "exit 1" }] }'
    diner_run stock
    assert_status 7
    assert_sql "select count(*) from t.stock" 2
    assert_sql "select status, exit_status, error from diner.run" \
        "partial|7|hook 1 of run.succeeded: the command ended with status 1"
    assert_sql "select status from diner.run_stream" succeeded
    stock '{}' '{ after: [{ exec: "exit 1" }], on_partial: [{ exec: "cat > $PWD/partial.json" }] }'
    diner_run stock
    assert_status 7
    output=$(cat partial.json)
    assert_json '.event == "stream.partial"'
    assert_sql "select status, exit_status from diner.run order by id desc limit 1" "partial|7"
    assert_sql "select status, inserted + unchanged, error from diner.run_stream order by run_id desc limit 1" \
        "partial|2|hook 1 of stream.succeeded: the command ended with status 1"
}

@test "an after that fails in a step of a job, or of the job: both are recorded as partial" {
    stock '{ after: [{ exec: "exit 1" }] }'
    job night <<'Y'
steps: [{ run: stock }]
Y
    diner_run night
    assert_status 7
    assert_sql "select string_agg(pipeline || ' ' || status, ', ' order by id) from diner.run" "night partial, stock partial"
    stock '{}'
    job night <<'Y'
steps: [{ run: stock }]
hooks: { after: [{ exec: "exit 1" }] }
Y
    diner_run night
    assert_status 7
    assert_sql "select string_agg(pipeline || ' ' || status, ', ' order by id) from diner.run where id > 2" \
        "night partial, stock succeeded"
}

@test "resume does not load again what an after hook made partial" {
    pipeline stock <<'Y'
streams:
  stock:
    source: { connection: warehouse, query: "select 1 as code" }
    mode: append
    hooks: { after: [{ exec: "exit 1" }] }
  later: { needs: [stock], source: { connection: warehouse, query: "select 1/count(*)::int as code from t.ready" }, mode: append }
Y
    sql "create table t.ready ()"
    diner_run stock
    assert_sql "select count(*) from t.stock" 1
    sql "insert into t.ready default values"
    run --separate-stderr "$DINER" runs resume "$(sql "select max(id) from diner.run")"
    assert_status 0
    assert_sql "select count(*) from t.stock" 1
    assert_sql "select count(*) from t.later" 1
}

@test "all hooks of a list are run, also after one that failed" {
    stock '{ after: [{ exec: "exit 1" }, { sql: "insert into t.said (what) values (@second@)" }] }'
    diner_run stock
    assert_status 7
    assert_equal "$(said)" second
}

@test "sql that outlives its timeout is stopped" {
    stock '{ before: [{ sql: "select pg_sleep(30)", timeout: 300ms }] }'
    started=$EPOCHREALTIME
    diner_run stock
    took_ms=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
    [ "$status" -ne 0 ] && [ "$took_ms" -lt 5000 ] || fail "status $status after $took_ms ms"
}

@test "a hook that is nothing, or two things, is a lint error" {
    stock '{ before: [{ timeout: 1s }], after: [{ sql: "select 1", exec: "true" }] }' '{ on_partial: [{ connection: warehouse }] }'
    run --separate-stderr "$DINER" pipeline lint stock
    assert_status 3
    assert_equal "$(grep -c "a hook has one of 'sql', 'http' and 'exec'" <<<"$output")" 3
}
