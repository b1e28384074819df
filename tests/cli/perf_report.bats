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
    # Targets that a slow machine meets too; single tests set their own. Rounds of 200 ms: what is
    # sent in them is exact under the open model. A busy machine voids its times, so what must fail
    # by its times is loaded under the closed one.
    EASY=(--target-rps 1 --target-p95 4s --target-mean 4s --target-error-rate 50%)
    FIXED=(--rate 100/s --duration 1200ms --warmup 0s)
    CLOSED=(--connections 16 --duration 1200ms --warmup 0s)
}

plain() { # a report with plain blanks between figures and units
    sed 's/\xc2\xa0/ /g'
}

json() { # EXPRESSION over the document `d` in FILE; `r` is the result of its only endpoint
    python3 -c "import json,sys; d=json.load(open(sys.argv[1])); r=(d.get('endpoints') or [{}])[0].get('result'); print($1)" "$2"
}

@test "an open load: exact counts, the four rows, exit 0" {
    run --separate-stderr "$DINER" perf-report "$URL/ok?token=hidden" "${FIXED[@]}" "${EASY[@]}" --save s.json
    [ "$status" -eq 0 ]
    output=$(plain <<<"$output")
    [[ $output == *"| Metric | Before | Target | After | Improvement |"* ]]
    [[ $output == *"| API response time (P95) | not measured | &lt; 4,000 ms | "* ]]
    [[ $output == *"| Database query time | not measured | &lt; 100 ms | not measured<br><sub>no database was given</sub> |"* ]]
    [[ $output == *"| QPS | not measured | ≥ 1/s | "* ]]
    [[ $output == *"| Error rate | not measured | &lt; 50 % | ✅ 0 % |"* ]]
    [[ $output != *hidden* ]]
    [[ $stderr == *"1 endpoint, 0 findings; 0 of 5 checks failed"* ]]
    [ "$(json 'r["requests"]["ok"], r["profile"]["model"], r["profile"]["rate_per_second"]' s.json)" = "120 open 100" ]
    [ "$(json '[x["requests"] for x in d["endpoints"][0]["rounds"]]' s.json)" = "[20, 20, 20, 20, 20, 20]" ]
    run ! grep -q hidden s.json
}

@test "a missed target exits 9 and is named with limit, value and anchor" {
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=30" "${CLOSED[@]}" "${EASY[@]}" \
        --target-p95 20ms --html report.html --out-file report.md
    [ "$status" -eq 9 ]
    [ -z "$output" ]
    [[ $stderr == *"1 of 5 checks failed: p(95) < 20 ms: "*" ms"* ]]
    [[ $stderr != *"rate <"* ]]
    plain <report.md >r.md
    grep -q '❌ \*\*Failed\*\*' r.md
    grep -q '| API response time (P95) | .* | &lt; 20.0 ms | ❌ ' r.md
    grep -q 'href="#check-1"' report.html
    grep -q 'id="check-1"' report.html
}

@test "a closed load measures capacity" {
    run --separate-stderr "$DINER" perf-report "$URL/ok" --connections 4 --duration 600ms \
        --warmup 300ms "${EASY[@]}" -o json --save s.json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    [ "$(json 'd["diner_perf_report"], d["exit_code"]' r.json)" = "2 0" ]
    [ "$(json 'r["profile"]["model"], r["profile"]["connections"]' s.json)" = "closed 4" ]
    [ "$(json 'r["requests_per_second"] > 100 and r["requests"]["sent"] > r["requests"]["ok"]' s.json)" = True ]
    [ "$(json 'sum(c for v, c in r["latencies_us"]) == r["requests"]["ok"]' s.json)" = True ]
    [ "$(json 'len(d["endpoints"][0]["rounds"])' s.json)" = 6 ]
    [ "$(json '0 < r["generator_cpu"] and 0 <= r["generator_turn_p99_ms"]' s.json)" = True ]
}

