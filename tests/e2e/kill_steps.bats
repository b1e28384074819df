#!/usr/bin/env bats
# Each step of a run is its last one: the run is killed, or its connection breaks, before and after the n-th
# request to PostgreSQL, for every n; and around the COMMIT for every kind of source x mode x target. Right
# after it the target is the old one or the new one; the next run ends with the new one.
load ../helper

setup_file() { dev_start; }
teardown_file() { dev_stop; }

steps() { # walk|sources MODES
    local modes=$2
    case $DINER in */san/*) modes=merge,swap,api ;; esac
    cd "$BATS_TEST_TMPDIR" || return 1
    run "$PROJECT/tests/e2e/kill_steps.py" "$DINER" "$DINER_CONFIG" "$DINER_DEV_DIR/pg" "$1" --modes "$modes"
    assert_status 0
    assert_stdout_matches '^[1-9][0-9]+ rounds, 0 differences$'
}

@test "every mode and target: killed, cut off, or its answer lost at each request of a run" {
    steps walk append,merge,replace,swap,scd2,partition,window,file,api
}

@test "connect #4666: every source x mode x target: killed or its answer lost at the COMMIT, and a source that breaks off" {
    steps sources append,merge,replace,swap,scd2,partition,merge_window,scd2_window,window,file,api
}
