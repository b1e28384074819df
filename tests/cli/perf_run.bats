#!/usr/bin/env bats
# perf-report as one run: all its phases against the faulty restaurant API (tests/perf/faulty.c) and a
# private PostgreSQL. What is asserted is counted, not timed.
# shellcheck disable=SC2154 # `run` sets stderr
bats_require_minimum_version 1.5.0
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
    cd "$BATS_TEST_TMPDIR" || return 1
    # Rounds too short to say anything of times: what a request costs is counted.
    QUICK=(--connections 2 --duration 600ms --warmup 0s)
    EASY=(--target-rps 0 --target-p95 4s --target-mean 4s --target-database 4s --target-error-rate 50%)
}

config() { # LINES... behind a quick load
    cat >perf.yaml <<YAML
version: 1
title: orders <b>
target: $FAULTY_URL
database: "$PG_DSN"
load: { connections: 2, rounds: 2, duration: 200ms, warmup: 0s }
attribute: { requests: 8, background: 100ms }
YAML
    printf '%s\n' "$@" >>perf.yaml
}

@test "one run: a failed budget exits 9 and is named; every form is written; the study is kept" {
    config 'endpoints: [{ path: /faulty/n_plus_one, size_parameter: page_size }]' \
        'targets: ["db.calls_per_req<=3", "rate<0.5"]'
    run --separate-stderr "$DINER" perf-report --config perf.yaml --save study.json --html r.html \
        --markdown r.md --json r.json --junit r.xml --openmetrics r.prom --alerts alerts.yml \
        --alerts-test alerts_test.yml
    assert_status 9
    assert_stdout_is ""
    assert_stderr_has "1 of 2 checks failed: GET /faulty/n_plus_one: db.calls_per_req <= 3: 21"
    refute_stderr_has "rate <"
    grep -q '<html lang="en">' r.html
    grep -q 'orders &lt;b&gt;' r.html
    grep -q 'db.calls_per_req' r.html
    grep -q 'diner perf-report --config perf.yaml' r.html
    grep -q 'shop.items' r.md
    jq -e '.exit_code == 9 and (.checks | length) == 2' r.json
    [ "$(grep -c '<failure' r.xml)" -eq 1 ]
    grep -q '# EOF' r.prom
    grep -q 'alerts.yml' alerts_test.yml
    [ -s alerts.yml ]
    # All phases are in it: rounds, statements, the snapshot, the cause with its proof.
    jq -e '(.endpoints[0].rounds | length) == 2 and .endpoints[0].attributed and .endpoints[0].calls == 21 and
        (.server.tables | any(.name == "orders")) and .server.totals == false and
        ([.findings[] | select(.kind == "n_plus_one")] | length == 1 and .[0].proof == "confirmed")' study.json
    # The same study, rendered without a server, says the same.
    run --separate-stderr "$DINER" perf-report --from study.json -t 'db.calls_per_req<=3' --target-rps 0 \
        --target-p95 4s --target-mean 4s -o json
    assert_status 9
    assert_stderr_has "db.calls_per_req <= 3: 21"
    assert_json '.exit_code == 9'
}

@test "one run against a baseline: the same passes, a request that costs more fails" {
    config 'endpoints: [{ name: orders, path: /healthy/n_plus_one }]' 'targets: ["delta(db.calls_per_req)<=0"]'
    run --separate-stderr "$DINER" perf-report --config perf.yaml --save main.json --out-file first.md
    assert_status 0 # without a baseline nothing was measured of a change
    run --separate-stderr "$DINER" perf-report --config perf.yaml --strict --out-file strict.md
    assert_status 9
    assert_stderr_has "delta(db.calls_per_req)"
    run --separate-stderr "$DINER" perf-report --config perf.yaml --baseline main.json --min-change 900% --out-file same.md
    assert_status 0
    assert_stderr_has "0 of 2 checks failed"
    grep -q 'main.json' same.md
    sed -i 's,/healthy/,/faulty/,' perf.yaml
    run --separate-stderr "$DINER" perf-report --config perf.yaml --baseline main.json --min-change 900% -o json
    assert_status 9
    assert_stderr_has "orders: delta(db.calls_per_req)"
    assert_stderr_has "orders: not worse than the baseline"
    assert_json '.exit_code == 9'
}

@test "two addresses in turns: the configuration's before is the baseline" {
    config "before: $FAULTY_URL" "database_before: \"$PG_DSN\"" 'endpoints: [/healthy/no_limit]' \
        'targets: ["delta(db.calls_per_req)<=0"]'
    run --separate-stderr "$DINER" perf-report --config perf.yaml --baseline x.json
    assert_status 2
    assert_stderr_has 'which is the baseline'
    run --separate-stderr "$DINER" perf-report --config perf.yaml --min-change 900% --strict --save a.json \
        --save-before b.json -o json
    assert_status 0
    assert_json '.exit_code == 0 and (.checks | any(.result == "passed" and (.check | test("delta"))))'
    jq -e '(.endpoints[0].rounds | length) == 2' b.json
    [ -s a.json ]
}

