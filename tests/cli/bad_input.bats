#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# Bad configuration, bad data, no space, nobody there: one clear error, the right exit status, and
# nothing half done.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }

# Every test begins with two rows loaded and a file written, which must stay.
setup() {
    pipelines_setup
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: replace
    key: [code]
    guard: { min_rows: 1 }
    columns: { code: text, qty: { type: int, required: true } }
  export:
    needs: [stock]
    source: { connection: warehouse, query: "select code, qty from t.stock order by 1" }
    target: { file: stock.csv }
YAML
    printf '%s\n' code,qty A,1 B,2 >in.csv
    "$DINER" run -q stock >/dev/null 2>&1 3>&-
    cp -p out/stock.csv before.csv
    sql "create table t.before as select *, xmin::text as x from t.stock" >/dev/null
}

nothing_changed() {
    assert_sql "select count(*) from t.stock s full join t.before b
                on b.code = s.code and b.x = s.xmin::text
                where s.code is null or b.code is null" 0
    cmp out/stock.csv before.csv
    assert_equal "$(ls -A out)" stock.csv
    assert_sql "select count(*) from diner.run where status = 'running'" 0
}

fails_with() { # STATUS "TEXT OF THE ERROR" ["HINT"]
    run --separate-stderr "$DINER" run stock
    assert_status "$1"
    assert_stderr_has "$2"
    [ -z "${3:-}" ] || assert_stderr_has "hint: $3"
    assert_equal "$(grep -c '^diner: ' <<<"$stderr")" 1 # one error
    nothing_changed
}

# ---- data ----------------------------------------------------------------------------------------

@test "a missing column" {
    printf '%s\n' code,qtty A,9 >in.csv
    fails_with 1 "in.csv:1: column 'qty': 'qty' is not in the header" \
        "did you mean 'qtty'? the header has: code, qtty"
    assert_stderr_has "stock.export skipped: 'stock' did not succeed"
}

@test "an empty file, a file of blank lines, a header alone" {
    : >in.csv
    fails_with 1 "in.csv' is empty: expected a header"
    printf '\n\n\r\n' >in.csv
    fails_with 1 "in.csv' is empty: expected a header"
    printf 'code,qty\n' >in.csv
    fails_with 9 "stream 'stock' has 0 rows, guard.min_rows is 1" "the old data stays"
}

@test "a directory, nothing there, a file that may not be read" {
    rm in.csv
    fails_with 1 "in.csv' does not exist"
    mkdir in.csv
    fails_with 1 "in.csv' is a directory"
    rmdir in.csv
    sed -i 's/in.csv/in_*.csv/' pipelines/stock.yaml
    fails_with 1 "no file matches '"
    [[ $stderr != *hint:* ]] || fail "$stderr"
    cp pipelines/stock.yaml plain.yaml
    sed -i 's|\.\./in_\*.csv|"${params.in}"|' pipelines/stock.yaml
    echo 'params: { in: { default: "../in_*.csv" } }' >>pipelines/stock.yaml
    fails_with 1 "no file matches '" "put it there, or name another: --param in=FILE"
    mv plain.yaml pipelines/stock.yaml
    [ "$(id -u)" -ne 0 ] || skip "root may read anything"
    sed -i 's/in_\*.csv/in.csv/' pipelines/stock.yaml
    printf '%s\n' code,qty A,9 >in.csv
    chmod 000 in.csv
    fails_with 1 "in.csv"
}

@test "binary garbage, an archive, an executable" {
    head -c 100000 /dev/urandom >in.csv
    fails_with 1 "in.csv: not text: "
    assert_stderr_has "a spreadsheet or archive must be exported as CSV"
    cp /bin/true in.csv
    fails_with 1 "in.csv: not text: "
    { head -c 65536 /dev/urandom | tr -d '\0'; } >in.csv # no NUL to know it by
    fails_with 1 "in.csv: not text: neither UTF-8 nor GB18030" "name the encoding"
}

