#!/usr/bin/env bats
# diner perf-report from end to end, against a small server and a private PostgreSQL on loopback.
# shellcheck disable=SC2154 # `run` sets stderr
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    export FIXTURES=$PWD/tests/fixtures/perf
    export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/none
    # shellcheck source=tests/pg.sh
    source tests/pg.sh
    PG_DIR=$(mktemp -d /tmp/diner-pg.XXXXXX)
    export PG_DIR
    pg_start "$PG_DIR" >/dev/null || return 1
    echo "shared_preload_libraries = 'pg_stat_statements'" >>"$PG_DIR/data/postgresql.conf"
    pg_as_owner "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -w restart >/dev/null 2>&1 </dev/null
    pg_psql -c 'create schema odd' -c 'create extension pg_stat_statements schema odd' \
        -c 'create database plain' || return 1
    export PLAIN_DSN=${PG_DSN/\/postgres?/\/plain?}
    python3 "$FIXTURES/server.py" "$BATS_FILE_TMPDIR/port" "$PG_DSN" >/dev/null 2>&1 3>&- &
    export SERVER_PID=$!
    for _ in $(seq 100); do
        [ -s "$BATS_FILE_TMPDIR/port" ] && break
        sleep 0.05
    done
    PORT=$(cat "$BATS_FILE_TMPDIR/port")
    export URL=http://127.0.0.1:$PORT
}

teardown_file() {
    kill "$SERVER_PID"
    # shellcheck source=tests/pg.sh
    source tests/pg.sh
    pg_stop "$PG_DIR"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    # Targets that a slow machine meets too; single tests set their own.
    EASY=(--target-rps 1 --target-p95 4s --target-mean 4s --target-error-rate 50%)
    FIXED=(--rate 100/s --duration 1s --warmup 0s)
}

json() { # EXPRESSION over the document `d` on stdin or in FILE
    python3 -c "import json,sys; d=json.load(open(sys.argv[1])); print($1)" "$2"
}

@test "an open load: exact counts, the four rows, exit 0" {
    run --separate-stderr "$DINER" perf-report "$URL/ok?token=hidden" "${FIXED[@]}" "${EASY[@]}"
    [ "$status" -eq 0 ]
    [[ $output == *"| Metric | Before | Target | After | Improvement |"* ]]
    [[ $output == *"| API response time (P95) | not measured (no baseline) | < 4000 ms | "* ]]
    [[ $output == *"| Database query time (mean per request) | not measured (no baseline) | < 100 ms | not measured (no --db was given) |"* ]]
    [[ $output == *"| QPS | not measured (no baseline) | >= 1/s | "* ]]
    [[ $output == *"| Error rate | not measured (no baseline) | < 50 % | 0.0 % |"* ]]
    [[ $output == *"100 requests: 100 succeeded"* ]]
    [[ $output == *"open model: 100 requests/s"* ]]
    [[ $output != *hidden* ]]
    [[ $stderr == *"100 requests, 0 failed, 0 rate-limited: passed"* ]]
}

@test "a missed target exits 9 and is named with limit and value" {
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=30" "${FIXED[@]}" "${EASY[@]}" \
        --target-p95 20ms --out-file report.md
    [ "$status" -eq 9 ]
    [ -z "$output" ]
    [[ $stderr == *"API response time (P95) "*" ms, target < 20 ms"* ]]
    [[ $stderr != *"Error rate"* ]]
    grep -q '^\*\*Verdict:\*\* failed: API response time (P95)' report.md
    grep -q '| API response time (P95) | < 20 ms | .* | missed |' report.md
}

@test "a closed load measures capacity; the generator says so when it is the limit" {
    run --separate-stderr "$DINER" perf-report "$URL/ok" --connections 4 --duration 500ms \
        --warmup 100ms "${EASY[@]}" -o json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    [ "$(json 'd["diner_perf_report"], d["verdict"], d["result"]["profile"]["model"]' r.json)" = "1 passed closed" ]
    [ "$(json 'd["result"]["requests_per_second"] > 100 and d["result"]["requests"]["warmup"] > 0' r.json)" = True ]
    [ "$(json '[r["metric"] for r in d["rows"]]' r.json)" = "['api_p95', 'database_time', 'qps', 'error_rate']" ]
    [ "$(json 'd["rows"][1]["after"], d["rows"][1]["result"]' r.json)" = "None not_measured" ]
    [ "$(json 'd["result"]["database"]["not_measured"]["ms_per_request"]' r.json)" = "no --db was given" ]
    [ "$(json 'sum(c for v, c in d["result"]["latencies_us"]) == d["result"]["requests"]["ok"]' r.json)" = True ]
    [ "$(json 'len(d["result"]["samples"])' r.json)" = 10 ]
}

@test "a stall of the server shows in the percentiles of the open model" {
    run --separate-stderr "$DINER" perf-report "$URL/stall" --rate 300/s --duration 2s \
        --warmup 0s "${EASY[@]}" -o json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    # 600 ms of 2 s stand still: a request meant to start in it waits until its end.
    [ "$(json 'd["result"]["p90_ms"] > 150 and d["result"]["max_ms"] > 500' r.json)" = True ]
}

