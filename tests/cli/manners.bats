#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2034
# Pipes, full disks, Ctrl-C, secrets.
load ../helper
load pipelines

setup_file() { dev_start --orders 1500 --seed 2; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# ---- pipes and disks -----------------------------------------------------------------------------

@test "| head -1 is silent and ends by SIGPIPE" {
    for command in "orders list --limit 1500" "orders list --limit 1500 -o json" "stock show -o jsonl" help; do
        set +e
        # shellcheck disable=SC2086
        "$DINER" $command 2>err.txt | head -n 1 >out.txt
        codes=("${PIPESTATUS[@]}")
        set -e
        assert_equal "$(cat err.txt)" ""
        assert_equal "$(wc -l <out.txt)" 1
        # What fits into the pipe may all be written before head is gone.
        [ "${codes[0]}" -eq 141 ] || [ "${codes[0]}" -eq 0 ] || fail "$command: ${codes[0]}"
    done
    set +e
    "$DINER" orders list --limit 1500 2>err.txt | true # nobody reads, more than a pipe holds
    codes=("${PIPESTATUS[@]}")
    set -e
    assert_equal "${codes[0]}" 141
    assert_equal "$(cat err.txt)" ""
}

@test "> /dev/full fails with a message, whatever the command" {
    for command in "orders list --limit 3" "orders list -o json" "stock show -o csv" "runs list -o json" "pipeline list -o json" "config show" version help; do
        set +e
        # shellcheck disable=SC2086
        "$DINER" $command >/dev/full 2>err.txt
        code=$?
        set -e
        assert_equal "$code" 1
        grep -qF "diner: cannot write the output" err.txt || fail "$command: $(cat err.txt)"
    done
}

@test "a run whose table cannot be printed has run, and says that it could not say so" {
    pipeline p <<<'streams: { s: { source: { connection: warehouse, query: select 1 as n } } }'
    set +e
    "$DINER" run p >/dev/full 2>err.txt
    code=$?
    set -e
    assert_equal "$code" 1
    grep -qF "cannot write the output" err.txt
    assert_sql "select count(*) from t.s" 1
    assert_sql "select status from diner.run" succeeded
}

# ---- Ctrl-C --------------------------------------------------------------------------------------

# Starts the pipeline, sends the signal while it works, and leaves status, output and stderr.
stop_by() { # SIGNAL COMMAND THAT SUCCEEDS ONCE IT WORKS, PIPELINE [OPTION...]
    local signal=$1 ready=$2 pid
    shift 2
    "$DINER" run "$@" >out.txt 2>err.txt 3>&- &
    pid=$!
    wait_for 20 sh -c "$ready"
    kill -s "$signal" "$pid"
    set +e
    wait "$pid"
    status=$?
    set -e
    output=$(cat out.txt) stderr=$(cat err.txt)
}
busy() { # PATTERN: a session on the server runs a statement like it
    echo "psql -XAtqd '$(dev_dsn)' -c \"select 1 from pg_stat_activity where state = 'active' and query like '$1' and pid <> pg_backend_pid()\" | grep -q 1"
}

@test "INT and TERM during a load of a file: rolled back, and how to go on" {
    pipeline load <<'YAML'
streams:
  load:
    source: { file: ../pipe, header: { none: true } }
    mode: merge
    key: [code]
    columns: { code: { type: text, from: $1 }, qty: { type: int, from: $2 } }
  after: { source: { connection: warehouse, query: select 1 as n }, needs: [load] }
YAML
    for signal in INT TERM; do
        rm -f pipe
        mkfifo pipe
        { for i in {1..30}; do seq -f %g,1 $((i * 100000)) $((i * 100000 + 20000)) 2>/dev/null || break; sleep 0.2; done >pipe; } 3>&- &
        feeder=$!
        stop_by "$signal" "$(busy 'copy %')" load
        kill "$feeder" 2>/dev/null || true
        wait "$feeder" || true
        assert_status "$([ "$signal" = INT ] && echo 130 || echo 143)"
        assert_stderr_has "diner: stopped by SIG$signal"
        assert_stderr_has "hint: nothing of stream 'load' was committed; run the same command again"
        assert_stderr_has "load.after skipped"
        assert_stderr_has "load stopped: "
        assert_sql "select to_regclass('t.load') is null" t
        assert_sql "select status || ',' || exit_status from diner.run order by id desc limit 1" \
            "interrupted,$status"
        assert_sql "select count(*) from pg_stat_activity where application_name like 'diner%' and datname = 'diner' and query like 'copy %' and pid <> pg_backend_pid()" 0
    done
    rm -f pipe
    printf '%s\n' A,1 B,2 >pipe # the same command again
    diner_run load
    assert_status 0
    assert_moved load "2 2 0 0 0 0 0 0"
}

@test "INT while the server works: its statement is cancelled, finished streams stand" {
    pipeline slow <<'YAML'
streams:
  first: { source: { connection: warehouse, query: select 1 as n } }
  slow: { source: { connection: warehouse, query: "select 1 as n, pg_sleep(60)::text as x" }, needs: [first] }
YAML
    stop_by INT "$(busy '%pg_sleep(60)%')" slow -o json
    assert_status 130
    assert_stream_status first succeeded
    assert_stream_status slow failed
    assert_stderr_has "stopped by SIGINT"
    assert_stderr_has "nothing of stream 'slow' was committed; run the same command again"
    assert_sql "select count(*) from t.first" 1
    wait_for 5 sh -c "! $(busy '%pg_sleep(60)%')"
}

@test "INT stops a job and several pipelines: the rest is not begun" {
    pipeline slow <<<'streams: { s: { source: { connection: warehouse, query: "select pg_sleep(60)::text as x" } } }'
    pipeline next <<<'streams: { s: { source: { connection: warehouse, query: select 1 as n } } }'
    job night <<<'steps: [ { run: slow }, { run: next } ]'
    stop_by INT "$(busy '%pg_sleep(60)%')" night
    assert_status 130
    assert_stderr_has "next.* skipped: the run was stopped"
    stop_by TERM "$(busy '%pg_sleep(60)%')" slow next
    assert_status 143
    assert_sql "select count(*) from diner.run where pipeline = 'next'" 0
    assert_sql "select to_regclass('t.s') is null" t
}

@test "INT while a file is written: the old file stays, no half one is left" {
    pipeline out <<'YAML'
streams: { s: { source: { connection: warehouse, query: "select i, repeat('x', 100) as x, case when i > 20000 then pg_sleep(0.01)::text end as y from generate_series(1, 200000) i" }, target: { file: f.csv } } }
YAML
    echo old >out/f.csv
    stop_by INT "ls -A out | grep -q tmp" out
    assert_status 130
    assert_equal "$(cat out/f.csv)" old
    assert_equal "$(ls -A out)" f.csv
}

@test "who is told of a stop is told that it was one" {
    pipeline slow <<YAML
streams: { s: { source: { connection: warehouse, query: "select pg_sleep(60)::text as x" } } }
hooks: { on_failure: [{ exec: 'cat > $PWD/told.json' }] }
YAML
    stop_by TERM "$(busy '%pg_sleep(60)%')" slow
    assert_status 143
    output=$(cat told.json)
    assert_json '.exit_status == 143 and (.error | contains("stopped by SIGTERM"))'
}

# ---- secrets -------------------------------------------------------------------------------------

secrets_of_environment() { # one a line
    local file
    for file in "$DINER_DEV_DIR"/secrets/*; do printf '%s\n' "$(cat "$file")"; done
}

assert_no_secret_in() { # FILE...
    local secret form
    while IFS= read -r secret; do
        [ "${#secret}" -ge 8 ] || continue
        for form in "$secret" "$(printf %s "$secret" | base64 -w0)"; do
            if grep -qF -- "$form" "$@"; then
                fail "a secret is in: $(grep -lF -- "$form" "$@")"
                return 1
            fi
        done
    done < <(secrets_of_environment)
}

@test "no secret in the log, the errors or the output of a whole night at -vvv" {
    secrets_of_environment | head -n 1 >leak
    run ! assert_no_secret_in leak # it would be seen
    export DINER_PIPELINE_PATH=$PROJECT/pipelines
    export ERP_STOCK_FILE=$PROJECT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv
    for format in text json; do
        "$DINER" run nightly -vvv --log-format "$format" >>"log.$format" 2>&1 3>&- || fail "$(tail -n 5 "log.$format")"
        [ "$(wc -l <"log.$format")" -gt 100 ]
    done
    # The tokens handed out for them, too.
    run ! grep -E 'eyJ[A-Za-z0-9_-]{10,}\.' log.text log.json
    assert_no_secret_in log.text log.json
    grep '^{' log.json | jq -e -s 'all(.[]; .ts and .level)' >/dev/null
    for table in run run_stream reject finding intent state; do
        sql "select * from diner.$table" >"table.$table"
    done
    assert_no_secret_in table.*
    run "$DINER" config show --origin
    printf '%s\n' "$output" >config.txt
    assert_no_secret_in config.txt
}

@test "no secret in argv or in what others may see of a process" {
    "$DINER" run "$PROJECT/pipelines/orders.yaml" -q --full-refresh >/dev/null 2>&1 3>&- &
    pid=$!
    : >seen
    while kill -0 "$pid" 2>/dev/null; do
        { tr '\0' '\n' <"/proc/$pid/cmdline"; cat "/proc/$pid/comm"; } >>seen 2>/dev/null || true
        psql -XAtqd "$(dev_dsn)" -c "select application_name, query from pg_stat_activity" >>seen
    done
    wait "$pid" || true
    grep -qF "orders.yaml" seen
    assert_no_secret_in seen
    for p in $(dev_pids); do tr '\0' '\n' <"/proc/$p/cmdline" >>seen; done
    assert_no_secret_in seen
}

@test "a secret given on the command line is refused, one in an error is masked" {
    run --separate-stderr "$DINER" perf-report --db postgresql://u:sesame123@h/x http://127.0.0.1:1
    assert_status 2
    refute_stderr_has sesame123
    export DINER_DSN=postgresql://diner:sesame123@127.0.0.1:1/x
    pipeline p <<<'streams: { s: { source: { connection: warehouse, query: select 1 as n } } }'
    run --separate-stderr "$DINER" run p -vvv
    assert_status 6
    refute_stderr_has sesame123
    run --separate-stderr "$DINER" run p -vvv --log-format json
    assert_status 6
    refute_stderr_has sesame123
    refute_stdout_has sesame123
    run --separate-stderr "$DINER" config show --origin
    refute_stdout_has sesame123
    run --separate-stderr "$DINER" doctor
    refute_stdout_has sesame123
    refute_stderr_has sesame123
}
