#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner runs prune: what nobody asks for any more goes; what a later run leaves out by, a replay
# compares with or a request waits for stays, and what goes on with nothing of that is refused.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }

# Children A, B and C of ten rows each, appended; one fails where its divisor is 0.
setup() {
    pipelines_setup
    sql "create table t.feed as select c, n from unnest('{A,B,C}'::text[]) c, generate_series(1, 10) n;
        create table t.kids as select c, 1 as divisor from unnest('{A,B,C}'::text[]) c" >/dev/null
    pipeline kids <<'YAML'
streams:
  rows:
    source:
      connection: warehouse
      query: >-
        select c, n from t.feed where c = ${item.c}
          and (select 1 / divisor from t.kids k where k.c = ${item.c}) = 1
      for_each: { query: "select c from t.kids order by c", bind: { c: c } }
    mode: append
    checks: [ { name: small, expr: "n < 10", on_fail: warn } ]
    columns: { c: text, n: int }
YAML
}

load_kids() { # STATUS [BROKEN]
    sql "update t.kids set divisor = (c <> '${2:-}')::int" >/dev/null
    diner_run kids
    assert_status "$1"
}
age() { # DAYS: all that there is
    sql "update diner.run set started_at = started_at - interval '$1 days', finished_at = finished_at - interval '$1 days';
        update diner.reject set closed_at = closed_at - interval '$1 days', seen_at = seen_at - interval '$1 days';
        update diner.intent set finished_at = finished_at - interval '$1 days'" >/dev/null
}
prune() { run --separate-stderr "$DINER" runs prune --older-than 90d -o json "$@"; }
assert_pruned() { # "SLICES PARTS FINDINGS REJECTS REQUESTS"
    assert_status 0
    assert_equal "$(jq -r '.[] | "\(.slices) \(.parts) \(.findings) \(.rejects) \(.requests)"' <<<"$output")" "$1"
}
assert_loads() { assert_sql "select string_agg(c || n / 10, ' ' order by c) from (select c, count(*) as n from t.rows group by 1) x" "$1"; }

@test "slices and findings of what succeeded; runs and their sums stay" {
    load_kids 0
    load_kids 0
    age 100
    load_kids 0
    prune --dry-run
    assert_pruned "6 0 6 0 0"
    assert_stderr_is "dry run: nothing was deleted"
    prune
    assert_pruned "6 0 6 0 0"
    assert_sql "select string_agg(distinct run_id::text, ' ') from diner.run_slice" 3
    assert_sql "select string_agg(distinct run_id::text, ' ') from diner.finding" 3
    run --separate-stderr "$DINER" runs show 1 -o json
    assert_json '.[0] | .read == 30 and .inserted == 30 and .findings == 3'
    prune
    assert_pruned "0 0 0 0 0"
    load_kids 0
    assert_loads "A4 B4 C4"
}

@test "children that a failed run had loaded are not added again, however old it is" {
    load_kids 0
    load_kids 1 C
    assert_loads "A2 B2 C1"
    age 100
    prune
    assert_pruned "3 0 3 0 0"
    load_kids 0
    assert_loads "A2 B2 C2"
    # and once it has ended, the old failure leaves nothing out
    age 100
    prune
    assert_pruned "4 0 3 0 0"
    load_kids 0
    assert_loads "A3 B3 C3"
    # nor by who goes on with the load that had ended since: what run 3 added for it is forgotten
    run --separate-stderr "$DINER" runs resume 2
    assert_status 1
    assert_stderr_has "run 2 is not resumed: which children it had loaded was pruned"
    assert_stderr_has "run the pipeline anew"
    assert_loads "A3 B3 C3"
    assert_sql "select status from diner.run order by id desc limit 1" failed
}

@test "runs that are partial every night leave no more than others" {
    sed -i 's/bind: { c: c }/&, isolate: true/' pipelines/kids.yaml
    load_kids 7 C
    load_kids 7 C
    age 100
    prune
    assert_pruned "6 0 4 0 0"
    run --separate-stderr "$DINER" runs resume 2
    assert_status 1
    assert_loads "A2 B2"
    load_kids 0
    assert_loads "A3 B3 C1"
}