@test "429 is counted apart and said, not an error, and no success" {
    run --separate-stderr "$DINER" perf-report "$URL/limited" --rate 200/s --duration 1s \
        --warmup 0s "${EASY[@]}" --target-error-rate 0.1%
    [ "$status" -eq 0 ]
    [[ $output == *"200 requests: 100 succeeded, 100 429 (rate limit; counted apart)"* ]]
    [[ $output == *"100 of 200 answers were 429 (too many requests)"* ]]
    [[ $output == *"| Error rate | "*" | < 0.1 % | 0.0 % |"* ]]
}

@test "failures only: nothing is made up, and the gate does not wave through" {
    run --separate-stderr "$DINER" perf-report "$URL/fail" "${FIXED[@]}" "${EASY[@]}"
    [ "$status" -eq 9 ]
    [[ $output == *"| < 4000 ms | not measured (no request succeeded) |"* ]]
    [[ $output == *"| Error rate | "*" | 100.0 % |"* ]]
    [[ $stderr == *"API response time (P95) not measured (no request succeeded)"* ]]
}

@test "baseline: the same server is the same, a slower one is clearly worse and exits 9" {
    "$DINER" perf-report "$URL/slow?ms=5" "${FIXED[@]}" "${EASY[@]}" --save main.json >/dev/null 2>&1
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=5" "${FIXED[@]}" "${EASY[@]}" \
        --baseline main.json --min-change 300%
    [ "$status" -eq 0 ]
    [[ $output == *"Comparison with the baseline: same."* ]]
    [[ $output == *"Mann-Whitney U test"* ]]
    # So much slower that no stall of a busy machine comes near it.
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=400" "${FIXED[@]}" "${EASY[@]}" \
        --baseline main.json --save slow.json
    [ "$status" -eq 9 ]
    [[ $output == *"higher, clearly worse (p < 0.001)"* ]]
    [[ $stderr == *"Comparison with the baseline: clearly worse"* ]]
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=5" "${FIXED[@]}" "${EASY[@]}" \
        --baseline slow.json -o json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    [ "$(json 'd["comparison"]["verdict"], d["rows"][0]["comparison"]["verdict"]' r.json)" = "improved improved" ]
    [ "$(json 'd["rows"][0]["before"] > 400' r.json)" = True ]
}

@test "a baseline of another load is refused before anything is sent" {
    "$DINER" perf-report "$URL/ok" "${FIXED[@]}" "${EASY[@]}" --save main.json >/dev/null 2>&1
    run --separate-stderr "$DINER" perf-report "$URL/ok" --rate 50/s --duration 30s \
        --baseline main.json
    [ "$status" -eq 2 ]
    [[ $stderr == *"a rate of 100"*"50"* ]]
    run --separate-stderr "$DINER" perf-report "$URL/other" "${FIXED[@]}" --baseline main.json
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report "$URL/ok" "${FIXED[@]}" --baseline nosuch.json
    [ "$status" -eq 1 ]
    echo '{"diner_perf_report": 9}' >new.json
    run --separate-stderr "$DINER" perf-report "$URL/ok" "${FIXED[@]}" --baseline new.json
    [ "$status" -eq 1 ]
    [[ $stderr == *"new.json:1: version 9"* ]]
}

@test "with a database: its time per request, and a target of it" {
    run --separate-stderr "$DINER" perf-report "$URL/db?ms=5" "${FIXED[@]}" "${EASY[@]}" \
        --connections 4 --db "$PG_DSN" --save study.json -o json
    [ "$status" -eq 0 ]
    [ "$(json '[e["calls"] for e in d["endpoints"]]' study.json)" = "[1]" ]
    [ "$(json '5 <= d["endpoints"][0]["result"]["database"]["ms_per_request"] < 50' study.json)" = True ]
    run --separate-stderr "$DINER" perf-report "$URL/db?ms=5" "${FIXED[@]}" "${EASY[@]}" \
        --connections 4 --db "$PG_DSN" -t 'db.calls_per_req<=0'
    [ "$status" -eq 9 ]
    [[ $stderr == *"GET /db: db.calls_per_req <= 0: 1"* ]]
}

@test "without the extension the database's figures are not measured, and why is said" {
    run --separate-stderr "$DINER" perf-report "$URL/ok" --rate 100/s --duration 600ms \
        --warmup 0s --target-p95 4s --target-rps 1 --db "$PLAIN_DSN"
    [ "$status" -eq 0 ]
    [[ $output == *"the extension pg_stat_statements is not in this database"* ]]
}

@test "a database that cannot be reached, or a password in argv, ends it before the load" {
    run --separate-stderr "$DINER" perf-report "$URL/ok" --db "postgresql:///x?host=/nowhere"
    [ "$status" -eq 6 ]
    run --separate-stderr "$DINER" perf-report "$URL/ok" --db "postgresql://u:pa55word@h/x"
    [ "$status" -eq 2 ]
    [[ $stderr != *pa55word* ]]
    [[ $stderr == *"env:"* ]]
}

