#!/usr/bin/env bats
# Mixed load at 80 % of what the machine takes: flat memory, nothing left open, no error.
# DINER_SOAK_SECONDS makes it longer.
load ../helper

setup_file() {
    # AddressSanitizer keeps what was freed, 256 MiB of it: its growth is not the server's.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:thread_local_quarantine_size_kb=16"
    dev_start --orders 20 --seed 5
}
teardown_file() { dev_stop; }

@test "orders made, paid, cancelled, refunded, timed out and read, stock read and adjusted, for a while" {
    run "$PROJECT/tests/e2e/soak.py" "$DINER" "${DINER_SOAK_SECONDS:-60}" 3>&-
    echo "$output" >&3
    assert_status 0
    assert_stdout_has "flat, nothing left open, no error"
}
