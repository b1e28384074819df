#!/usr/bin/env bats
# diner rejects: list, show, export.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, phone: "numeric(5,0)", qty: int }
YAML
    printf '%s\n' code,phone,qty A,1,1 B,13812345678,2 C,3,x '"D,4' >in.csv
    "$DINER" run -q stock >/dev/null 3>&-
}

@test "list: newest first, with line, column, value and reason; phones masked" {
    run --separate-stderr "$DINER" rejects list -o json
    assert_status 0
    assert_json '[.[] | [.line, .column, .value, .reason]] == [
        [5, null, null, "an unterminated quote (line 5, byte 1)"],
        [4, "qty", "x", "not a number"],
        [3, "phone", "138****5678", "more digits than the type allows"]]'
    assert_json 'all(.[]; .pipeline == "stock" and .stream == "stock" and (.origin | endswith("in.csv")))'
    run --separate-stderr "$DINER" rejects list --raw -o json
    assert_json '.[2].value == "13812345678"'
    run --separate-stderr "$DINER" rejects list --limit 1 -o json
    assert_json 'length == 1'
}

@test "list: by pipeline, stream and run; a job's run has those of its steps" {
    job night <<<'steps: [ { run: stock } ]'
    "$DINER" run -q night >/dev/null 3>&-
    for filter in "--pipeline stock" "--stream stock" "--run 2" "--run 3"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" rejects list $filter -o json
        assert_status 0
        assert_json 'length == 3'
    done
    for filter in "--pipeline x" "--stream x" "--run 1"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" rejects list $filter -o json
        assert_status 0
        assert_json 'length == 0'
    done
    run --separate-stderr "$DINER" rejects list --run abc
    assert_status 2
    assert_stderr_has "option '--run': expected a whole number, found 'abc'"
}

@test "show: one whole, its raw record masked unless asked for" {
    run --separate-stderr "$DINER" rejects show 1 -o json
    assert_status 0
    assert_json 'map({(.field): .value}) | add | .raw == "B,138****5678,2" and .line == "3"
        and .column == "phone" and .key == "{\"code\": \"B\"}" and .times_seen == "1" and .run_failed == "f"'
    run --separate-stderr "$DINER" rejects show 1 --raw -o json
    assert_json 'map({(.field): .value}) | add | .raw == "B,13812345678,2"'
    run --separate-stderr "$DINER" rejects show 99
    assert_status 1
    assert_stderr_is "diner: there is no reject 99"
    run --separate-stderr "$DINER" rejects show x
    assert_status 2
}

@test "export: JSON lines to standard output or whole into a file" {
    run --separate-stderr "$DINER" rejects export
    assert_status 0
    assert_stderr_is "3 rejects written"
    assert_equal "$(jq -c '[.line, .column, .raw]' <<<"$output")" \
        '[3,"phone","B,138****5678,2"]
[4,"qty","C,3,x"]
[5,null,"\"D,4"]'
    run --separate-stderr "$DINER" rejects export --raw --out-file out/r.jsonl
    assert_status 0
    assert_stdout_is ""
    assert_stderr_is "3 rejects written to out/r.jsonl"
    assert_equal "$(jq -r .value out/r.jsonl | head -n 1)" 13812345678
    run --separate-stderr "$DINER" rejects export --out-file nowhere/r.jsonl
    assert_status 1
    assert_stderr_has "cannot create 'nowhere/"
    run --separate-stderr "$DINER" rejects export --out-file /dev/full
    assert_status 1
    assert_stderr_has "/dev/full"
}