@test "headers and body; secrets only by reference" {
    echo -n '{"qty": 5}' >body.json
    TOKEN=s3cr3t-token run --separate-stderr "$DINER" perf-report "$URL/echo" "${FIXED[@]}" \
        "${EASY[@]}" --header 'X-Token: Bearer env:TOKEN' --body-file body.json --save r.json
    [ "$status" -eq 0 ]
    [[ $output == *"POST http"*"100 succeeded"* ]]
    run ! grep -q s3cr3t r.json
    run --separate-stderr "$DINER" perf-report "$URL/ok" --header 'Authorization: Bearer abcdefgh'
    [ "$status" -eq 2 ]
    [[ $stderr != *abcdefgh* ]]
}

@test "https: open and closed, the certificate is checked" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' \
        -keyout key.pem -out ca.pem >/dev/null 2>&1
    cat key.pem ca.pem >server.pem
    TLS_CERT=server.pem python3 "$FIXTURES/server.py" "$PWD/port" >/dev/null 2>&1 3>&- &
    local server=$!
    for _ in $(seq 100); do
        [ -s port ] && break
        sleep 0.05
    done
    local url
    url=https://127.0.0.1:$(cat port)
    run --separate-stderr "$DINER" perf-report "$url/ok" "${FIXED[@]}" "${EASY[@]}" \
        --connections 4 --ca-file ca.pem
    [ "$status" -eq 0 ]
    [[ $output == *"100 requests: 100 succeeded"* ]]
    run --separate-stderr "$DINER" perf-report "$url/limited" --duration 300ms --warmup 0s \
        --connections 4 "${EASY[@]}" --ca-file ca.pem -o json
    echo "$output" >r.json
    [ "$(json 'd["result"]["requests"]["rate_limited"] > 0' r.json)" = True ]
    run --separate-stderr "$DINER" perf-report "$url/ok" "${FIXED[@]}" "${EASY[@]}"
    kill "$server"
    [ "$status" -eq 9 ]
    [[ $output == *ertificate* ]]
}

@test "files of wrk, hey and k6 are reports too" {
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/wrk_latency.txt" --target-rps 1000
    [ "$status" -eq 0 ]
    [[ $output == *"| 4.97 ms to 14.7 ms (wrk prints P90 and P99) |"* ]]
    [[ $output == *"not measured (wrk does not measure the database)"* ]]
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/hey.csv" -o csv
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == metric,before,target,after,improvement* ]]
    [ "${#lines[@]}" -eq 5 ]
    run --separate-stderr "$DINER" perf-report --from - --target-rps 100 <"$FIXTURES/k6_summary.json"
    [ "$status" -eq 9 ]
    [[ $stderr == *"Error rate 0.20 %, target < 0.1 %"* ]]
    head -3 "$FIXTURES/wrk_latency.txt" >cut.txt
    run --separate-stderr "$DINER" perf-report --from cut.txt
    [ "$status" -eq 1 ]
    [[ $stderr == *"cut.txt:3: "*incomplete* ]]
}

@test "a large change between two hey files is worse, but untested it does not fail" {
    sed 's/95% in 0.0062/95% in 0.0800/' "$FIXTURES/hey.txt" >slow.txt
    run --separate-stderr "$DINER" perf-report --from slow.txt --baseline "$FIXTURES/hey.txt" \
        --target-rps 1
    [ "$status" -eq 0 ]
    [[ $output == *"higher, worse (not tested: too few slices for a test)"* ]]
}

@test "misuse: one clear error, exit 2" {
    run --separate-stderr "$DINER" perf-report
    [ "$status" -eq 2 ]
    [[ $stderr == *"a URL to load is missing"* ]]
    run --separate-stderr "$DINER" perf-report "$URL/ok" --from x
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report ftp://127.0.0.1/
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report "http://u:p@127.0.0.1/"
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report "$URL/ok" --rate 1/m
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report "$URL/ok" --connections 0
    [ "$status" -eq 2 ]
    run --separate-stderr "$DINER" perf-report http://127.0.0.1:1/
    [ "$status" -eq 5 ]
    [[ $stderr == *"cannot connect to '127.0.0.1' port 1"* ]]
}

@test "Ctrl-C ends the load and reports what was measured" {
    "$DINER" perf-report "$URL/ok" --rate 100/s --duration 60s --warmup 0s --save r.json \
        >out.md 2>err.txt 3>&- &
    pid=$!
    sleep 1.5
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 130 ]
    grep -q 'interrupted: this is what was measured until then' out.md
    grep -q 'interrupted after 1\.' out.md
    [ "$(json 'd["verdict"], d["result"]["interrupted"]' r.json)" = "interrupted True" ]
    [ "$(json '50 < d["result"]["requests"]["ok"] < 400' r.json)" = True ]
}

@test "an --out-file that cannot be written fails; /dev/full fails" {
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/hey.txt" --target-rps 1 \
        --out-file /nowhere/r.md
    [ "$status" -eq 1 ]
    run bash -c '"$DINER" perf-report --from "$FIXTURES/hey.txt" --target-rps 1 >/dev/full'
    [ "$status" -ne 0 ]
}
