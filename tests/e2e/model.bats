#!/usr/bin/env bats
# Random pipelines over random files against the reference of tests/model: rows and counts the same.
load ../helper

setup_file() { dev_start; }
teardown_file() { dev_stop; }

# DINER_MODEL_SEED and DINER_MODEL_RUNS look elsewhere and for longer.
@test "500 random pipelines do what the slow reference does" {
    cd "$BATS_TEST_TMPDIR" || return 1
    local runs=500
    case $DINER in */san/*) runs=100 ;; esac
    run "$PROJECT/tests/model/model.py" "$DINER" "$(dev_dsn)" --runs "${DINER_MODEL_RUNS:-$runs}" \
        --seed "${DINER_MODEL_SEED:-1}" --keep files
    assert_status 0
    assert_stdout_has "0 differences"
}

@test "100 random streams from tables that change: cursors, windows, children, kills, shards, replays" {
    cd "$BATS_TEST_TMPDIR" || return 1
    local runs=100
    case $DINER in */san/*) runs=20 ;; esac
    printf 'connections:\n  warehouse: { dsn: "%s" }\n  erp: { dsn: "%s" }\n' "$(dev_dsn)" "$(dev_dsn)" >diner.yaml
    chmod 600 diner.yaml
    DINER_CONFIG=$PWD/diner.yaml run "$PROJECT/tests/model/tables.py" "$DINER" "$(dev_dsn)" \
        --runs "${DINER_MODEL_RUNS:-$runs}" --seed "${DINER_MODEL_SEED:-1}"
    assert_status 0
    assert_stdout_has "0 differences"
}
