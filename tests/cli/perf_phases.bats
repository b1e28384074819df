#!/usr/bin/env bats
# The phases of perf-report that measure, against the faulty restaurant API (tests/perf/faulty.c) and
# a private PostgreSQL. What is asserted is counted, not timed.
# shellcheck disable=SC2154 # `run` sets stderr
load ../helper

setup_file() {
    file_dir
    # shellcheck source=tests/perf/faulty.bash
    source "$PROJECT/tests/perf/faulty.bash"
    faulty_start "$FILE_DIR"
}

teardown_file() {
    source "$PROJECT/tests/perf/faulty.bash"
    faulty_stop "$FILE_DIR"
    file_dir_remove
}

setup() {
    source "$PROJECT/tests/perf/faulty.bash"
    cd "$BATS_TEST_TMPDIR" || return 1
}

config() { # LINES... behind a quick load
    cat >perf.yaml <<YAML
version: 1
target: $FAULTY_URL
database: "$PG_DSN"
load: { connections: 2, rounds: 2, duration: 200ms, warmup: 0s }
attribute: { requests: 8, background: 100ms }
YAML
    printf '%s\n' "$@" >>perf.yaml
}

@test "snapshot: statements, tables, indexes, settings, and what happened since" {
    run --separate-stderr "$DINER" perf-report snapshot --db "$PG_DSN" --out-file a.json
    assert_status 0
    assert_stdout_is ""
    assert_stderr_matches '^snapshot: [0-9]+ statements, 6 tables, [0-9]+ indexes$'
    jq -e '.diner_perf_study == 1 and .server.totals and .server.has_statements and
        .server.has_hypothetical and .server.window_s > 0 and
        (.server.tables[] | select(.name == "orders") | .rows == 60000 and (.columns | length) == 4) and
        (.server.indexes[] | select(.name == "idx_orders_store")
            | .keys == "store_id int4_ops, created_at timestamptz_ops DESC" and .valid) and
        (.server.settings | any(.name == "shared_buffers" and .unit == "8kB"))' a.json
    pg_psql -c 'select count(*) from shop.stores where id > 100' -c 'select count(*) from shop.stores where id > 7'
    run --separate-stderr "$DINER" perf-report snapshot --db "$PG_DSN" --since a.json
    assert_status 0
    assert_json '.server.totals == false and .server.evicted == 0 and .server.reset == false and
        ([.server.statements[] | select(.text | test("shop.stores where id >"))]
            | length == 1 and .[0].calls == 2 and .[0].rows == 2)'
    refute_stdout_has "diner perf-report"
}

@test "snapshot: the sessions in between, a reset that is told, another database refused" {
    pg_psql -c 'create database other'
    pg_psql -c 'select pg_sleep(5)' 3>&- &
    local sleeper=$!
    run --separate-stderr "$DINER" perf-report snapshot --db "$PG_DSN" --for 700ms
    kill "$sleeper" 2>/dev/null || true
    assert_status 0
    assert_json '.server.sessions.active >= 1 and .server.window_s >= 0.7 and
        (.server.waits | any(.type == "Timeout" and .event == "PgSleep" and .sessions > 0.5))'
    "$DINER" perf-report snapshot --db "$PG_DSN" --out-file a.json 2>/dev/null
    pg_psql -c 'select pg_stat_statements_reset()'
    run --separate-stderr "$DINER" perf-report snapshot --db "$PG_DSN" --since a.json
    assert_status 0
    assert_json '.server.reset'
    assert_stderr_has "warning: the counters were reset meanwhile"
    run --separate-stderr "$DINER" perf-report snapshot --db "${PG_DSN/\/postgres?/\/other?}" --since a.json
    assert_status 2
    assert_stderr_has "a.json: the snapshots are of two different databases"
    run --separate-stderr "$DINER" perf-report snapshot
    assert_status 2
}