@test "a URL and its database: one endpoint, the same report" {
    run --separate-stderr "$DINER" perf-report "$FAULTY_URL/faulty/n_plus_one?page_size=19" --db "$PG_DSN" \
        "${QUICK[@]}" "${EASY[@]}" -t 'db.calls_per_req<=3' --html r.html --lang zh --save study.json
    assert_status 9
    assert_stdout_is ""
    assert_stderr_has "1 of 5 checks failed: GET /faulty/n_plus_one: db.calls_per_req <= 3: 20"
    grep -q '<html lang="zh-CN">' r.html
    run ! grep -q page_size=19 r.html study.json # a query may hold a secret
    jq -e '(.endpoints | length) == 1 and (.endpoints[0].rounds | length) == 6 and
        .endpoints[0].calls == 20 and .endpoints[0].result.profile.connections == 2' study.json
    run --separate-stderr "$DINER" perf-report "$FAULTY_URL/healthy/n_plus_one" --db "$PG_DSN" \
        "${QUICK[@]}" "${EASY[@]}" -t 'db.calls_per_req<=3'
    assert_status 0
    assert_stdout_has "GET /healthy/n_plus_one"
    assert_stderr_has "0 of 5 checks failed"
}

@test "half of the inputs: an API alone, a database alone" {
    run --separate-stderr "$DINER" perf-report "$FAULTY_URL/healthy/hot" --rate 50/s --duration 600ms --warmup 0s \
        --target-p95 4s --target-mean 4s --markdown -
    assert_status 0
    assert_stdout_has "no database was given"
    run --separate-stderr "$DINER" perf-report --db "$PG_DSN" -o json
    assert_status 0
    assert_json '.exit_code == 0'
    assert_stderr_matches '^perf-report: 0 endpoints, [0-9]+ findings?; 0 of [0-9]+ checks failed$'
    # Two snapshots, and what ran between them.
    "$DINER" -q perf-report snapshot --db "$PG_DSN" --out-file monday.json
    "$PG_BIN/psql" -Xq "$PG_DSN" -c 'select count(*) from shop.stores' >/dev/null
    "$DINER" -q perf-report snapshot --db "$PG_DSN" --since monday.json --out-file week.json
    run --separate-stderr "$DINER" perf-report --from week.json --db "$PG_DSN"
    assert_status 0
    assert_stdout_has "Between the two snapshots: "
    assert_stdout_matches '\| Statements \| [1-9]'
    assert_stdout_has "No check could be measured."
}

@test "Ctrl-C: what was measured is reported, nothing is judged" {
    config 'endpoints: [/healthy/no_limit]' 'targets: ["db.calls_per_req<=0"]'
    sed -i 's/duration: 200ms/duration: 30s/' perf.yaml
    "$DINER" perf-report --config perf.yaml --json r.json --save s.json 2>err.txt 3>&- &
    local pid=$! status=0
    sleep 3
    kill -INT "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 130
    jq -e '.exit_code == 130 and .verdict == "interrupted"' r.json
    jq -e '.endpoints[0].rounds[0].requests > 0' s.json
}

@test "misuse is told before a request is sent" {
    config 'endpoints: [/healthy/hot]'
    run --separate-stderr "$DINER" perf-report --config perf.yaml "$FAULTY_URL"
    assert_status 2
    assert_stderr_has "exclude each other"
    run --separate-stderr "$DINER" perf-report --config perf.yaml --rate 5/s
    assert_status 2
    assert_stderr_has "--rate is for a URL"
    run --separate-stderr "$DINER" perf-report --config perf.yaml --target-p95 5ms
    assert_status 2
    assert_stderr_has "--target 'p(95)<300'"
    run --separate-stderr "$DINER" perf-report "$FAULTY_URL" -t 'speed<3'
    assert_status 3
    assert_stderr_has "speed"
    run --separate-stderr "$DINER" perf-report --config perf.yaml --markdown a --out-file b
    assert_status 2
    run --separate-stderr "$DINER" perf-report --config perf.yaml -o csv
    assert_status 2
    run --separate-stderr "$DINER" perf-report --html r.html
    assert_status 2
    assert_stderr_has "what is to be measured is missing"
    run --separate-stderr "$DINER" perf-report --config perf.yaml --baseline none.json
    assert_status 1
    printf 'version: 1\ntarget: http://127.0.0.1\n' >empty.yaml
    run --separate-stderr "$DINER" perf-report --config empty.yaml
    assert_status 3
    assert_stderr_has "empty.yaml has neither endpoints nor a database"
}
