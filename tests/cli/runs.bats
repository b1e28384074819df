#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner runs: list, show.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    pipeline good <<<'streams: { s: { source: { connection: warehouse, query: select 1 as n }, mode: replace } }'
    pipeline bad <<<'streams: { s: { source: { file: none.csv }, columns: { a: text } }, t: { source: { connection: warehouse, query: select 1 as n }, needs: [s] } }'
    job night <<<'steps: [ { run: good }, { run: bad }, { run: good, needs: [bad] } ]'
}

@test "no runs yet" {
    run --separate-stderr "$DINER" runs list -o json
    assert_status 0
    assert_json '. == []'
    run --separate-stderr "$DINER" runs show
    assert_status 1
    assert_stderr_is "diner: there are no runs yet"
    run --separate-stderr "$DINER" runs show 7
    assert_status 1
    assert_stderr_is "diner: there is no run 7"
}

@test "list: newest first, by pipeline and status, a job with the sums of its steps" {
    diner_run good
    diner_run night
    assert_status 1
    run --separate-stderr "$DINER" runs list -o json
    assert_status 0
    assert_json '[.[] | [.id, .pipeline, .status, .read, .written]] ==
        [[4, "bad", "failed", 0, 0], [3, "good", "succeeded", 1, 0],
         [2, "night", "failed", 1, 0], [1, "good", "succeeded", 1, 1]]'
    assert_json '.[0].error | endswith("none.csv'"'"' does not exist")'
    assert_json '.[2].error | startswith("pipeline '"'bad'"': ")'
    assert_json 'all(.[]; .started_at | test("^20[0-9-]+T[0-9:]+Z$"))'
    run --separate-stderr "$DINER" runs list --pipeline good --limit 1 -o csv
    assert_stdout_matches '^id,pipeline,status,.*
3,good,succeeded,[^
]*$'
    run --separate-stderr "$DINER" runs list --status failed -o json
    assert_json '[.[].id] == [4, 2]'
    run --separate-stderr "$DINER" runs list --status broken
    assert_status 2
    assert_stderr_has "broken"
}

@test "show: the streams of a run and of its steps; the latest by default" {
    diner_run night
    run --separate-stderr "$DINER" runs show -o json
    assert_status 0
    assert_json '[.[] | [.run, .pipeline, .stream, .status]] ==
        [[2, "good", "s", "succeeded"], [3, "bad", "s", "failed"], [3, "bad", "t", "skipped"]]'
    assert_json '.[2].error == "'"'s'"' did not succeed"'
    run --separate-stderr "$DINER" runs show 2 -o json
    assert_json '[.[].run] == [2] and .[0].read == 1 and .[0].inserted == 1 and .[0].target == "t.s"'
    run --separate-stderr "$DINER" runs show x
    assert_status 2
}

@test "a run that was killed is interrupted, once another run is there to see it" {
    pipeline slow <<<'streams: { s: { source: { connection: warehouse, query: "select pg_sleep(${params.s}::int)::text as n" }, mode: replace } }
params: { s: { type: int, default: 0 } }'
    "$DINER" run slow --param s=30 >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for 10 test -n "$(until sql "select id from diner.run where status = 'running'" | grep .; do sleep 0.1; done)"
    run --separate-stderr "$DINER" run slow --metrics slow.prom # while the first one runs
    assert_status 8
    run ! grep -q '{pipeline="slow"' slow.prom # that will tell itself how it ended
    assert_stderr_has "pipeline 'slow' is already running"
    assert_stderr_has "see 'diner runs list --pipeline slow'"
    kill -KILL "$pid"
    wait "$pid" || true
    psql -X -q -d "$(dev_dsn)" -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()" >/dev/null
    wait_for 10 "$DINER" run slow
    run --separate-stderr "$DINER" runs list --pipeline slow -o json
    assert_json '[.[].status] == ["succeeded", "interrupted"]'
    assert_json '.[1].error == "the process ended without saying so"'
}