@test "a line of 1 GiB, in the memory of a small file" {
    { echo code,qty; head -c 1073741824 /dev/zero | tr '\0' a; } >in.csv
    run --separate-stderr /usr/bin/time -o peak -f %M "$DINER" run stock
    assert_status 1
    assert_stderr_has "in.csv:2: the line is longer than 4194304 bytes"
    assert_stderr_has "hint: is it text with line ends?"
    peak=$(tail -n 1 peak)
    grep -q asan <(ldd "$DINER") || [ "$peak" -lt 65536 ] || fail "took $peak KiB"
    nothing_changed
    sed -i 's/file: ..\/in.csv/&, format: jsonl/' pipelines/stock.yaml
    run --separate-stderr /usr/bin/time -o peak -f %M "$DINER" run stock
    rm in.csv
    assert_status 1
    assert_stderr_has "in.csv:2: the line is longer than 16777216 bytes"
    peak=$(tail -n 1 peak)
    grep -q asan <(ldd "$DINER") || [ "$peak" -lt 65536 ] || fail "took $peak KiB"
    nothing_changed
}

@test "more fields than there may be" {
    { echo code,qty; printf 'A,%0.s' {1..5000}; echo; } >in.csv
    fails_with 9 "stream 'stock' has 0 rows, guard.min_rows is 1"
    assert_sql "select reason from diner.reject" "more than 4096 fields (line 2, byte 1)"
}

@test "a file that vanishes or is cut while it is read" {
    sed -i 's/in.csv/in_*.csv/' pipelines/stock.yaml
    for i in {1..60000}; do echo "K$i,$i"; done >body
    { echo code,qty; cat body; } >in_1.csv
    { echo code,qty; cat body; } >in_2.csv
    # The second file goes between the listing and its turn: a fifo holds the first back.
    mv in_1.csv first
    mkfifo in_1.csv
    "$DINER" run stock >out.txt 2>err.txt 3>&- &
    pid=$!
    exec 9>in_1.csv
    rm in_2.csv
    cat first >&9
    exec 9>&-
    wait "$pid" && fail "it succeeded: $(cat err.txt)"
    grep -F "in_2.csv' does not exist" err.txt
    nothing_changed
}

@test "an unterminated quote costs its record, not the file" {
    printf '%s\n' code,qty A,1 '"B,2' C,3 >in.csv
    run --separate-stderr "$DINER" run stock
    assert_status 0
    assert_sql "select reason from diner.reject" "an unterminated quote (line 3, byte 1)"
    assert_rows stock "A,1 B,2 C,3" # B is the old one
}

# ---- space ---------------------------------------------------------------------------------------

@test "no space for the output file" {
    if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=64k none small 2>/dev/null; then
        mounted=1
    else
        skip "needs root to make a small file system"
    fi
    echo old >small/stock.csv
    sed -i "s|file: stock.csv|file: $PWD/small/stock.csv|; s/select code, qty from t.stock order by 1/select repeat('x', 100) as x from generate_series(1, 10000)/" pipelines/stock.yaml
    run --separate-stderr "$DINER" run stock
    content=$(cat small/stock.csv) left=$(ls -A small)
    [ -z "$mounted" ] || umount small
    assert_status 1
    assert_stderr_has "No space left on device"
    assert_stderr_has "hint: "
    assert_equal "$content" old
    assert_equal "$left" stock.csv
    assert_sql "select status from diner.run order by id desc limit 1" failed
}

# ---- who is to be reached ------------------------------------------------------------------------

@test "an unreachable database, a wrong password, a database that is not there" {
    DINER_DSN=postgresql://diner:sesame1@127.0.0.1:1/x fails_with_database 6 "cannot connect to the database"
    assert_stderr_has "Connection refused"
    DINER_DSN=postgresql://diner:sesame1@no-such-host.invalid/x fails_with_database 6 "no-such-host.invalid"
    DINER_DSN="$(dev_dsn | sed 's|/diner?|/nowhere?|')" fails_with_database 6 'database "nowhere" does not exist'
    nothing_changed
    conf=$DINER_DEV_DIR/pg/data/pg_hba.conf
    cp "$conf" hba.before
    echo 'local all all scram-sha-256' >"$conf"
    kill -HUP "$(dev_postgres_pid)"
    sleep 0.5
    DINER_DSN="$(dev_dsn)&password=sesame1" run --separate-stderr "$DINER" run stock
    cat hba.before >"$conf"
    kill -HUP "$(dev_postgres_pid)"
    sleep 0.5
    assert_status 4
    assert_stderr_has "password authentication failed"
    refute_stderr_has sesame1
    nothing_changed
}
fails_with_database() { # STATUS TEXT
    run --separate-stderr "$DINER" run stock
    assert_status "$1"
    assert_stderr_has "$2"
    refute_stderr_has sesame1
    assert_stdout_is ""
}

