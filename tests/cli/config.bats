#!/usr/bin/env bats
# diner config show|check: precedence, origins, secrets, mistakes.
load ../helper

setup_file() { file_dir; }
teardown_file() { file_dir_remove; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME"
}

value_of() { # SETTING [ARGUMENT...]: "value|origin"
    local name=$1
    shift
    "$DINER" "$@" config show --origin -o json "$name" | jq -r '.[0] | .value + "|" + .origin'
}

@test "precedence: environment, named file, ./diner.yaml, XDG, default" {
    assert_equal "$(value_of http.timeout)" "5s|default"
    mkdir -p "$HOME/.config/diner"
    echo 'http: { timeout: 9s }' >"$HOME/.config/diner/diner.yaml"
    assert_equal "$(value_of http.timeout)" "9s|$HOME/.config/diner/diner.yaml:1:18"
    echo 'http: { timeout: 8s }' >diner.yaml
    assert_equal "$(value_of http.timeout)" "8s|diner.yaml:1:18"
    printf 'http:\n  timeout: 7s\n' >named.yaml
    assert_equal "$(value_of http.timeout --config named.yaml)" "7s|named.yaml:2:12"
    assert_equal "$(DINER_CONFIG=named.yaml value_of http.timeout)" "7s|named.yaml:2:12"
    assert_equal "$(DINER_HTTP_TIMEOUT=6s value_of http.timeout --config named.yaml)" \
        "6s|env DINER_HTTP_TIMEOUT"
}

@test "show: all settings as a table, a group, one; a wrong name is an error" {
    run --separate-stderr "$DINER" config show
    assert_status 0
    assert_stderr_is ""
    assert_stdout_has SETTING
    assert_stdout_has rate.minute
    refute_stdout_has ORIGIN
    run --separate-stderr "$DINER" config show -o jsonl page
    assert_status 0
    assert_equal "$(jq -r .setting <<<"$output" | sort | tr '\n' ' ')" "page.size page.size_max "
    run --separate-stderr "$DINER" config show nonsense
    assert_status 1
    assert_stderr_has "there is no setting 'nonsense'"
}

@test "an unknown key: file, line, column, suggestion, exit 3, nothing on stdout" {
    printf 'currency: CNY\nplatform:\n  ulr: http://x\n' >diner.yaml
    run --separate-stderr "$DINER" config check
    assert_status 3
    assert_stdout_is ""
    assert_stderr_has "diner.yaml:3:3"
    assert_stderr_has "did you mean 'platform.url'?"
}

@test "a duplicate key, a wrong value, no YAML at all: one clear error each" {
    printf 'currency: CNY\ncurrency: USD\n' >diner.yaml
    run --separate-stderr "$DINER" config show
    assert_status 3
    assert_stderr_has "diner.yaml:2:1"
    printf 'http:\n  timeout: soon\n' >diner.yaml
    run --separate-stderr "$DINER" config show
    assert_status 3
    assert_stderr_has "diner.yaml:2:12"
    assert_stderr_has soon
    printf 'a: [1, 2\n' >diner.yaml
    run --separate-stderr "$DINER" config show
    assert_status 3
    assert_stderr_has "diner.yaml:"
    head -c 4096 /dev/urandom >diner.yaml
    run --separate-stderr "$DINER" config show
    assert_status 3
    assert_stdout_is ""
}

@test "a wrong value in the environment names the variable" {
    run --separate-stderr env DINER_PAGE_SIZE=many "$DINER" config show
    assert_status 3
    assert_stderr_has DINER_PAGE_SIZE
}

@test "a file that does not exist or is a directory" {
    run --separate-stderr "$DINER" --config none.yaml config show
    assert_status 3
    assert_stderr_has "'none.yaml'"
    run --separate-stderr "$DINER" --config . config show
    assert_status 3
    assert_stdout_is ""
}

@test "secrets are shown as references or ****, never as themselves" {
    printf 'connections:\n  warehouse: "postgresql://u:hunter22@db/x"\nplatform:\n  password: env:PLATFORM_PW\n' >diner.yaml
    chmod 600 diner.yaml
    run --separate-stderr env PLATFORM_PW=swordfish "$DINER" config show --origin
    assert_status 0
    refute_stdout_has hunter22
    refute_stdout_has swordfish
    assert_stdout_has "postgresql://u:****@db/x"
    assert_stdout_has env:PLATFORM_PW
}

@test "a literal secret in a file that others can read is refused" {
    printf 'platform:\n  password: hunter22\n' >diner.yaml
    chmod 644 diner.yaml
    run --separate-stderr "$DINER" config check
    assert_status 3
    assert_stderr_has "diner.yaml:2:13"
    assert_stderr_has "chmod 600"
    refute_stderr_has hunter22
    chmod 600 diner.yaml
    run --separate-stderr "$DINER" config check
    assert_status 0
}

@test "check: a secret that cannot be had, a zone that does not exist" {
    printf 'platform:\n  password: file:/nonexistent/pw\n' >diner.yaml
    run --separate-stderr "$DINER" config check
    assert_status 3
    assert_stderr_has "platform.password"
    assert_stderr_has "/nonexistent/pw"
    printf 'timezone: Asia/Shangai\n' >diner.yaml
    run --separate-stderr "$DINER" config check
    assert_status 3
    assert_stderr_has Asia/Shangai
}

@test "check: in order, and said so" {
    printf 'connections:\n  warehouse: "postgresql:///x"\n' >diner.yaml
    mkdir pipelines
    run --separate-stderr "$DINER" config check
    assert_status 0
    assert_stdout_is ""
    assert_stderr_has "diner.yaml is in order"
}

@test "the commented example is valid, whole, and changes nothing" {
    # Uncommented, every setting comes from the file, with the value it has without it.
    sed -E 's/^#( *[a-z0-9_]+:.*)$/\1/' "$PROJECT/configs/diner.yaml" >all.yaml
    chmod 600 all.yaml
    run --separate-stderr env WAREHOUSE_PASSWORD=x PLATFORM_PASSWORD=y "$DINER" --config all.yaml \
        config show --origin -o json
    assert_status 0
    assert_stderr_is ""
    assert_json 'map(select(.origin | startswith("all.yaml") | not) | .setting) == ["state_dir"]'
    "$DINER" config show -o csv pipeline_path connector_path http retry breaker database page token \
        rate orders rejects guard perf schedule log timezone business_day currency >defaults
    "$DINER" --config all.yaml config show -o csv pipeline_path connector_path http retry breaker \
        database page token rate orders rejects guard perf schedule log timezone business_day \
        currency >uncommented
    diff defaults uncommented
    run --separate-stderr "$DINER" --config "$PROJECT/configs/diner.yaml" config show
    assert_status 0
}

@test "in cron's environment: no HOME, no terminal, a bare PATH" {
    run --separate-stderr as_cron "$DINER" config show timezone
    assert_status 0
    assert_stdout_has Asia/Shanghai
    assert_stderr_is ""
}
