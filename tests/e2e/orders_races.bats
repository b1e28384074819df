#!/usr/bin/env bats
# Two things at the same instant to the same order, DINER_RACE_ROUNDS times; DINER_CHAOS_SEED repeats a run.
load ../helper

setup_file() { dev_start --orders 20 --seed 6; }
teardown_file() { dev_stop; }

@test "cancel twice, callback twice, payment against auto-cancel: one of them, once" {
    run "$PROJECT/tests/e2e/orders_races.py" "$DINER" "${DINER_RACE_ROUNDS:-6}" "${DINER_CHAOS_SEED:-$RANDOM}" 3>&-
    echo "$output" >&3
    assert_status 0
    assert_stdout_has "the books agree"
}