@test "an unreachable platform, a wrong password there" {
    pipeline pull <<'YAML'
streams: { s: { source: { connector: platform, resource: stores }, columns: { code: text } } }
YAML
    DINER_PLATFORM_URL=http://127.0.0.1:1 DINER_RETRY_MAX=1 DINER_RETRY_BASE=1ms \
        run --separate-stderr "$DINER" run pull
    assert_status 5
    assert_stderr_has "127.0.0.1:1"
    DINER_PLATFORM_PASSWORD=sesame12 run --separate-stderr "$DINER" run pull -vvv
    assert_status 4
    refute_stderr_has sesame12
    assert_sql "select to_regclass('t.s') is null" t
    sed -i 's/resource: stores/resource: shops/' pipelines/pull.yaml
    run --separate-stderr "$DINER" run pull
    assert_status 3
    assert_stderr_has "connector 'platform' has no resource 'shops'"
    sed -i 's/connector: platform/connector: platfrom/' pipelines/pull.yaml
    run --separate-stderr "$DINER" run pull
    assert_status 3
    assert_stderr_has "platfrom"
    nothing_changed
}

@test "a table somebody holds: waited for, then given up" {
    psql -X -q -d "$(dev_dsn)" -c "begin; lock t.stock; select pg_sleep(20)" >/dev/null 2>&1 3>&- &
    holder=$!
    wait_for 5 sh -c "[ \"\$(psql -XAtqd '$(dev_dsn)' -c \"select count(*) from pg_locks where relation = 't.stock'::regclass and mode = 'AccessExclusiveLock'\")\" = 1 ]"
    printf '%s\n' code,qty A,9 B,2 >in.csv
    DINER_DATABASE_LOCK_TIMEOUT=200ms run --separate-stderr "$DINER" run stock
    psql -X -q -d "$(dev_dsn)" -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()" >/dev/null
    wait "$holder" || true
    assert_status 6
    assert_stderr_has "lock timeout"
    nothing_changed
}

# ---- configuration -------------------------------------------------------------------------------

@test "bad configuration: unknown key, wrong value, a secret others can read, nothing" {
    cat >diner.yaml <<'YAML'
timezone: Asia/Shangai
pipeline_pth: [pipelines]
database: { lock_timeout: soon }
YAML
    DINER_CONFIG=$PWD/diner.yaml run --separate-stderr "$DINER" run stock
    assert_status 3
    assert_stderr_matches "diner.yaml:[0-9]+:[0-9]+: "
    DINER_CONFIG=$PWD/diner.yaml run --separate-stderr "$DINER" config check
    assert_status 3
    all=$output$stderr
    [[ $all == *"diner.yaml:2:1: unknown setting 'pipeline_pth'"* ]] || fail "no unknown key"
    [[ $all == *"did you mean 'pipeline_path'?"* ]] || fail "no suggestion"
    printf 'connections: { warehouse: { dsn: "postgresql://u:sesame1@h/x" } }\n' >diner.yaml
    chmod 644 diner.yaml
    DINER_CONFIG=$PWD/diner.yaml run --separate-stderr "$DINER" run stock
    assert_status 3
    assert_stderr_has "diner.yaml:1:34: 'dsn' holds a secret and the file can be read by others"
    assert_stderr_has "chmod 600"
    refute_stderr_has sesame1
    DINER_CONFIG=$PWD/none.yaml run --separate-stderr "$DINER" run stock
    assert_status 3
    assert_stderr_has "none.yaml"
    DINER_CONFIG=/dev/null run --separate-stderr "$DINER" run stock
    assert_status 3
    assert_stderr_has "connection 'warehouse' is not configured"
    nothing_changed
}

@test "a database without diner's tables" {
    psql -X -q -d "$(dev_dsn)" -c "create database bare" >/dev/null
    DINER_DSN="$(dev_dsn | sed 's|/diner?|/bare?|')" run --separate-stderr "$DINER" run stock
    psql -X -q -d "$(dev_dsn)" -c "drop database bare" >/dev/null
    [ "$status" -ne 0 ]
    assert_stderr_has "diner db migrate"
    nothing_changed
}
