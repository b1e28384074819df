#!/usr/bin/env bats
# shellcheck disable=SC2016
# An append stream of children that was stopped half-way: the next run loads what is missing, and
# nothing twice.

load ../helper
load ../cli/pipelines
load distribute

setup_file() {
    export DINER_DISTRIBUTE_LEASE=2s
    dev_start
}
teardown_file() { dev_stop; }

# Children A, B and C of ten rows each; each is delayed, and fails where its divisor is 0.
setup() {
    pipelines_setup
    sessions_end
    sql "truncate diner.worker; create table t.feed as select c, n from unnest('{A,B,C}'::text[]) c, generate_series(1, 10) n;
        create table t.kids as select c, 0::float8 as delay, 1 as divisor from unnest('{A,B,C}'::text[]) c" >/dev/null
    kids
}
teardown() { workers_stop; }

kids() { # [ISOLATE]
    pipeline kids <<YAML
params: { day: { type: int, default: 1 } }
streams:
  rows:
    source:
      connection: warehouse
      query: >-
        select c, n, \${params.day}::int as day, \${window.end}::text as upto from t.feed
        where c = \${item.c}
          and (select pg_sleep(delay) from t.kids k where k.c = \${item.c}) is not null
          and (select 1 / divisor from t.kids k where k.c = \${item.c}) = 1
      for_each: { query: "select c from t.kids", bind: { c: c }, isolate: ${1:-false} }
    mode: append
    columns: { c: text, n: int, day: int, upto: text }
YAML
}
slow() { sql "update t.kids set delay = case when c = '$1' then 60 else 0 end" >/dev/null; }
broken() { sql "update t.kids set divisor = (c <> all ('{$1}'))::int" >/dev/null; }
# How often each child is there.
assert_loads() { # "A1 B1"
    assert_sql "select string_agg(c || n / 10, ' ' order by c) from (select c, count(*) as n from t.rows group by 1) x" "$1"
}
has_loaded() { [ "$(sql "select count(*) from diner.run_slice s where child = '{\"c\":\"$1\"}' and run_id = (select max(id) from diner.run)")" = 1 ]; }
# The server comes to notice of a session when its statement ends.
sleepers_end() {
    sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()" >/dev/null
    wait_for 10 is_asleep_no_more
}
is_asleep_no_more() { [ "$(sql "select count(*) from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()")" = 0 ]; }
# A run that is killed while it reads a child, when another has been committed.
killed_over() { # CHILD AFTER [OPTION...]
    local child=$1 after=$2 pid
    shift 2
    slow "$child"
    "$DINER" run kids "$@" >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for 20 has_loaded "$after"
    sleep 0.2
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    sleepers_end
    sessions_end
    slow none
}
warns_of() { # CHILDREN OF-ALL RUNS
    assert_stderr_has "stream 'rows': $1 of $2 children were loaded by a run that did not end ($3): they are left as they are (--full-refresh loads all again)"
}

@test "killed over a child, the next run loads the rest; then all again" {
    killed_over B A
    assert_loads A1
    # A look does as the run would.
    diner_run kids --dry-run
    assert_status 0
    warns_of 1 3 1
    assert_json '.[0].accepted == 20'
    run --separate-stderr "$DINER" pipeline plan kids -o json
    assert_status 0
    warns_of 1 3 1
    assert_moved rows "20 20 0 0 0 0 0 0"
    diner_run kids
    assert_status 0
    warns_of 1 3 1
    assert_moved rows "20 20 0 0 0 0 0 0"
    assert_loads "A1 B1 C1"
    diner_run kids
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A2 B2 C2"
}

@test "killed again and again: each run goes on with all that were" {
    killed_over B A
    killed_over C B
    assert_loads "A1 B1"
    diner_run kids --jobs 3
    assert_status 0
    warns_of 2 3 "1, 2"
    assert_loads "A1 B1 C1"
    diner_run kids
    assert_loads "A2 B2 C2"
}

@test "killed when all were loaded, before it said so: there is nothing left to load" {
    diner_run kids
    sql "delete from diner.run_stream; update diner.run set status = 'running', finished_at = null" >/dev/null
    diner_run kids
    assert_status 0
    warns_of 3 3 1
    assert_moved rows "0 0 0 0 0 0 0 0"
    diner_run kids
    assert_loads "A2 B2 C2"
}

