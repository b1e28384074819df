#!/usr/bin/env bats
# The ways into a PostgreSQL table: staged, fresh, in parallel, swapped. Whatever the way, the table
# and the counts are the same.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# Rows of very different length, each key twice: PostgreSQL puts short ones into the rest of earlier
# pages, so that their place in the stage is not the order of reading.
uneven_rows() { # FIRST LAST
    awk -v first="$1" -v last="$2" 'BEGIN {
        srand(7); print "code,qty,note"
        split("10 300 900 1500 1900", len, " ")
        for (i = first; i <= last; i++) {
            n = len[int(rand() * 5) + 1]; note = ""
            while (length(note) < n) note = note sprintf("%06d", rand() * 1000000)
            printf "K%d,%d,%s\n", i % 200, i, note
        } }'
}

@test "of rows with one key the last read wins, however long the rows are" {
    pipeline uneven <<'E'
streams:
  uneven:
    source: { file: ../uneven.csv }
    mode: merge
    key: [code]
    columns: { code: text, qty: int, note: text }
    transform: [{ set: { note: "note || ''" } }]
E
    sql "create table t.uneven (code text primary key, qty int, note text)"
    uneven_rows 1 400 >uneven.csv
    diner_run uneven
    assert_status 0
    assert_moved uneven "400 200 0 0 0 200 0 0"
    assert_equal "$(sql "select min(qty), max(qty), sum(qty) from t.uneven")" "201|400|60100"
}

stock_pipeline() { # NAME MODE [KEY LINE]: a file in.csv into a table of that name
    pipeline "$1" <<E
streams:
  $1:
    source: { file: ../in.csv }
    mode: $2
    ${3:-}
    on_error: { max_rejects: 5, max_reject_rate: 90% }
    columns: { code: text, qty: "numeric(12,3)", at: timestamptz }
E
}
shape() { # TABLE: columns, types, not null, defaults, constraints
    sql "select string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod),
           case when attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid)), ', ' order by attnum)
         from pg_attribute a left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
         where attrelid = 't.$1'::regclass and attnum > 0 and not attisdropped"
    sql "select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
         where conrelid = 't.$1'::regclass order by 1"
}

@test "a new table is loaded first and indexed last: the same as by the stage" {
    printf 'code,qty,at\nA,1.5,2026-01-01T00:00:00Z\nB,,\nA,2,2026-01-02T00:00:00+08:00\nC,x,\n,4,\n' >in.csv
    for mode in merge replace; do
        stock_pipeline "new_$mode" $mode 'key: [code]'
        stock_pipeline "staged_$mode" $mode $'key: [code]\n    checks: [{ expr: "qty is distinct from -1" }]'
        for way in new staged; do
            diner_run "${way}_$mode"
            assert_status 0
            assert_moved "${way}_$mode" "5 2 0 0 0 1 2 0"
        done
        assert_rows "new_$mode" "A,2.000,2026-01-01 16:00:00+00 B" "code, qty, at"
        assert_equal "$(rows "new_$mode" "code, qty, at")" "$(rows "staged_$mode" "code, qty, at")"
        assert_equal "$(shape "new_$mode" | sed s/new_//)" "$(shape "staged_$mode" | sed s/staged_//)"
        assert_sql "select count(*) from t.new_$mode where _run_id is null or _loaded_at is null" 0
        assert_sql "select string_agg(reason, '; ' order by reason) from diner.reject
                    where stream = 'new_$mode'" "not a number; null in the key"
        diner_run "new_$mode"
        assert_moved "new_$mode" "5 0 0 2 0 1 2 0"
    done
}

@test "a new table without a key holds every row, and a second run compares" {
    printf 'code,qty,at\nA,1,\nA,1,\nB,2,\n' >in.csv
    stock_pipeline all replace
    diner_run all
    assert_moved all "3 3 0 0 0 0 0 0"
    printf 'code,qty,at\nA,1,\nB,2,\nC,3,\n' >in.csv
    diner_run all
    assert_moved all "3 1 0 2 1 0 0 0"
    assert_rows all "A,1.000 B,2.000 C,3.000"
}

copying() { # N: so many backends are in a COPY
    [ "$(sql "select count(*) from pg_stat_activity where state = 'active' and query like 'copy %'")" = "$1" ]
}

@test "a load into a new table that fails or is killed leaves no table" {
    printf 'code,qty,at\nA,1,\nA,1,\n' >in.csv
    stock_pipeline none merge $'key: [code]\n    checks: [{ sql: "select count(*) > 2 from ${staged}" }]'
    diner_run none
    assert_status 9
    assert_sql "select count(*) from pg_tables where schemaname = 't'" 0
    rm in.csv
    mkfifo in.csv
    stock_pipeline cut merge 'key: [code]'
    { printf 'code,qty,at\n'; seq -f '%g,1,' 100000; sleep 30; } >in.csv 3>&- &
    local feeder=$!
    "$DINER" run cut 3>&- &
    local pid=$!
    wait_for 10 copying 1
    sleep 0.2
    kill -9 "$pid"
    wait "$pid" || true
    kill "$feeder"
    wait_for 10 copying 0
    assert_sql "select count(*) from pg_tables where schemaname = 't'" 0
}

big_rows() { # N: in.csv
    { echo code,qty,at && seq -f 'K%07g,1.5,2026-01-01T00:00:00Z' "$1"; } >in.csv
}
leftovers() { sql "select count(*) from pg_tables where tablename like '\_diner\_load\_%'"; }

