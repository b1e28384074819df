#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner state: get, set, rewind.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    sql "create table t.src (id int, at timestamptz); insert into t.src values (1, '2026-03-01T10:00Z'), (2, '2026-03-05')" >/dev/null
    pipeline inc <<'YAML'
streams:
  inc:
    source: { connection: warehouse, query: "select id, at from t.src where at >= ${window.start}" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 0s }
    mode: merge
    key: [id]
  plain: { source: { connection: warehouse, query: select 1 as n } }
YAML
    mv pipelines/inc.yaml pipelines/file_name.yaml # the file's name is not the pipeline's
}
cursor() { sql "select value from diner.state where pipeline = 'inc' and stream = 'inc' and name = 'cursor'"; }

@test "get: nothing, then the cursor and who wrote it" {
    run --separate-stderr "$DINER" state get inc -o json
    assert_status 0
    assert_json '. == []'
    diner_run file_name
    run --separate-stderr "$DINER" state get inc -o json
    assert_status 0
    assert_json 'length == 1 and .[0].stream == "inc" and .[0].name == "cursor" and
        .[0].value == "2026-03-05T00:00:00.000000Z" and .[0].run == 1'
    run --separate-stderr "$DINER" state get inc plain -o json
    assert_json '. == []'
}

@test "set: in any zone, under the pipeline's own name, and the next run begins there" {
    run --separate-stderr "$DINER" state set file_name inc 2026-03-05T08:00:00+08:00
    assert_status 0
    assert_stderr_is "cursor of inc.inc is 2026-03-05T00:00:00.000000Z, was not set"
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
    diner_run file_name
    assert_json '.[0].read == 1'
    run --separate-stderr "$DINER" state set pipelines/file_name.yaml inc 2026-01-01T00:00:00Z --dry-run
    assert_status 0
    assert_stderr_is "cursor of inc.inc would be 2026-01-01T00:00:00.000000Z, was 2026-03-05T00:00:00.000000Z"
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
}

@test "set: garbage is refused and changes nothing" {
    diner_run file_name
    for value in garbage 2026-13-01T00:00:00Z 2026-03-01 2026-03-01T00:00:00 12345 ''; do
        run --separate-stderr "$DINER" state set file_name inc "$value"
        assert_status 2
        assert_stderr_has "'$value' is not a time with a zone, such as 2026-11-21T00:00:00+08:00"
    done
    run --separate-stderr "$DINER" state set file_name plain 2026-03-01T00:00:00Z
    assert_status 2
    assert_stderr_has "stream 'plain' is not incremental: it has no cursor"
    run --separate-stderr "$DINER" state set file_name icn 2026-03-01T00:00:00Z
    assert_status 2
    assert_stderr_has "has no stream 'icn'"
    run --separate-stderr "$DINER" state set nope inc 2026-03-01T00:00:00Z
    assert_status 1
    assert_stderr_has "there is no pipeline 'nope'"
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
    assert_sql "select count(*) from diner.state" 1
}

@test "rewind: back only, and only from where a cursor is" {
    run --separate-stderr "$DINER" state rewind file_name inc --to 2026-02-01T00:00:00Z
    assert_status 1
    assert_stderr_has "inc.inc has no cursor yet"
    assert_stderr_has "its next run begins at \`incremental.start\`"
    assert_sql "select count(*) from diner.state" 0
    diner_run file_name
    for dry in --dry-run ""; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" state rewind file_name inc --to 2026-04-01T00:00:00Z $dry
        assert_status 1
        assert_stderr_has "the cursor is before 2026-04-01T00:00:00.000000Z already: 2026-03-05"
    done
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
    run --separate-stderr "$DINER" state rewind file_name inc --to 2026-02-01T00:00:00Z
    assert_status 0
    assert_equal "$(cursor)" 2026-02-01T00:00:00.000000Z
    diner_run file_name
    assert_moved inc "2 0 0 2 0 0 0 0" # read again, merged: nothing doubled
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
}

@test "a running pipeline's cursor stays" {
    diner_run file_name
    psql -X -q -d "$(dev_dsn)" >/dev/null 2>&1 3>&- <<<"select pg_advisory_lock(hashtextextended('diner:inc', 0)); select pg_sleep(20)" &
    holder=$!
    wait_for 5 sh -c "[ \"\$(psql -XAtqd '$(dev_dsn)' -c \"select count(*) from pg_locks where locktype = 'advisory'\")\" != 0 ]"
    run --separate-stderr "$DINER" state rewind file_name inc --to 2026-02-01T00:00:00Z
    psql -X -q -d "$(dev_dsn)" -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()" >/dev/null
    wait "$holder" || true
    assert_status 8
    assert_stderr_has "pipeline 'inc' is running: its cursor stays"
    assert_equal "$(cursor)" 2026-03-05T00:00:00.000000Z
}

@test "set and rewind: a cursor that is a number takes a number, one of a child by the child's name" {
    sql "create table t.n as select i as id, 'S' || i % 2 as shop from generate_series(1, 20) as i" >/dev/null
    pipeline num <<'YAML'
streams:
  num:
    source: { connection: warehouse, table: t.n }
    incremental: { cursor: id, start: 0, lag: 0 }
    mode: merge
    key: [id]
  shops:
    source:
      connection: warehouse
      query: "select id from t.n where shop = ${item.shop}"
      for_each: { query: "select distinct shop from t.n", bind: { shop: shop } }
    incremental: { cursor: id, start: 0, lag: 0 }
    mode: merge
    key: [id]
YAML
    diner_run num
    run --separate-stderr "$DINER" state set num num 007.50
    assert_status 0
    assert_stderr_is "cursor of num.num is 7.50, was 20"
    diner_run num --only num
    assert_moved num "13 0 0 13 0 0 0 0"
    for value in 2026-03-05T08:00:00+08:00 seven ''; do
        run --separate-stderr "$DINER" state set num num "$value"
        assert_status 2
        assert_stderr_has "'$value' is not a number, as the cursor 'id' is"
    done
    run --separate-stderr "$DINER" state rewind num num --to 100
    assert_status 1
    assert_stderr_has "the cursor is before 100 already: 20"
    run --separate-stderr "$DINER" state rewind num num --to 9 # text order would have it after 20
    assert_status 0
    diner_run num --only num
    assert_moved num "12 0 0 12 0 0 0 0"

    run --separate-stderr "$DINER" state set num shops 5
    assert_status 2
    assert_stderr_has "each child of stream 'shops' has a cursor of its own"
    run --separate-stderr "$DINER" state set num num 5 --child '{"shop":"S1"}'
    assert_status 2
    assert_stderr_has "stream 'num' has no children"
    run --separate-stderr "$DINER" state set num shops 5 --child '{"shop":"S9"}'
    assert_status 1
    assert_stderr_has "num.shops has no cursor of child '{\"shop\":\"S9\"}'"
    run --separate-stderr "$DINER" state get num shops -o json
    assert_json '[.[] | [.child, .value]] == [["{\"shop\":\"S0\"}", "20"], ["{\"shop\":\"S1\"}", "19"]]'
    run --separate-stderr "$DINER" state rewind num shops --to 15 --child '{"shop":"S1"}'
    assert_status 0
    diner_run num --only shops
    assert_moved shops "4 0 0 4 0 0 0 0" # 15 17 19 and 20
}
