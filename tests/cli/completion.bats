#!/usr/bin/env bats
# diner completion: scripts that their shells accept, names that they ask for.
load ../helper

setup() {
    cd "$PROJECT" || return 1
    ln -s "$DINER" "$BATS_TEST_TMPDIR/diner"
    export PATH=$BATS_TEST_TMPDIR:$PATH # the scripts ask the diner of PATH
}

complete_bash() { # WORD...: what bash would offer for the last word
    bash -c '
        source <("$DINER" completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        spec=$(complete -p diner)
        function=${spec#*-F }
        ${function%% *} diner "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

@test "bash: the script is valid and offers commands and options" {
    run --separate-stderr "$DINER" completion bash
    assert_status 0
    assert_stderr_is ""
    bash -n <(echo "$output")
    run --separate-stderr complete_bash diner doc
    assert_stdout_has doctor
    run --separate-stderr complete_bash diner dev ""
    assert_stdout_has seed
    assert_stdout_has status
    refute_stdout_has doctor
    run --separate-stderr complete_bash diner dev seed --
    assert_stdout_has "--orders"
}

@test "bash: pipeline names come from the pipeline path" {
    run --separate-stderr complete_bash diner run nig
    assert_stdout_has nightly
}

@test "zsh and fish: scripts are printed, and valid where the shell is there" {
    run --separate-stderr "$DINER" completion zsh
    assert_status 0
    assert_stdout_has "#compdef diner"
    if command -v zsh >/dev/null; then zsh -n <(echo "$output"); fi
    run --separate-stderr "$DINER" completion fish
    assert_status 0
    assert_stdout_has "complete -c diner"
    if command -v fish >/dev/null; then fish -n <(echo "$output"); fi
}

@test "hidden commands are not offered" {
    run --separate-stderr complete_bash diner ""
    assert_stdout_has schedule
    refute_stdout_has __complete
    refute_stdout_has __docs
}

@test "names: pipelines, settings, nothing for what is unknown; never an error" {
    run --separate-stderr "$DINER" __complete pipelines
    assert_status 0
    assert_stderr_is ""
    assert_stdout_has nightly
    refute_stdout_has .yaml
    run --separate-stderr "$DINER" __complete settings
    assert_status 0
    assert_stdout_has http.timeout
    run --separate-stderr "$DINER" __complete stores
    assert_status 0
    assert_stdout_is ""
    DINER_CONFIG=/nonexistent.yaml run --separate-stderr "$DINER" __complete pipelines
    assert_status 0
    assert_stdout_is ""
    assert_stderr_is ""
}

@test "an unknown shell is refused with those there are" {
    run --separate-stderr "$DINER" completion tcsh
    assert_status 2
    assert_stdout_is ""
    assert_stderr_has bash
}

@test "works without HOME, terminal and configuration" {
    run --separate-stderr as_cron "$DINER" completion bash
    assert_status 0
    assert_stderr_is ""
}