@test "snapshot: without the extension it says what is missing and goes on; nothing is written" {
    pg_psql -c 'create database bare' -c 'create role looker login'
    local dsn=${PG_DSN/\/postgres?/\/bare?}
    "$PG_BIN/psql" -X -q "$dsn" -c 'create table t (id int)'
    run --separate-stderr "$DINER" perf-report snapshot --db "${dsn/user=postgres/user=looker}"
    assert_status 0
    assert_json '.server.has_statements == false and (.server.tables | length) == 1 and
        (.missing | any(.what == "statements" and (.why_en | test("create extension"))))'
    # Of others' statements a plain user sees nothing, and is told.
    run --separate-stderr "$DINER" perf-report snapshot --db "${PG_DSN/user=postgres/user=looker}"
    assert_status 0
    assert_json '.missing | any(.what == "texts of others" and (.why_en | test("pg_read_all_stats")))'
    pg_psql -c 'drop role looker'
}

@test "load and attribute: rounds, statements per request, slopes, the deep page" {
    config 'parameters: { store: { sql: "select id, name from shop.stores order by id limit 3" } }' \
        'endpoints:' \
        '  - { path: "/healthy/missing_index?store={store}", weight: 3 }' \
        '  - { path: /faulty/n_plus_one, size_parameter: page_size }' \
        '  - { path: /faulty/deep_offset, size_parameter: page_size, page_parameter: page, deep_offset: 50000 }'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml --out-file s.json
    assert_status 0
    assert_stderr_has "3 endpoints measured"
    jq -e '(.endpoints | length) == 3 and .endpoints[0].weight == 0.6 and
        (.endpoints | all(.rounds | length == 2)) and
        (.endpoints | all(.rounds | all(.requests == .ok and .errors == 0))) and
        (.endpoints[1].rounds | all(.calls > 20.9 and .calls < 21.1)) and
        .endpoints[0].result.profile.model == "closed" and .mixed.requests.ok > 0 and
        .environment.cpus > 0' s.json
    run --separate-stderr "$DINER" perf-report attribute --config perf.yaml --study s.json --out-file s.json
    assert_status 0
    jq -e '(.endpoints | all(.attributed)) and .mixed_explained > 0 and
        .endpoints[0].calls == 1 and .endpoints[0].row_count == 20 and
        .endpoints[1].calls == 21 and .endpoints[1].row_count == 80 and
        ([.endpoints[1].slopes[] | select(.slope != null)] | length == 1 and .[0].slope == 1 and .[0].r2 == 1 and
            .[0].size == [2, 5, 10] and .[0].calls == [2, 5, 10]) and
        .endpoints[2].probe.measured and .endpoints[2].probe.offset == 50000 and
        .endpoints[2].probe.deep_blocks > 20 * .endpoints[2].probe.first_blocks and
        (.endpoints[1].rounds | length) == 2' s.json
    # The same again: what is counted is the same.
    run --separate-stderr "$DINER" perf-report attribute --config perf.yaml --out-file t.json
    [ "$(jq -c '[.endpoints[] | [.calls, .row_count]]' s.json)" = "$(jq -c '[.endpoints[] | [.calls, .row_count]]' t.json)" ]
}

@test "writes are sent only when the file names the method; bodies are filled" {
    config 'endpoints: [{ path: /faulty/chatty, method: POST, expect: 201 }]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 3
    assert_stderr_has "method 'POST' is not in methods"
    before=$(pg_psql -c 'select count(*) from shop.audit')
    config 'methods: [POST]' 'endpoints: [{ path: /faulty/chatty, method: POST, expect: 201 }]'
    run --separate-stderr "$DINER" perf-report attribute --config perf.yaml
    assert_status 0
    assert_json '.endpoints[0].attributed and .endpoints[0].calls == 31 and .endpoints[0].wal_bytes > 0'
    # 6 to warm up and 8 that count, 30 lines each.
    assert_equal "$(($(pg_psql -c 'select count(*) from shop.audit') - before))" 420
}