@test "a stall of the server shows in the percentiles of the open model" {
    run --separate-stderr "$DINER" perf-report "$URL/stall?ms=600" --rate 300/s --duration 6s \
        --warmup 0s "${EASY[@]}" --save s.json
    [ "$status" -eq 0 ]
    # 600 ms of 6 s stand still: a request meant to start in it waits until its end.
    [ "$(json 'r["p95_ms"] > 150 and r["max_ms"] > 500' s.json)" = True ]
}

@test "a stall of 1.5 s that hey hides in its percentiles is in ours" {
    local port=$BATS_TEST_TMPDIR/port server
    python3 "$FIXTURES/server.py" "$port" >/dev/null 2>&1 3>&- &
    server=$!
    until [ -s "$port" ]; do sleep 0.05; done
    hey -c 4 -z 4s -o csv "http://127.0.0.1:$(cat "$port")/stall?ms=1500" >hey.csv
    kill "$server"
    rm "$port"
    python3 "$FIXTURES/server.py" "$port" >/dev/null 2>&1 3>&- &
    server=$!
    until [ -s "$port" ]; do sleep 0.05; done
    cat >perf.yaml <<YAML
version: 1
target: http://127.0.0.1:$(cat "$port")
load: { rate: 100/s, rounds: 1, duration: 4s, warmup: 0s }
endpoints: ["/stall?ms=1500"]
YAML
    "$DINER" -q perf-report load --config perf.yaml --out-file s.json
    kill "$server"
    # Its four connections met the stall once each; ours counts the requests that were due in it.
    "$DINER" -q perf-report --from hey.csv --save hey.json --target-rps 0 --target-p95 30s >report.md
    [ "$(json 'r["max_ms"] > 1400 and r["p90_ms"] < 500' hey.json)" = True ]
    [ "$(json 'r["max_ms"] > 1400 and r["p75_ms"] > 200 and r["p90_ms"] > 800' s.json)" = True ]
}

@test "what wrk and hey print here and now is read" {
    wrk -t1 -c4 -d2s --latency "$URL/slow?ms=5" >wrk.txt
    hey -c 4 -n 400 "$URL/slow?ms=5" >hey.txt
    hey -c 4 -n 400 -o csv "$URL/slow?ms=5" >hey.csv
    for file in wrk.txt hey.txt hey.csv; do
        "$DINER" -q perf-report --from $file --target-rps 0 --target-p95 30s --target-mean 30s --save s.json >report.md
        [ "$(json 'r["requests"]["ok"] > 100 and r["error_rate"] == 0 and r["p50_ms"] > 0' s.json)" = True ]
    done
    [ "$(json 'r["requests"]["ok"], len(r["samples"]) > 0' s.json)" = "400 True" ]
}

@test "429 is counted apart and said, not an error, and no success" {
    run --separate-stderr "$DINER" perf-report "$URL/limited" --rate 200/s --duration 1200ms \
        --warmup 0s "${EASY[@]}" --target-error-rate 0.1% --save s.json
    [ "$status" -eq 0 ]
    output=$(plain <<<"$output")
    [ "$(json 'r["requests"]["ok"], r["requests"]["rate_limited"], r["error_rate"]' s.json)" = "120 120 0" ]
    [[ $output == *"120 of 240 answers were 429 (too many requests)"* ]]
    [[ $output == *"| Error rate | "*" | &lt; 0.1 % | ✅ 0 % |"* ]]
}

@test "failures only: nothing is made up, and the gate does not wave through" {
    run --separate-stderr "$DINER" perf-report "$URL/fail" "${FIXED[@]}" "${EASY[@]}"
    [ "$status" -eq 9 ]
    output=$(plain <<<"$output")
    [[ $output == *"| &lt; 4,000 ms | "*"not measured<br><sub>no request succeeded</sub> |"* ]]
    [[ $output == *"| Error rate | "*" 100 %"* ]]
    [[ $output == *"GET /fail: 120 answers had the status 500"* ]]
    [[ $stderr == *"p(95) < 4000 ms: not measured (no request succeeded)"* ]]
}