@test "a child that fails ends the stream: the next run leaves out those before it" {
    broken B
    diner_run kids
    [ "$status" -ne 0 ] && [ "$status" -ne 7 ] || fail "exit $status"
    assert_loads A1
    broken none
    diner_run kids
    assert_status 0
    warns_of 1 3 1
    assert_loads "A1 B1 C1"
    # A job's step is a run like others.
    broken C
    diner_run kids
    job night <<<'steps: [ { run: kids } ]'
    broken none
    diner_run night
    assert_status 0
    warns_of 2 3 3
    assert_loads "A2 B2 C2"
}

@test "isolated children that fail leave the run partial: it has ended, and the next appends all" {
    kids true
    broken B
    diner_run kids
    assert_status 7
    assert_loads "A1 C1"
    broken none
    diner_run kids
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A2 B1 C2"
    # Killed after one, and then the others fail: it ends as it would have undisturbed.
    killed_over B A
    broken B,C
    diner_run kids
    assert_status 7
    assert_stderr_has "2 of 3 were left behind"
    assert_loads "A3 B1 C2"
    broken none
    diner_run kids
    assert_loads "A4 B2 C3"
}

@test "--full-refresh loads all again, and what it did is gone on with in its place" {
    killed_over B A
    diner_run kids --full-refresh
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A2 B1 C1"
    killed_over C B --full-refresh
    assert_loads "A3 B2 C1"
    diner_run kids
    warns_of 2 3 3
    assert_loads "A3 B2 C2"
}

@test "runs with other params, another window or of another shard are other loads" {
    killed_over B A
    diner_run kids --param day=2
    assert_status 0
    refute_stderr_has "did not end"
    diner_run kids --to 2026-01-01T00:00:00Z
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A3 B2 C2"
    diner_run kids
    warns_of 1 3 1
    assert_loads "A3 B3 C3"
    killed_over B A --shard 0/1
    killed_over B A --to 2026-01-01T00:00:00Z
    diner_run kids --to 2026-01-01T00:00:00Z --only rows
    warns_of 1 3 6
    assert_loads "A5 B4 C4"
}

@test "a shard goes on with its own part" {
    local part failed=
    sql "delete from t.kids; insert into t.kids select 'K' || n, 0, 1 from generate_series(0, 9) n;
        delete from t.feed; insert into t.feed select 'K' || k, n from generate_series(0, 9) k, generate_series(1, 10) n" >/dev/null
    broken K9
    for part in 0 1; do
        diner_run kids --shard "$part/2"
        [ "$status" -eq 0 ] || failed=$part
    done
    broken none
    diner_run kids --shard "$failed/2"
    assert_status 0
    warns_of 4 5 "$((failed + 1))"
    assert_loads "K01 K11 K21 K31 K41 K51 K61 K71 K81 K91"
    assert_sql "select count(distinct shard) from diner.run where status = 'failed'" 1
}

@test "resume and a run anew are one load: whichever comes next, nothing is there twice" {
    killed_over B A
    killed_over C B
    run --separate-stderr "$DINER" runs resume 2
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A1 B1 C1"
    # The run it began with is done by then.
    run --separate-stderr "$DINER" runs resume 1
    assert_status 0
    assert_loads "A1 B1 C1"
    diner_run kids
    assert_loads "A2 B2 C2"
    # What is missing of a run that had ended is none of the next one's.
    kids true
    broken B,C
    diner_run kids
    assert_status 7
    broken C
    run --separate-stderr "$DINER" runs resume 6
    assert_status 7
    broken none
    diner_run kids
    refute_stderr_has "did not end"
    assert_loads "A4 B4 C3"
}

@test "rejects that are loaded meanwhile do not end it" {
    killed_over B A
    run --separate-stderr "$DINER" rejects replay kids
    assert_status 0
    diner_run kids
    warns_of 1 3 1
    assert_loads "A1 B1 C1"
}

@test "without its table nothing stands" {
    killed_over B A
    sql "drop table t.rows" >/dev/null
    diner_run kids
    assert_status 0
    refute_stderr_has "did not end"
    assert_loads "A1 B1 C1"
}

@test "a distributed run goes on likewise, and so does the run after one that was killed" {
    killed_over B A
    workers 2
    wait_for 20 is_seen 2
    diner_run kids --distribute
    assert_status 0
    warns_of 1 3 1
    assert_loads "A1 B1 C1"
    assert_sql "select string_agg(child, ',' order by id) from diner.task where stream <> ''" '{"c":"B"},{"c":"C"}'
    workers_stop || true # they were killed
    killed_over B A --distribute
    sleep 2
    diner_run kids --distribute
    assert_status 0
    assert_stderr_has "children were loaded by a run that did not end (3)"
    assert_loads "A2 B2 C2"
    diner_run kids --distribute
    assert_loads "A3 B3 C3"
}