@test "two sides are loaded in turns, and written apart" {
    config "before: $FAULTY_URL" "database_before: \"$PG_DSN\"" 'endpoints: [/healthy/no_limit]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml --out-file after.json
    assert_status 2
    run --separate-stderr "$DINER" perf-report load --config perf.yaml --out-file after.json --out-before before.json
    assert_status 0
    # A B B A: the first round of before lies behind that of after, the second before it.
    jq -e -n --slurpfile a after.json --slurpfile b before.json \
        '[$a[0].endpoints[0].rounds[].started_s // 0] as $x | [$b[0].endpoints[0].rounds[].started_s] as $y |
         $x[0] < $y[0] and $y[0] < $y[1] and $y[1] < $x[1]'
    run --separate-stderr "$DINER" perf-report compare before.json after.json -o json
    assert_status 0
    assert_json 'map(select(.endpoint == "GET /healthy/no_limit" and .figure == "db.calls_per_req"))[0]
        | .verdict == "same" and .before == 1'
}

@test "capacity: steps until the limit" {
    config 'capacity: { connections_max: 4, step: 100ms }' 'endpoints: [/healthy/no_limit]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 0
    assert_json '([.steps[].connections] | . == [1, 2, 4][:length] and length >= 1) and (.steps | all(.rps > 0))'
}

@test "a plan that would take too long, a host that nobody allowed, lint" {
    config 'endpoints: [/a]'
    sed -i 's/duration: 200ms/duration: 200ms, max_time: 1s/' perf.yaml
    sed -i 's/rounds: 2/rounds: 9/' perf.yaml
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 2
    assert_stderr_has "load.max_time allows 1 s"
    printf 'version: 1\ntarget: http://api.example.com\nendpoints: [/a]\ntargets: [speed<1]\n' >perf.yaml
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 3
    assert_stderr_has "perf.yaml:2:9: host 'api.example.com' is not in allow_hosts"
    assert_stderr_has "perf.yaml:4:11: "
    run --separate-stderr "$DINER" perf-report lint perf.yaml
    assert_status 3
    assert_stdout_has "perf.yaml:2:9: host 'api.example.com'"
    run --separate-stderr "$DINER" perf-report lint "$PROJECT/configs/perf.yaml"
    assert_status 0
}

@test "a parameter without rows, a column that is not there, a secret that is not set" {
    config 'parameters: { s: { sql: "select 1 where false" } }' 'endpoints: ["/a?s={s}"]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 1
    assert_stderr_has "parameter 's': there is no row"
    config 'parameters: { s: { values: [1, 2] } }' 'endpoints: ["/a?s={s.code}"]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 3
    assert_stderr_has "parameter 's' has no column 'code'"
    config 'auth: { bearer: env:NOT_SET_HERE }' 'endpoints: [/a]'
    run --separate-stderr "$DINER" perf-report load --config perf.yaml
    assert_status 3
    assert_stderr_has "NOT_SET_HERE"
}

@test "gate: a study against targets in k6's words" {
    config 'endpoints: [{ path: /faulty/n_plus_one, size_parameter: page_size }]'
    "$DINER" perf-report attribute --config perf.yaml --out-file s.json 2>/dev/null
    run --separate-stderr "$DINER" perf-report gate s.json -t 'db.calls_per_req<=3'
    assert_status 9
    assert_stdout_has "failed"
    assert_stderr_has "db.calls_per_req <= 3"
    run --separate-stderr "$DINER" perf-report gate s.json -t 'db.calls_per_req<=21' -o json
    assert_status 0
    assert_json 'length == 1 and .[0].state == "passed" and .[0].anchor != null'
    echo '{"diner_perf_study": 1, "endpoints": 3}' >bad.json
    run --separate-stderr "$DINER" perf-report gate bad.json
    assert_status 1
    assert_stderr_has "bad.json: 'endpoints' must be a list"
}
