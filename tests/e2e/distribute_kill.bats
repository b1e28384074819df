#!/usr/bin/env bats
# kill -9 of workers, of who leads, and of PostgreSQL at random instants of distributed runs, in every mode:
# what is there at the end is what a run by itself gives, each row once. KILL_SEED repeats the instants,
# KILL_ROUNDS says how many (4).
bats_require_minimum_version 1.5.0
load ../helper
load ../cli/pipelines
load distribute

WINDOW='--from 2026-02-01T00:00:00Z --to 2026-02-08T00:00:00Z'

setup_file() {
    export KILL_SEED=${KILL_SEED:-$((RANDOM * 32768 + RANDOM))} KILL_ROUNDS=${KILL_ROUNDS:-4}
    export DINER_DISTRIBUTE_LEASE=2s DINER_DISTRIBUTE_LOST_MAX=100
    echo "# KILL_SEED=$KILL_SEED" >&3
    dev_start
}
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    RANDOM=$((KILL_SEED % 32768 + BATS_TEST_NUMBER))
    cells 0.05
    feed
    # shellcheck disable=SC2086
    diner_run cells $WINDOW
    assert_status 0
    cells_snapshot alone
    cells_clear
}
teardown() { workers_stop; }

pause() { sleep "$(printf '%d.%03d' $((RANDOM % $1 / 1000)) $((RANDOM % 1000)))"; }
log_on_failure() { "$@" || { sql "table diner.run; table diner.task; table diner.worker" >&2; tail -n 80 workers.log >&2; return 1; }; }
is_over() { [[ $(sql "select status from diner.run order by id desc limit 1" 2>/dev/null) =~ succeeded|failed|partial|interrupted ]]; }
# Three workers, whatever became of those before.
three_workers() {
    local pid alive=()
    for pid in "${WORKERS[@]}"; do
        if is_alive "$pid"; then alive+=("$pid"); else wait "$pid" 2>/dev/null || true; fi
    done
    WORKERS=("${alive[@]}")
    while [ "${#WORKERS[@]}" -lt 3 ]; do worker; done
}
assert_same_as_alone() {
    if [ "$(sql "select status from diner.run order by id desc limit 1")" != succeeded ]; then
        sql "table diner.run; select stream, status, error from diner.run_stream; select * from diner.task where state <> 'done'" >&2
        tail -n 50 workers.log >&2
    fi
    assert_sql "select status from diner.run order by id desc limit 1" succeeded
    cells_snapshot now
    diff alone now >&2 || {
        tail -n 50 workers.log >&2
        return 1
    }
    # Nobody did a part twice, and the run ended once.
    assert_sql "select count(*) from diner.run" 1
    assert_sql "select count(*) from diner.task where state <> 'done'" 0
}

@test "workers are killed, the one that leads among them" {
    for _ in $(seq "$KILL_ROUNDS"); do
        three_workers
        # shellcheck disable=SC2086
        "$DINER" run cells $WINDOW --distribute --detach >/dev/null 2>&1
        for _ in 1 2 3; do
            pause 2000
            victim=${WORKERS[RANDOM % ${#WORKERS[@]}]}
            kill -KILL "$victim"
            wait "$victim" 2>/dev/null || true # else it may seem alive a moment longer
            three_workers
        done
        log_on_failure wait_for 120 is_over
        assert_same_as_alone
        cells_clear
    done
}

@test "PostgreSQL is killed" {
    for _ in $(seq "$KILL_ROUNDS"); do
        three_workers
        # shellcheck disable=SC2086
        "$DINER" run cells $WINDOW --distribute --detach >/dev/null 2>&1
        pause 4000
        kill -KILL "$(dev_postgres_pid)"
        (cd "$PROJECT" && "$DINER" dev up) >/dev/null 2>&1 3>&-
        three_workers
        log_on_failure wait_for 120 is_over
        assert_same_as_alone
        cells_clear
    done
}
