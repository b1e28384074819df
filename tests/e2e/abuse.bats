#!/usr/bin/env bats
# Every operation of the platform's document, called by those who mean no good: nothing changes, and
# the others do not wait.
load ../helper

# A server whose secret the test knows, so that it can write tokens that have expired.
setup_file() {
    dev_start --orders 20 --seed 5
    export DINER_JWT_SECRET=known-to-the-test-and-to-its-server-only
    DINER_RATE_MINUTE=1000000/m DINER_RATE_HOUR=9000000/h "$DINER" serve --listen 127.0.0.1:0 \
        --port-file "$FILE_DIR/port" >/dev/null 2>"$FILE_DIR/log" 3>&- &
    export SERVER_PID=$!
    wait_for 20 test -s "$FILE_DIR/port"
}
teardown_file() {
    kill "$SERVER_PID" && wait "$SERVER_PID"
    dev_stop
}

@test "every operation refuses what it must, names why, and changes nothing" {
    ABUSE_PORT=$(cat "$FILE_DIR/port") run "$PROJECT/tests/e2e/abuse.py" "$PROJECT/lib/platform/openapi.yaml" 3>&-
    [ "$status" -eq 0 ] || fail "$(grep -A6 "^not ok" <<<"$output")"
    grep "^# [0-9]* requests" <<<"$output" >&3
    assert_stdout_has "ok"
}
