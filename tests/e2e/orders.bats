#!/usr/bin/env bats
# Orders and stock under chaos: whatever is killed when, the books agree at the end. DINER_CHAOS_SECONDS makes it
# longer, DINER_CHAOS_SEED repeats a run.
load ../helper

setup_file() {
    export DINER_RATE_INTEGRATION_MINUTE=1000000/m DINER_RATE_INTEGRATION_HOUR=9000000/h
    dev_start --orders 20 --seed 5
}
teardown_file() { dev_stop; }

@test "16 clients, kills of clients, server, PostgreSQL and jobs: stock, money, histories and events agree" {
    seed=${DINER_CHAOS_SEED:-$RANDOM}
    run "$PROJECT/tests/e2e/orders_chaos.py" "$DINER" "${DINER_CHAOS_SECONDS:-0}" "$seed" 3>&-
    echo "$output" >&3
    assert_status 0
    assert_stdout_has "the books agree"
}