@test "a load ends in a run of the same params, and not in one of others" {
    sed -i 's/^streams:/params: { day: { type: text, default: monday } }\n&/' pipelines/kids.yaml
    load_kids 1 C
    sql "update t.kids set divisor = 1" >/dev/null
    diner_run kids --param day=tuesday
    assert_status 0
    age 100
    prune # of the run of Tuesday alone
    assert_pruned "3 0 3 0 0"
    load_kids 0
    assert_loads "A2 B2 C2"
    prune
    assert_pruned "3 0 2 0 0"
}

@test "slices of a run that was killed before its stream had a record stay" {
    load_kids 1 C
    sql "delete from diner.run_stream" >/dev/null
    age 100
    prune
    assert_pruned "0 0 0 0 0"
    load_kids 0
    assert_loads "A1 B1 C1"
}

@test "what a resumption that is under way looks at stays, and it ends as if nobody had pruned" {
    load_kids 1 C
    load_kids 0
    age 100
    sql "update t.kids set divisor = 0 where c = 'C'" >/dev/null
    sql "insert into diner.run (pipeline, status, host, pid, resumes) values ('kids', 'running', 'h', 1, 1)" >/dev/null
    prune
    assert_pruned "0 0 0 0 0"
    sql "update diner.run set status = 'failed', finished_at = now() where status = 'running'" >/dev/null
    prune
    assert_pruned "4 0 3 0 0"
}

@test "many runs, batch by batch" {
    sql "insert into diner.run (pipeline, status, host, pid, finished_at)
            select 'many', case when n % 10 = 0 then 'failed' else 'succeeded' end, 'h', 1, now() - interval '91 days' from generate_series(1, 350) n;
        insert into diner.run_stream (run_id, stream, status, started_at) select id, 's', status, now() from diner.run;
        insert into diner.run_slice (run_id, stream, child, status, started_at) select id, 's', c::text, 'succeeded', now() from diner.run, generate_series(1, 3) c;
        insert into diner.task (run_id, stream, state) select id, 's', 'done' from diner.run" >/dev/null
    prune
    assert_pruned "1047 349 0 0 0" # nothing came after the last, which failed
    assert_sql "select count(*) from diner.run_slice" 3
    assert_sql "select count(*) from diner.run" 350
}

@test "rejects that are closed, unless their stream has open ones" {
    for name in closed open; do
        sql "insert into diner.run (pipeline, status, host, pid, finished_at) values ('$name', 'succeeded', 'h', 1, now());
            insert into diner.reject (pipeline, stream, identity, run_id, first_run_id, origin, position, reason, raw, replayed_run_id, closed_at)
            select '$name', 's', n::text, max(id), max(id), 'f', n, 'r', 'x', max(id), now() from diner.run, generate_series(1, 3) n group by n" >/dev/null
    done
    sql "update diner.reject set replayed_run_id = null, closed_at = null where pipeline = 'open' and identity = '3';
        update diner.reject set replayed_run_id = null, closed_note = 'n' where pipeline = 'closed' and identity = '1'" >/dev/null
    prune
    assert_pruned "0 0 0 0 0"
    age 100
    # dismissed, and seen again since
    sql "update diner.reject set seen_at = now() where pipeline = 'closed' and identity = '1'" >/dev/null
    prune
    assert_pruned "0 0 0 2 0"
    assert_sql "select string_agg(pipeline || identity, ' ' order by pipeline, identity) from diner.reject" "closed1 open1 open2 open3"
}

@test "requests that were answered, not those that wait" {
    sql "insert into diner.run (pipeline, status, host, pid, finished_at) values ('p', 'failed', 'h', 1, now());
        insert into diner.intent (pipeline, stream, run_id, connector, resource, body, nrows, status, finished_at)
        select 'p', 's', max(id), 'c', 'r', '[]', 1, s, case when s <> 'pending' then now() end
        from diner.run, unnest('{pending,done,refused}'::text[]) s group by s" >/dev/null
    age 89
    prune
    assert_pruned "0 0 0 0 0"
    age 2
    prune
    assert_pruned "0 0 0 0 2"
    assert_sql "select status from diner.intent" pending
}

@test "the age must be said, and be a day at least" {
    run --separate-stderr "$DINER" runs prune
    assert_status 2
    assert_stderr_has "--older-than"
    run --separate-stderr "$DINER" runs prune --older-than 23h
    assert_status 2
    assert_stderr_has "--older-than"
}