@test "a cap on requests ends the load, and is said" {
    run --separate-stderr "$DINER" perf-report "$URL/ok" "${FIXED[@]}" "${EASY[@]}" --max-requests 50 --save s.json
    [ "$status" -eq 0 ]
    [ "$(json 'r["requests"]["sent"]' s.json)" = 50 ]
    [[ $output == *"the load ended early, at 50 requests"* ]]
}

@test "baseline: the same server is the same, a slower one is worse and exits 9" {
    "$DINER" perf-report "$URL/slow?ms=5" "${CLOSED[@]}" "${EASY[@]}" --save main.json >/dev/null 2>&1
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=5" "${CLOSED[@]}" "${EASY[@]}" \
        --baseline main.json --min-change 300% -o json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    [ "$(json 'd["comparison"]["verdict"] in ("same", "improved")' r.json)" = True ]
    # So much slower that no stall of a busy machine comes near it.
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=150" "${CLOSED[@]}" "${EASY[@]}" \
        --baseline main.json --save slow.json --markdown r.md
    [ "$status" -eq 9 ]
    grep -q 'Mann-Whitney' r.md
    grep -q 'main.json' r.md
    [[ $stderr == *"not worse than the baseline"* ]]
    run --separate-stderr "$DINER" perf-report "$URL/slow?ms=5" "${CLOSED[@]}" "${EASY[@]}" \
        --baseline slow.json -o json
    [ "$status" -eq 0 ]
    echo "$output" >r.json
    [ "$(json 'd["comparison"]["verdict"]' r.json)" = improved ]
    [ "$(json '[c["before"] > 150 for c in d["comparison"]["changes"] if c["figure"] == "avg" and c["endpoint"]]' r.json)" = "[True]" ]
}

@test "a baseline of another load is refused before anything is sent" {
    "$DINER" perf-report "$URL/ok" "${FIXED[@]}" "${EASY[@]}" --save main.json >/dev/null 2>&1
    run --separate-stderr "$DINER" perf-report http://127.0.0.1:1/ok --rate 50/s --duration 30s \
        --baseline main.json
    [ "$status" -eq 2 ] # and not 5: nobody listens there
    [[ $stderr == *"GET /ok: the baseline was measured with a rate of 100, this run has 50"* ]]
    run --separate-stderr "$DINER" perf-report http://127.0.0.1:1/ok --connections 4 --baseline main.json
    [ "$status" -eq 2 ]
    [[ $stderr == *"the load model open, this run has closed"* ]]
    run --separate-stderr "$DINER" perf-report http://127.0.0.1:1/other "${FIXED[@]}" --baseline main.json
    [ "$status" -eq 2 ]
    [[ $stderr == *"none of these endpoints: GET /ok is not GET /other"* ]]
    run --separate-stderr "$DINER" perf-report "$URL/ok" "${FIXED[@]}" --baseline nosuch.json
    [ "$status" -eq 1 ]
    echo '{"diner_perf_study": 9}' >new.json
    run --separate-stderr "$DINER" perf-report "$URL/ok" "${FIXED[@]}" --baseline new.json
    [ "$status" -eq 1 ]
    [[ $stderr == *"new.json: version 9"* ]]
    # What is saved and compared without a load is held to the same.
    "$DINER" perf-report "$URL/ok" --rate 200/s --duration 600ms --warmup 0s "${EASY[@]}" --save fast.json >/dev/null 2>&1
    for command in "compare main.json fast.json" "gate fast.json --baseline main.json" \
        "render fast.json --baseline main.json"; do
        read -ra words <<<"$command"
        run --separate-stderr "$DINER" perf-report "${words[@]}"
        [ "$status" -eq 2 ]
        [[ $stderr == *"a rate of 100, this run has 200"* ]]
    done
    run --separate-stderr "$DINER" perf-report --from fast.json --baseline main.json
    [ "$status" -eq 2 ]
}

