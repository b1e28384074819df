#!/usr/bin/env bats
# diner doctor: all well, and each thing that may be wrong, with its mending.
load ../helper

setup_file() { dev_start --orders 20; }
teardown_file() { dev_stop; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

result_of() { jq -r --arg check "$1" '.[] | select(.check == $check) | .result' <<<"$output"; }
mend_of() { jq -r --arg check "$1" '.[] | select(.check == $check) | .mend' <<<"$output"; }
with_setting() { # YAML: the environment's configuration with more; prints its path
    { cat "$DINER_DEV_DIR/diner.yaml"; echo "$1"; } >changed.yaml
    chmod 600 changed.yaml
}

@test "all well: every check ok, exit 0" {
    run --separate-stderr "$DINER" doctor -o json
    assert_status 0
    assert_json 'length >= 9 and all(.result == "ok")'
    for check in configuration "time zone" GB18030 output_dir PostgreSQL migrations clock platform pipelines; do
        assert_equal "$(result_of "$check")" ok
    done
    assert_stderr_has "doctor: "
}

@test "all well in cron's environment, too" {
    run --separate-stderr as_cron "$DINER" doctor
    assert_status 0
    assert_stdout_has "login accepted"
    refute_stdout_has fail
}

@test "a zone that does not exist" {
    with_setting "timezone: Asia/Nowhere"
    run --separate-stderr "$DINER" --config changed.yaml doctor -o json
    assert_status 9
    assert_equal "$(result_of "time zone")" fail
    assert_stderr_has "checks failed"
}

@test "an output directory that is not there" {
    sed 's#^output_dir:.*#output_dir: /nonexistent/out#' "$DINER_CONFIG" >changed.yaml
    chmod 600 changed.yaml
    run --separate-stderr "$DINER" --config changed.yaml doctor -o json
    assert_status 9
    assert_equal "$(result_of output_dir)" fail
    assert_equal "$(result_of PostgreSQL)" ok
}

@test "a database without the tables" {
    sql "CREATE DATABASE bare"
    DINER_DSN="postgresql:///bare?host=$DINER_DEV_DIR/pg&user=diner" \
        run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_equal "$(result_of migrations)" fail
    assert_equal "$(mend_of migrations)" "run 'diner db migrate'"
}

@test "no database: said once, the rest is still checked, no password shown" {
    DINER_DSN="postgresql://u:hunter22@127.0.0.1:1/x" run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_equal "$(result_of PostgreSQL)" fail
    assert_equal "$(result_of platform)" ok
    refute_stdout_has hunter22
    refute_stderr_has hunter22
}

@test "a wrong password at the platform, a platform that is not there" {
    DINER_PLATFORM_PASSWORD=wrong-password run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_equal "$(result_of platform)" fail
    refute_stdout_has wrong-password
    DINER_PLATFORM_URL=http://127.0.0.1:1 DINER_RETRY_MAX=0 run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_equal "$(result_of platform)" fail
    assert_equal "$(result_of PostgreSQL)" ok
}

@test "a pipeline that is wrong is named with its line; none at all is a warning" {
    mkdir pipes
    printf 'version: 1\nname: broken\nstreamz: {}\n' >pipes/broken.yaml
    DINER_PIPELINE_PATH=$PWD/pipes run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_equal "$(result_of pipeline)" fail
    assert_stdout_has "broken.yaml:3:1"
    rm pipes/broken.yaml
    DINER_PIPELINE_PATH=$PWD/pipes run --separate-stderr "$DINER" doctor -o json
    assert_status 0
    assert_equal "$(result_of pipelines)" warn
    assert_stderr_has "1 warning"
}

@test "a file for Prometheus whose directory is not there" {
    with_setting "metrics: { textfile: /nonexistent/diner.prom }"
    run --separate-stderr "$DINER" --config changed.yaml doctor -o json
    assert_status 9
    assert_equal "$(result_of metrics.textfile)" fail
    with_setting "metrics: { textfile: $PWD/diner.prom }"
    run --separate-stderr "$DINER" --config changed.yaml doctor -o json
    assert_status 0
    assert_equal "$(result_of metrics.textfile)" ok
}
