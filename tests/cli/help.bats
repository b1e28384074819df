#!/usr/bin/env bats
# Help, version, misuse, and the documents made from the tables.
load ../helper

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

all_commands() { # every command that has a page, as words
    "$DINER" __docs man "$BATS_TEST_TMPDIR/man" 2>/dev/null
    find "$BATS_TEST_TMPDIR/man" -name '*.1' -printf '%f\n' | sed 's/\.1$//'
}

@test "the tables of commands, settings, pipelines and connectors are sound" {
    run --separate-stderr "$DINER" __docs check
    assert_status 0
    assert_stdout_is ""
    assert_stderr_is ""
}

@test "version, within 100 ms, without configuration" {
    run --separate-stderr as_cron "$DINER" --version
    assert_status 0
    assert_stdout_matches '^diner [0-9]+\.[0-9]+\.[0-9]+'
    assert_stderr_is ""
    DINER_CONFIG=/nonexistent run --separate-stderr "$DINER" version
    assert_status 0
}

@test "help goes to stdout and exits 0, however it is asked for" {
    for way in "--help" "-h" "help" "help dev" "dev --help" "dev up -h" "help config show" "orders list --help"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" $way
        assert_status 0
        assert_stdout_has "usage: diner"
        assert_stderr_is ""
    done
}

@test "help exit-codes lists each code that the program gives" {
    run --separate-stderr "$DINER" help exit-codes
    assert_status 0
    for code in 0 1 2 3 4 5 6 7 8 9 70 130; do
        assert_stdout_matches "(^|[[:space:]])$code([[:space:]]|\$)"
    done
}

@test "help api-errors has every code that the database's functions answer" {
    run --separate-stderr "$DINER" help api-errors
    assert_status 0
    assert_stdout_has "insufficient_stock (409)"
    count=0
    for code in $(grep -rhoE --exclude='reconcile_*' "problem := '[a-z_]+'|THEN '(unknown|wrong|insufficient|duplicate|inactive|forbidden|corrected)_[a-z_]+'" \
        "$PROJECT/lib/domain/migrations" "$PROJECT/lib/domain/sql" | grep -oE "'[a-z_]+'" | tr -d "'" | sort -u); do
        assert_stdout_matches "(^|[[:space:]])$code \\("
        count=$((count + 1))
    done
    [ "$count" -gt 10 ] || fail "only $count codes"
}

@test "every command has help with a summary and an example" {
    count=0
    for page in $(all_commands); do
        words=${page//-/ }
        case $page in diner) words=diner ;; diner-perf-report*) words="diner perf-report" ;; esac
        words=${words/auto cancel/auto-cancel} words=${words/dead letters/dead-letters}
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" ${words#diner} --help
        assert_status 0
        assert_stdout_has "usage: "
        # A group's examples are those of its commands.
        [[ $output == *"commands:"* ]] || assert_stdout_has "examples:"
        count=$((count + 1))
    done
    [ "$count" -gt 30 ] || fail "only $count pages"
}

@test "misuse: a short usage and a suggestion on stderr, exit 2, nothing on stdout" {
    run --separate-stderr "$DINER" dcotor
    assert_status 2
    assert_stdout_is ""
    assert_stderr_has doctor
    run --separate-stderr "$DINER" dev seed --order 3
    assert_status 2
    assert_stdout_is ""
    assert_stderr_has "--orders"
    run --separate-stderr "$DINER" dev seed --orders many
    assert_status 2
    assert_stderr_has many
    run --separate-stderr "$DINER" completion
    assert_status 2
    assert_stdout_is ""
}

@test "a pipe that closes early is silent, a full disk is not" {
    # shellcheck disable=SC2016
    run --separate-stderr bash -c 'set -o pipefail; "$DINER" config show | head -1 >/dev/null; exit "${PIPESTATUS[0]}"'
    assert_stderr_is ""
    [ "$status" -eq 0 ] || [ "$status" -eq 141 ] || fail "expected 0 or SIGPIPE"
    # shellcheck disable=SC2016
    run --separate-stderr bash -c '"$DINER" config show >/dev/full'
    assert_status 1
    assert_stderr_has "No space left"
}

@test "the man pages are well-formed" {
    all_commands >pages
    assert_file man/diner.1
    assert_file man/diner-dev-up.1
    if command -v groff >/dev/null; then
        for page in man/*.1; do
            run groff -man -ww -z "$page"
            assert_equal "$output" ""
        done
    fi
    grep -q '^\.TH' man/diner-dev-up.1
}

@test "reference, JSON and schemas are written, whole and valid" {
    run --separate-stderr "$DINER" __docs reference out
    assert_status 0
    assert_stdout_is ""
    assert_stderr_is ""
    for file in commands settings pipelines connectors; do assert_file "out/$file.md"; done
    grep -q 'diner dev seed' out/commands.md
    grep -q 'schedule.nightly' out/settings.md
    run --separate-stderr "$DINER" __docs json out
    assert_status 0
    jq -e . out/commands.json >/dev/null
    run --separate-stderr "$DINER" __docs schema out
    assert_status 0
    for file in settings pipeline connector; do jq -e '."$schema"' "out/$file.schema.json" >/dev/null; done
    run --separate-stderr "$DINER" __docs completions out
    assert_status 0
    for file in diner.bash _diner diner.fish; do assert_file "out/$file"; done
}

@test "documents into a directory that cannot be made: one error, exit 1" {
    touch file
    run --separate-stderr "$DINER" __docs man file/sub
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "file/sub"
}