@test "a report is not a study: which file is read again is said" {
    "$DINER" perf-report --from "$FIXTURES/hey.txt" --target-rps 1 --json r.json >/dev/null 2>&1
    run --separate-stderr "$DINER" perf-report --from r.json
    [ "$status" -eq 1 ]
    [[ $stderr == *"hint: of diner's own files it is --save that is read again"* ]]
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
    [[ $output == *"POST /echo"* ]]
    [ "$(json 'r["requests"]["ok"]' r.json)" = 120 ]
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
        --connections 4 --ca-file ca.pem --save r.json
    [ "$status" -eq 0 ]
    [ "$(json 'r["requests"]["ok"]' r.json)" = 120 ]
    run --separate-stderr "$DINER" perf-report "$url/limited" --duration 3s --warmup 0s \
        --connections 4 "${EASY[@]}" --ca-file ca.pem --save r.json
    [ "$(json 'r["requests"]["rate_limited"] > 0' r.json)" = True ]
    run --separate-stderr "$DINER" perf-report "$url/ok" "${FIXED[@]}" "${EASY[@]}"
    kill "$server"
    [ "$status" -eq 9 ]
    [[ $output == *ertificate* ]]
}

@test "files of wrk, hey, k6 and vegeta are reports too" {
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/wrk_latency.txt" --target-rps 1000
    [ "$status" -eq 0 ]
    output=$(plain <<<"$output")
    [[ $output == *"| ✅ 4.97 ms – 14.7 ms | no baseline |"* ]] # wrk prints P90 and P99
    [[ $output == *"not measured<br><sub>wrk does not measure the database</sub>"* ]]
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/hey.csv" -o json
    [ "$status" -eq 0 ]
    run --separate-stderr "$DINER" perf-report --from - --target-rps 100 <"$FIXTURES/k6_summary.json"
    [ "$status" -eq 9 ]
    [[ $stderr == *"rate < 0.1%: 0.2 %"* ]]
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/vegeta.json" --target-rps 0
    [ "$status" -eq 9 ]
    [[ $stderr == *"rate < 0.1%: 1.01 %"* ]]
    head -3 "$FIXTURES/wrk_latency.txt" >cut.txt
    run --separate-stderr "$DINER" perf-report --from cut.txt
    [ "$status" -eq 1 ]
    [[ $stderr == *"cut.txt:3: "*incomplete* ]]
}

@test "a large change between two files without rounds stays open: only --strict fails" {
    sed 's/95% in 0.0062/95% in 0.0800/' "$FIXTURES/hey.txt" >slow.txt
    run --separate-stderr "$DINER" perf-report --from slow.txt --baseline "$FIXTURES/hey.txt" \
        --target-rps 1
    [ "$status" -eq 0 ]
    [[ $output == *Inconclusive* ]]
    run --separate-stderr "$DINER" perf-report --from slow.txt --baseline "$FIXTURES/hey.txt" \
        --target-rps 1 --strict
    [ "$status" -eq 9 ]
    [[ $stderr == *"[inconclusive]"* ]]
}

@test "misuse: one clear error, exit 2" {
    run --separate-stderr "$DINER" perf-report
    [ "$status" -eq 2 ]
    [[ $stderr == *"what is to be measured is missing"* ]]
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
    "$DINER" perf-report "$URL/ok" --rate 100/s --duration 60s --warmup 0s --save s.json \
        --json r.json --markdown out.md 2>err.txt 3>&- &
    pid=$!
    sleep 1.5
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 130 ]
    grep -q Interrupted out.md
    [ "$(json 'd["verdict"], d["exit_code"]' r.json)" = "interrupted 130" ]
    [ "$(json 'r["interrupted"] and 50 < r["requests"]["ok"] < 400' s.json)" = True ]
}

@test "an --out-file that cannot be written fails; /dev/full fails" {
    run --separate-stderr "$DINER" perf-report --from "$FIXTURES/hey.txt" --target-rps 1 \
        --out-file /nowhere/r.md
    [ "$status" -eq 1 ]
    run bash -c '"$DINER" perf-report --from "$FIXTURES/hey.txt" --target-rps 1 >/dev/full'
    [ "$status" -ne 0 ]
}