@test "--jobs: a new table is filled by several connections, the same as by one" {
    big_rows 60000
    for mode in merge replace; do
        stock_pipeline "many_$mode" $mode 'key: [code]'
        stock_pipeline "one_$mode" $mode 'key: [code]'
        diner_run "one_$mode"
        diner_run "many_$mode" --jobs 3
        assert_status 0
        assert_moved "many_$mode" "60000 60000 0 0 0 0 0 0"
        assert_equal "$(shape "many_$mode" | sed s/many_//)" "$(shape "one_$mode" | sed s/one_//)"
        assert_sql "select count(*) from (select code, qty, at from t.many_$mode except
                    select code, qty, at from t.one_$mode) d" 0
        assert_sql "select count(*) from t.many_$mode" 60000
        assert_equal "$(leftovers)" 0
        diner_run "many_$mode" --jobs 3
        assert_moved "many_$mode" "60000 0 0 60000 0 0 0 0"
    done
    assert_sql "select count(*) from diner.state where name = 'load_table'" 0
}

@test "--jobs: of rows with one key the last wins, and rejects are told, as with one connection" {
    big_rows 30000
    printf 'K0000007,9,\nX,y,\nK0000008,8,\nK0000007,10,\n' >>in.csv
    stock_pipeline many merge 'key: [code]'
    diner_run many --jobs 2
    assert_status 0
    assert_moved many "30004 30000 0 0 0 3 1 0"
    assert_sql "select string_agg(qty::text, ' ' order by code) from t.many
                where code in ('K0000007', 'K0000008')" "10.000 8.000"
    assert_equal "$(leftovers)" 0
    assert_sql "select reason from diner.reject" "not a number"
}

@test "--jobs: a load that fails leaves no table; what a killed one left goes with the next run" {
    big_rows 30000
    stock_pipeline many replace $'key: [code]\n    checks: [{ sql: "select count(*) < 3 from ${staged}" }]'
    diner_run many --jobs 2
    assert_status 9
    assert_sql "select count(*) from pg_tables where schemaname = 't'" 0
    stock_pipeline many replace # without a key a pipe can be loaded in parallel
    rm in.csv
    mkfifo in.csv
    { echo code,qty,at; seq -f '%g,1,' 50000; sleep 30; } >in.csv 3>&- &
    local feeder=$!
    "$DINER" run many --jobs 2 3>&- &
    local pid=$!
    wait_for 10 copying 2
    assert_equal "$(leftovers)" 1
    sql "create table t._diner_load_mine (a int)" # somebody's own, of a like name
    kill -9 "$pid"
    wait "$pid" || true
    kill "$feeder"
    wait_for 10 copying 0
    assert_sql "select to_regclass('t.many') is null" t
    rm in.csv
    big_rows 1000
    wait_for 10 "$DINER" run many --jobs 2
    assert_sql "select count(*) from t.many" 1000
    assert_sql "select string_agg(tablename, ',') from pg_tables where tablename like '\_diner\_load%'" \
        _diner_load_mine
    assert_sql "select count(*) from diner.state where name = 'load_table'" 0
}

@test "--jobs: a server that goes away in the middle: nothing is there, and the next run loads" {
    big_rows 400000
    stock_pipeline many merge 'key: [code]'
    "$DINER" run many --jobs 2 3>&- &
    local pid=$!
    wait_for 10 copying 2
    sql "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy %' and pid <> pg_backend_pid() limit 1" >/dev/null
    wait "$pid" || true
    diner_run many --jobs 2
    assert_status 0
    assert_sql "select count(*) from t.many" 400000
    assert_equal "$(leftovers)" 0
}

@test "a table that another session makes just now is waited for, and loaded into" {
    printf 'n,v\n1,a\n' >in.csv
    pipeline meet <<'YAML'
streams: { meet: { source: { file: ../in.csv }, columns: { n: int, v: text }, mode: merge, key: [n] } }
YAML
    psql -X -q -d "$(dev_dsn)" 3>&- >/dev/null \
        -c "begin; create table t.meet (n int primary key, v text); insert into t.meet values (2, 'b'); select pg_sleep(1); commit" &
    other=$!
    making() { [ "$(sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ]; }
    wait_for 5 making
    diner_run meet
    wait "$other"
    assert_status 0
    assert_stderr_has "trying again"
    assert_sql "select string_agg(n || v, ' ' order by n) from t.meet" "1a 2b"
}

@test "a table that is there between looking and making it is loaded into" {
    printf 'n,v\n1,a\n' >in.csv
    pipeline meet <<'YAML'
streams: { meet: { source: { file: ../in.csv }, columns: { n: int, v: text }, mode: merge, key: [n] } }
YAML
    # CREATE TABLE of a run is slow to begin; gone with the schema.
    sql "create function t.slow() returns event_trigger language plpgsql as
            \$\$ begin if current_setting('application_name') <> 'psql' then perform pg_sleep(1); end if; end \$\$;
        create event trigger slow on ddl_command_start when tag in ('CREATE TABLE') execute function t.slow()"
    (
        until [ "$(sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ]; do sleep 0.05; done
        sql "create table t.meet (n int primary key, v text)"
    ) 3>&- &
    other=$!
    diner_run meet
    wait "$other"
    sql "drop event trigger slow"
    assert_status 0
    assert_stderr_has "already exists; trying again"
    assert_rows meet "1,a" "n, v"
}

@test "a table of nothing but its key, made by somebody else, is merged into" {
    printf 'n\n1\n2\n' >in.csv
    pipeline keys <<'YAML'
streams: { keys: { source: { file: ../in.csv }, columns: { n: int }, mode: merge, key: [n] } }
YAML
    sql "create table t.keys (n int primary key); insert into t.keys values (2)"
    diner_run keys
    assert_status 0
    assert_moved keys "2 1 0 1 0 0 0 0"
}
