#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# PostgreSQL as a source: columns of a query, readers side by side in one snapshot, cursors.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    sql 'set client_min_messages = error; drop schema if exists src cascade; create schema src'
    # A second name of the same server: rows then go through diner.
    printf 'connections:\n  warehouse: { dsn: "%s" }\n  erp: { dsn: "%s" }\n' "$(dev_dsn)" "$(dev_dsn)" \
        >diner.yaml
    chmod 600 diner.yaml
    export DINER_CONFIG=$PWD/diner.yaml
}

stream_from() { # SOURCE [REST OF THE STREAM]
    pipeline s <<YAML
streams:
  s:
    source: { connection: erp, $1 }
${2:-}
YAML
}

many_rows() { # N: src.t with ids, a few null, days, text
    sql "create table src.t as select i as id, nullif(i % 97, 0) as k, date '2026-01-01' + i % 300 as day,
         now() - i * interval '1 s' as at, repeat('客', 40) || i as name from generate_series(1, $1) as i"
}

@test "another database's query says which columns there are" {
    sql 'create table src.t as select 1 as id, 19.90::numeric(10,2) as price'
    stream_from 'query: "select id, price from src.t"'
    diner_run s
    assert_status 0
    [[ $stderr != *'trying again'* ]] || fail 'the first attempt failed'
    assert_equal "$(sql 'select id, price from t.s')" '1|19.90'
}

@test "however many read, and however divided, the rows are the same, and in the same order" {
    many_rows 60000
    local source
    for source in 'table: src.t' 'table: src.t, readers: 3' 'table: src.t, readers: 2, split: id' \
        'table: src.t, readers: 3, split: k' 'table: src.t, readers: 2, split: day' \
        'table: src.t, readers: 4, split: at' 'query: "select * from src.t", readers: 2, split: id'; do
        stream_from "$source"
        diner_run s
        assert_status 0
        assert_moved s "60000 60000 0 0 0 0 0 0"
        assert_equal "$(sql 'select count(*) from (table src.t except all select id, k, day, at, name from t.s) x')" 0
        sql 'drop table t.s'
    done
    stream_from 'table: src.t' '    target: { file: one.csv }'
    diner_run s
    assert_status 0
    stream_from 'table: src.t, readers: 3' '    target: { file: three.csv }'
    diner_run s
    assert_status 0
    cmp out/one.csv out/three.csv
    # --jobs is the default number of readers
    stream_from 'table: src.t' '    target: { file: jobs.csv }'
    diner_run s --jobs 2
    assert_status 0
    cmp out/one.csv out/jobs.csv
}

@test "what goes through as it came is what the decoded way gives: null, numbers, times, text, json" {
    sql "create table src.t as select i as id, (i * 1.005)::numeric(12,3) as qty,
         case i % 4 when 0 then null when 1 then 'NaN' else '-0.00001' end::numeric as any_number,
         case i % 3 when 0 then null else '客 \"x\", ' || i end as name, (i % 2 = 0) as flag,
         case i % 5 when 0 then 'infinity' else '2026-03-08 01:30:00+08' end::timestamptz + i * interval '1 ms' as at,
         timestamp '0044-03-15 BC' + i * interval '1 y' as then_, date '2026-01-01' + i as day, i::float8 / 3 as f,
         jsonb_build_object('k', i) as j, decode(lpad(to_hex(i), 4, '0'), 'hex') as b, i::smallint as small,
         md5(i::text)::uuid as u, array[i, null] as list from generate_series(1, 500) i"
    sql "insert into src.t (id) values (501)"
    local columns='id: int, qty: "numeric(12,3)", any_number: numeric, name: text, flag: bool, at: timestamptz,
      then_: timestamp, day: date, f: float8, j: jsonb, b: bytea, small: smallint, u: uuid, list: text'
    local same='select count(*) from (table src.t except all select id, qty, any_number, name, flag, at, then_, day, f, j, b,
        small, u, list::int[] from t.s) x'
    # as it came; by the same columns in another order, through their cells; into a table there is
    for columns in '' "columns: { $columns }" "columns: { list: text, ${columns%, list: text} }"; do
        stream_from 'table: src.t' "    ${columns:-mode: append}"
        sql 'drop table if exists t.s' 2>/dev/null
        for _ in 1 2; do
            diner_run s
            assert_status 0
            assert_moved s "501 501 0 0 0 0 0 0"
            assert_equal "$(sql "$same")" 0
            if [ -z "$columns" ]; then break; fi
            sql 'truncate t.s'
        done
    done
}

@test "what goes through as it came is refused where null is, a value masked, a default put in" {
    sql "create table src.t (id int, phone text, city text)"
    sql "insert into src.t values (1, '13812345678', null), (2, null, 'SH'), (null, '13912345678', 'BJ')"
    stream_from 'table: src.t' '    mode: merge
    key: [id]
    on_error: { max_rejects: 5, max_reject_rate: 100% }
    columns: { id: int, phone: { type: text, required: true }, city: text }'
    diner_run s
    assert_status 0
    assert_moved s "3 1 0 0 0 0 2 0"
    assert_sql "select string_agg(column_name || ' ' || reason, '; ' order by position) from diner.reject" \
        "phone null, but required; id null in the key"
    stream_from 'table: src.t' '    columns: { id: int, phone: { type: text, mask: cn_phone }, city: { type: text, default: 无 } }'
    sql 'drop table t.s'
    diner_run s
    assert_status 0
    assert_equal "$(sql "select string_agg(concat_ws(',', id, phone, city), ' ' order by id) from t.s")" \
        "1,138****5678,无 2,SH 139****5678,BJ"
}

@test "readers of few rows wait for nobody" {
    sql 'create table src.t as select i as id from generate_series(1, 400) as i'
    stream_from 'query: "select * from src.t", readers: 2, split: id'
    diner_run s
    assert_status 0
    assert_moved s "400 400 0 0 0 0 0 0"
    # Some 16 parts; when each waited for a poll of one second it took 7.
    assert_json '.[0].elapsed_ms < 6000'
}

@test "all readers see one snapshot, whatever is written meanwhile" {
    sql 'create table src.t (id int primary key, amount int, filler text);
         insert into src.t select i, 100, repeat($$x$$, 400) from generate_series(1, 40000) as i'
    (
        while [ ! -e stop ]; do
            psql -X -q -d "$(dev_dsn)" >/dev/null 2>&1 <<'SQL'
begin;
update src.t set amount = amount - 7 where id = (select 1 + (random() * 19998)::int);
update src.t set amount = amount + 7 where id = (select 20001 + (random() * 19998)::int);
commit;
SQL
        done
    ) &
    local writer=$!
    for _ in 1 2 3 4; do
        stream_from 'table: src.t, readers: 4' '    mode: replace
    key: [id]'
        diner_run s
        [ "$status" -eq 0 ] || break
        [ "$(sql 'select count(*) from t.s')" = 40000 ] || break
    done
    touch stop
    wait "$writer"
    assert_status 0
    # Each transfer has two halves in one transaction, far apart: their sum is off when a run saw one.
    assert_sql 'select sum(amount) <> 0 and exists (select from src.t where amount <> 100) from src.t' t
    assert_equal "$(sql 'select sum(amount) from t.s')" 4000000
}

@test "a table is read from its cursor, its new and its undated rows, not those to come" {
    sql "create table src.t (id int primary key, at timestamptz, v int);
         insert into src.t values (1, '2026-01-01 00:00Z', 1), (2, '2026-03-01 00:00Z', 1), (3, null, 1),
           (4, now() + interval '1 day', 1)"
    stream_from 'table: src.t' '    incremental: { cursor: at, start: 2026-02-01T00:00:00Z, lag: 1h }
    mode: merge
    key: [id]'
    diner_run s
    assert_status 0
    assert_moved s "2 2 0 0 0 0 0 0" # 2 and 3: 1 is before the start, 4 is to come
    sql "insert into src.t values (5, '2026-03-01 00:30Z', 1), (6, '2026-02-28 23:30Z', 1),
         (7, '2026-02-28 22:30Z', 1); update src.t set at = '2026-03-02 00:00Z' where id = 4"
    diner_run s
    assert_status 0
    # 2 and 3 again, by the lag and for want of a date; 7 came later than the lag allows
    assert_moved s "5 3 0 2 0 0 0 0"
    assert_rows s "2 3 4 5 6" id
}

@test "a cursor without a zone, a day as cursor, and a query with a window of its own" {
    sql "create table src.t (id int primary key, at timestamp, day date);
         insert into src.t values (1, '2026-01-01 00:00', '2026-01-01'), (2, '2026-03-01 12:00', '2026-03-01')"
    local rest='    incremental: { cursor: CURSOR, start: 2026-02-01T00:00:00Z, lag: 0s }
    mode: merge
    key: [id]'
    for cursor in at day; do
        stream_from 'table: src.t' "${rest/CURSOR/$cursor}"
        diner_run s
        assert_status 0
        assert_moved s "1 1 0 0 0 0 0 0"
        sql "insert into src.t values (3, '2026-03-01 12:00', '2026-03-01'), (4, '2026-02-28 11:00', '2026-02-28')"
        diner_run s
        assert_status 0
        assert_moved s "2 1 0 1 0 0 0 0"
        sql 'drop table t.s; truncate diner.state; delete from src.t where id > 2'
    done
    stream_from 'query: "select * from src.t where at >= ${window.start}::timestamptz - interval $$1 year$$"' \
        "${rest/CURSOR/at}"
    diner_run s
    assert_status 0
    assert_moved s "2 2 0 0 0 0 0 0"
}

@test "the lag of a cursor that is a day goes back by days, by at least the one before" {
    sql "create table src.t (id int primary key, day date);
         insert into src.t values (1, '2026-03-07'), (2, '2026-03-10')"
    stream_from 'table: src.t' '    incremental: { cursor: day, start: 2026-02-01, lag: 3d }
    mode: merge
    key: [id]'
    diner_run s
    assert_moved s "2 2 0 0 0 0 0 0"
    sql "insert into src.t values (3, '2026-03-07'), (4, '2026-03-06')"
    diner_run s
    assert_moved s "3 1 0 2 0 0 0 0" # 4 came later than the lag allows
    sed -i 's/lag: 3d/lag: 10m/' pipelines/s.yaml
    sql "insert into src.t values (5, '2026-03-09'), (6, '2026-03-08')"
    diner_run s
    assert_moved s "2 1 0 1 0 0 0 0"
}

@test "a cursor that has a zone here and none there, or the other way round, misses no row" {
    local zone kinds there here
    sql "create table src.t (id int, at timestamptz)"
    for zone in Asia/Shanghai America/New_York; do
        for kinds in "timestamp timestamptz" "timestamptz timestamp"; do
            read -r there here <<<"$kinds"
            sql "drop table if exists t.s; truncate diner.state; drop table src.t;
                 create table src.t as select i as id, now() - i * interval '1 h' as at from generate_series(1, 30) i"
            [ "$there" = timestamptz ] ||
                sql "alter table src.t alter at type timestamp using at at time zone '$zone'"
            stream_from 'table: src.t' "    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 10m }
    mode: merge
    key: [id]
    columns: { id: int, at: { type: $here, timezone: $zone } }"
            diner_run s
            assert_status 0
            assert_moved s "30 30 0 0 0 0 0 0"
            sql "insert into src.t values (99, (now() - interval '1 min') $([ "$there" = timestamptz ] ||
                echo "at time zone '$zone'"))"
            diner_run s
            assert_status 0
            assert_sql "select count(*) from t.s" 31
            assert_sql "select abs(extract(epoch from (select max(at) from t.s) $([ "$here" = timestamptz ] ||
                echo "at time zone '$zone'") - now())) < 100" t
        done
    done
}

@test "windows of a cursor without a zone: of the zone that is stated, else what any zone could mean; never the whole table" {
    sql "create table src.t as select i as id, '2026-03-01'::timestamp + i * interval '1 hour' as at,
         date '2026-03-01' + i / 24 as day from generate_series(0, 719) as i"
    local spec='{ cursor: at, start: 2026-03-01T00:00:00Z, window: 10d, lag: 0s, timezone: Asia/Shanghai }'
    local rest="    incremental: $spec
    mode: merge
    key: [id]
    columns: { id: int, at: timestamp, day: date }"
    stream_from 'table: src.t' "$rest"
    diner_run s --from 2026-03-10T16:00:00Z --to 2026-03-11T16:00:00Z # the 11th in Shanghai
    assert_status 0
    assert_moved s "24 24 0 0 0 0 0 0"
    assert_sql "select min(at) || ' ' || max(at) from t.s" "2026-03-11 00:00:00 2026-03-11 23:00:00"
    diner_run s # all of it, each hour once
    assert_status 0
    assert_moved s "712 688 0 24 0 0 0 0"
    sql "drop table t.s; truncate diner.state"
    stream_from 'table: src.t' "${rest/, timezone: Asia\/Shanghai/}"
    diner_run s --from 2026-03-10T16:00:00Z --to 2026-03-11T16:00:00Z
    assert_status 0
    assert_moved s "50 50 0 0 0 0 0 0"
    rest=${rest/cursor: at/cursor: day}
    sql "drop table t.s"
    stream_from 'table: src.t' "$rest"
    diner_run s --from 2026-03-10T16:00:00Z --to 2026-03-11T16:00:00Z
    assert_status 0
    assert_sql "select min(day) || ' ' || max(day) from t.s" "2026-03-10 2026-03-11"
}

@test "windows of a cursor without a zone miss no row of an hour that comes twice" {
    # New York, 2026-11-01 06:00Z: 02:00 becomes 01:00 again. 05:30Z and 06:30Z are both 01:30 there.
    sql "create table src.t as select i as id, (t at time zone 'America/New_York') as at
         from generate_series(0, 47) as i, lateral (select '2026-11-01 00:00Z'::timestamptz + i * interval '15 min' as t) x"
    stream_from 'table: src.t' '    incremental: { cursor: at, start: 2026-11-01T00:00:00Z, window: 30m, lag: 0s, timezone: America/New_York }
    mode: merge
    key: [id]
    columns: { id: int, at: timestamp }'
    local i from to
    for i in 0 1 2 3 4 5 6 7; do # night after night: a run sees what there was at its end
        from=$(date -u -d "2026-11-01 04:15Z + $((i * 30)) min" +%FT%TZ)
        to=$(date -u -d "2026-11-01 04:45Z + $((i * 30)) min" +%FT%TZ)
        sql "create or replace view src.seen as select * from src.t where '2026-11-01 00:00Z'::timestamptz + id * interval '15 min' < '$to'"
        sed -i 's/table: src.t/table: src.seen/' pipelines/s.yaml
        diner_run s --from "$from" --to "$to"
        assert_status 0
    done
    assert_sql "select count(*) from t.s where id between 17 and 32" 16
}

@test "a value that for_each binds is a column, on one connection and across two" {
    sql "create table src.stores as select unnest('{1,2}'::int[]) as no;
         create table src.t as select i as id, 1 + i % 2 as store from generate_series(1, 5) as i"
    local connection
    for connection in warehouse erp; do
        pipeline s <<YAML
streams:
  s:
    source:
      connection: $connection
      query: "select id from src.t where store = \${item.no}::int"
      for_each: { query: select no from src.stores, bind: { no: no } }
    mode: merge
    key: [id]
    columns: { id: int, store: { type: int, from: \$no }, twice: int }
    transform: [ { set: { twice: store * 2 } } ]
YAML
        diner_run s
        assert_status 0
        assert_equal "$(sql "select string_agg(concat_ws(',', id, store, twice), ' ' order by id) from t.s")" \
            "1,2,4 2,1,2 3,2,4 4,1,2 5,2,4"
        sql 'drop table t.s; truncate diner.state'
    done
}

@test "what cannot be split is told" {
    sql "create table src.t as select 'a' as code"
    stream_from 'query: "select * from src.t", readers: 2'
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "'readers' needs 'split'"
    stream_from 'table: src.t, readers: 2, split: code'
    diner_run s
    assert_status 3
    assert_stderr_has "split: 'code' is text, not an integer, date or time"
}

# ---- cursors that are numbers --------------------------------------------------------------------

by_number() { # CURSOR [LAG [CONNECTION]]
    pipeline s <<YAML
streams:
  s:
    source: { connection: ${3:-erp}, table: src.t }
    incremental: { cursor: $1, start: 10, lag: ${2:-0} }
    mode: merge
    key: [id]
YAML
}

@test "a table is read from a cursor that is a number: few rows, ties and those without one, of each type" {
    local connection type
    for connection in erp warehouse; do
        for type in smallint int bigint 'numeric(12,2)' 'double precision'; do
            sql "drop table if exists src.t, t.s; truncate diner.state;
                 create table src.t as select i as id, (i / 2)::$type as n from generate_series(1, 4000) as i;
                 insert into src.t values (5001, null); create index on src.t (n); analyze src.t" 2>/dev/null
            by_number n 0 $connection
            diner_run s
            assert_status 0
            assert_moved s "3982 3982 0 0 0 0 0 0" # from 20 on, and the one without
            sql "insert into src.t values (6001, 2000), (6002, 2000.4), (6003, 1999), (6004, null)"
            diner_run s
            assert_status 0
            # what has 2000 again; 6003 is behind the cursor: it came later than the lag allows
            assert_moved s "5 3 0 2 0 0 0 0"
            diner_run s --full-refresh
            assert_moved s "3986 1 0 3985 0 0 0 0"
        done
    done
    by_number n 1
    diner_run s
    assert_moved s "$(sql 'select count(*) from src.t where n >= (select max(n) - 1 from src.t) or n is null') 0 0 $(
        sql 'select count(*) from src.t where n >= (select max(n) - 1 from src.t) or n is null') 0 0 0 0"
}

@test "a bound that is a number is looked up in an index, and read by several from one snapshot" {
    sql "create table src.t as select i::bigint as id, repeat('x', 200) as name from generate_series(1, 50000) as i;
         create unique index on src.t (id); analyze src.t"
    by_number id 100
    sed -i 's/table: src.t/&, readers: 3, split: id/' pipelines/s.yaml
    diner_run s
    assert_status 0
    assert_moved s "49991 49991 0 0 0 0 0 0"
    sql "select pg_stat_reset(); insert into src.t values (50001, 'new')" >/dev/null
    diner_run s
    assert_status 0
    assert_moved s "102 1 0 101 0 0 0 0"
    # What a session did is told at its end.
    wait_for 5 sh -c "[ \"\$(psql -XAtqd '$(dev_dsn)' -c \"select idx_scan from pg_stat_user_tables where relid = 'src.t'::regclass\")\" != 0 ]"
    assert_sql "select seq_tup_read < 1000 from pg_stat_user_tables where relid = 'src.t'::regclass" t
}

@test "--from and --to of a cursor that is a number; a time says nothing to it" {
    sql "create table src.t as select i as id, now() as at from generate_series(1, 100) as i"
    by_number id
    cat >>pipelines/s.yaml <<'YAML'
  timed:
    source: { connection: erp, table: src.t }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 1h }
    mode: merge
    key: [id]
YAML
    diner_run s --from 20 --to 30.0 --only s
    assert_status 0
    assert_moved s "10 10 0 0 0 0 0 0"
    assert_sql "select count(*) from diner.state" 0
    diner_run s --from 5 --to 12 # before `start`, asked for; the other goes on from its cursor
    assert_status 0
    assert_moved s "7 7 0 0 0 0 0 0"
    assert_moved timed "100 100 0 0 0 0 0 0"
    assert_sql "select string_agg(stream, ',') from diner.state" timed
    diner_run s --to 2026-01-02 # of the other alone
    assert_status 0
    assert_moved s "91 79 0 12 0 0 0 0"
    assert_moved timed "0 0 0 0 0 0 0 0"
    assert_sql "select value from diner.state where stream = 's'" 100
    diner_run s --from 30 --to 30
    assert_status 2
    assert_stderr_has "--from 30 is not before --to 30"
    diner_run s --from 30 --to 2026-01-01
    assert_status 2
    diner_run s --only timed --from 30
    assert_status 2
    assert_stderr_has "expected a time or a business day, found '30'"
}

@test "children have cursors of their own that are numbers; one that vanished and comes back goes on" {
    sql "create table src.shops as select unnest(array['A','B']) as shop;
         create table src.t as select s || i as id, s as shop, case s when 'A' then i else i * 1000 end as seq
           from generate_series(1, 20) as i, unnest(array['A','B','C']) as s"
    pipeline s <<'YAML'
streams:
  s:
    source:
      connection: erp
      query: "select id, seq from src.t where shop = ${item.shop}"
      for_each: { query: select shop from src.shops, bind: { shop: shop } }
    incremental: { cursor: seq, start: 10, lag: 2 }
    mode: merge
    key: [id]
    columns: { id: text, shop: { type: text, from: $shop }, seq: bigint }
YAML
    diner_run s
    assert_status 0
    assert_moved s "31 31 0 0 0 0 0 0"
    assert_sql "select string_agg(child || ' ' || value, '; ' order by child) from diner.state" \
        '{"shop":"A"} 20; {"shop":"B"} 20000'
    sql "delete from src.shops where shop = 'B'; insert into src.shops values ('C');
         insert into src.t values ('A21', 'A', 21), ('B21', 'B', 21000)"
    diner_run s
    assert_moved s "24 21 0 3 0 0 0 0" # 18 19 20 21 of A; of C all 20
    sql "insert into src.shops values ('B')"
    diner_run s --only s
    assert_moved s "6 1 0 5 0 0 0 0" # 19 20 21 of A, 20000 and 21000 of B, 20000 of C
}

@test "a cursor that is a number: what is killed at any instant loses and doubles nothing" {
    sql "create table src.t (id bigint primary key, n numeric, v int)"
    by_number n 5
    local i
    for i in 1 2 3 4 5 6 7 8; do
        # Ties across runs, rows that come late within the lag, rows changed with a new number.
        sql "insert into src.t select $i * 10000 + j, $i * 100 + 10 + j / 20, j from generate_series(1, 2000) as j;
             insert into src.t values ($i * 10000 + 5000, $i * 100 + 110 - 3, 0), ($i * 10000 + 5001, null, 0);
             update src.t set v = v + 1, n = $i * 100 + 110 where id % 10000 = 7"
        "$DINER" run s >/dev/null 2>&1 3>&- &
        local run=$!
        sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
        kill -9 "$run" 2>/dev/null || true
        wait "$run" || true
        if [ $((i % 3)) = 0 ]; then
            "$DINER" run s >/dev/null 2>&1 # else it would never be more than a first run
        fi
    done
    diner_run s
    assert_status 0
    assert_sql "select count(*) from t.s" 16016
    assert_sql "select count(*) from ((table src.t except all select id, n, v from t.s) union all (select id, n, v from t.s except all table src.t)) x" 0
    diner_run s
    assert_json '.[0].inserted == 0 and .[0].updated == 0 and .[0].read < 300'
}

@test "what a cursor is, \`start\` is: a time or a number, with a lag of its kind" {
    sql "create table src.t as select 1 as id, now() as at, 'x' as code"
    local rest='    mode: merge
    key: [id]
    columns: { id: bigint, at: timestamptz, code: text }'
    refused() { # INCREMENTAL, MESSAGE
        stream_from 'table: src.t' "    incremental: { $1 }
$rest"
        run --separate-stderr "$DINER" pipeline lint s
        assert_status 3
        assert_stdout_has "$2"
    }
    refused 'cursor: id, start: 2026-01-01' "the cursor 'id' is a number, so 'start' must be one"
    refused 'cursor: at, start: 5, lag: 1' "'start' is a number, and the cursor 'at' is none"
    refused 'cursor: id, start: 0' "the cursor is a number, so 'lag' must say by how much less each run reads again"
    refused 'cursor: id, start: 0, lag: 10m' "the cursor is a number, so 'lag' must say"
    refused 'cursor: id, start: 0, lag: -1' "the cursor is a number, so 'lag' must say"
    refused 'cursor: id, start: 0, lag: 1, window: 1d' "are spans of time, and the cursor is a number"
    refused 'cursor: at, start: 2026-01-01, lag: 5' "'lag' is a duration, as 'start' is a time, found '5'"
    refused 'cursor: at, start: soon' "'start' is a date or time, or a number, found 'soon'"
    rest='    mode: merge
    key: [id]' # what no file says, the table does
    stream_from 'table: src.t' "    incremental: { cursor: id, start: 2026-01-01 }
$rest"
    diner_run s
    assert_status 3
    assert_stderr_has "the cursor 'id' is a number, so 'start' must be one"
}

# By the server itself, or by way of diner: the connection that runs the query says so of itself.
stream_of() { # CONNECTION SOURCE [REST OF THE STREAM]
    stream_from "$2" "${3:-}"
    sed -i "s/connection: erp/connection: $1/" pipelines/s.yaml
}

who_moved() { # COLUMNS "EXPRESSIONS" [REST]: self or diner
    stream_of warehouse "query: \"select current_setting('application_name') as via, $2\"" "    columns: { via: text, $1 }
${3:-}"
    sql 'drop table if exists t.s' 2>/dev/null
    diner_run s
    assert_status 0
    sql "select case via when 'diner source' then 'diner' else 'self' end from t.s limit 1"
}

@test "one database: a value that does not fit is one reject, as from another, and the good rows are loaded" {
    sql "create table src.t (k text, n int8)"
    sql "insert into src.t values ('a', 1), ('b', 5000000000), ('c', 3), (null, 4), ('e', -2147483648)"
    local connection rejects
    for connection in erp warehouse; do
        stream_of "$connection" 'table: src.t' '    mode: merge
    key: [k]
    on_error: { max_rejects: 10 }
    columns: { k: text, n: int }'
        sql 'drop table if exists t.s; truncate diner.reject' 2>/dev/null
        diner_run s
        assert_status 0
        assert_moved s "5 3 0 0 0 0 2 0"
        assert_rows s "a,1 c,3 e,-2147483648" "k, n"
        rejects=$(sql "select string_agg(concat_ws('|', position, column_name, value, reason, key), '; ' order by position) from diner.reject")
        assert_equal "$rejects" "$(cat first 2>/dev/null || echo "$rejects")"
        echo "$rejects" >first
    done
    assert_equal "$rejects" "2|n|5000000000|out of the type's range|{\"k\": \"b\"}; 4|k||null in the key|{}"
    # A plan in which the server's own way fails halfway
    sql 'truncate diner.reject'
    run --separate-stderr "$DINER" pipeline plan s
    assert_status 0
    assert_stdout_has " 3         2 "
    assert_rows s "a,1 c,3 e,-2147483648" "k, n"
    # Nothing is forgiven that the budget does not allow
    sed -i 's/max_rejects: 10/max_rejects: 1/' pipelines/s.yaml
    diner_run s
    assert_status 1
}

@test "one database: of each type the bad value alone is rejected, with its reason, as from another" {
    local connection n=0 from good bad to reason
    while IFS=';' read -r from good bad to reason; do
        n=$((n + 1))
        sql "drop table if exists src.t; create table src.t (id int, v $from)"
        sql "insert into src.t values (1, $good), (2, $bad), (3, null)"
        for connection in erp warehouse; do
            sql 'drop table if exists t.s; truncate diner.reject' 2>/dev/null
            stream_of "$connection" 'table: src.t' "    mode: merge
    key: [id]
    on_error: { max_rejects: 10 }
    columns: { id: int, v: $to }"
            diner_run s
            assert_status 0
            assert_moved s "3 2 0 0 0 0 1 0"
            assert_equal "$connection $from $to: $(sql "select position, column_name, reason from diner.reject")" \
                "$connection $from $to: 2|v|$reason"
        done
    done <<'ROWS'
bigint;5;5000000000;int;out of the type's range
int;5;40000;smallint;out of the type's range
numeric;1.50;123456789.00;"numeric(10,2)";more digits than the type allows
numeric;1.50;1.005;"numeric(10,2)";more than 2 decimals
numeric;1.50;'NaN';"numeric(10,2)";not a number
numeric(12,2);1.50;123456789.00;"numeric(10,2)";more digits than the type allows
numeric(12,3);1.500;1.005;"numeric(12,2)";more than 2 decimals
numeric;7;7.5;int;not a whole number
text;'abcde';'abcdef';varchar(5);longer than the type allows
text;'abcde';'abcde ';varchar(5);longer than the type allows
timestamp;'2026-01-02';'0044-03-15 BC';{ type: timestamptz, timezone: Asia/Shanghai };not a time as iso (2026-11-22 or 2026-11-22T05:15:00+08:00)
text;'2026-01-02';'soon';date;not a date as iso (2026-11-22 or 2026-11-22T05:15:00+08:00)
date;'2026-01-02';'infinity';{ type: timestamptz, timezone: Asia/Shanghai };not a time as iso (2026-11-22 or 2026-11-22T05:15:00+08:00)
timestamptz;'2026-01-02';'infinity';{ type: timestamp, timezone: Asia/Shanghai };not a time as iso (2026-11-22 or 2026-11-22T05:15:00+08:00)
text;'true';'maybe';bool;not true or false
text;'{}';'{';jsonb;not valid JSON
json;'{}';'{"a":"\u0000"}';jsonb;JSON with \u0000
ROWS
    [ "$n" = 17 ]
}

@test "one database: where types agree or widen the server moves the rows by itself, else diner does" {
    local columns expressions
    while IFS=';' read -r columns expressions; do
        assert_equal "$columns: $(who_moved "$columns" "$expressions")" "$columns: self"
    done <<'ROWS'
a: int, b: text, c: "numeric(10,2)", d: timestamptz, e: date, f: jsonb;1 as a, 'x'::text as b, 2::numeric(10,2) as c, now() as d, current_date as e, '{}'::jsonb as f
a: bigint, b: int, c: numeric;1::int2 as a, 2::int2 as b, 3::int8 as c
a: "numeric(12,2)", b: numeric;1::int4 as a, 1::numeric(5,2) as b
a: "numeric(14,3)";1::numeric(12,2) as a
a: text, b: varchar(30);'x'::varchar(20) as a, 'x'::varchar(20) as b
a: text, b: float8;'{1,2}'::int[] as a, 1.5::real as b
a: int;count(*) as a from (select 1) as x
a: numeric, b: int, c: timestamp;'1.50'::money as a, 1::int8 as b, current_date as c
a: { type: text, required: true }, b: { type: timestamptz, timezone: Asia/Shanghai };'x'::text as a, now() as b
ROWS
    while IFS=';' read -r columns expressions; do
        assert_equal "$columns: $(who_moved "$columns" "$expressions")" "$columns: diner"
    done <<'ROWS'
a: "numeric(10,2)";sum(1.5) as a from (select 1) as x
a: varchar(5);'x'::text as a
a: int;1::numeric as a
a: float8;1::int8 as a
a: { type: timestamp, timezone: Asia/Shanghai };now() as a
a: { type: text, null: [none] };'x'::text as a
ROWS
}

@test "one database: what is required is looked at, for_each's values too, and a unit or a null word is not passed over" {
    sql "create table src.t as select * from (values (1, 'a', 1999::bigint), (2, null, 5), (3, 'none', 7)) as v (id, name, fen)"
    local connection
    for connection in erp warehouse; do
        sql 'drop table if exists t.s; truncate diner.reject' 2>/dev/null
        stream_of "$connection" 'query: "select id, name, fen::numeric from src.t"' '    on_error: { max_rejects: 10 }
    columns: { id: int, name: { type: text, required: true, null: [none] }, fen: { type: numeric, unit: cents } }'
        diner_run s
        assert_status 0
        assert_moved s "3 1 0 0 0 0 2 0"
        assert_rows s "1,a,19.99" "id, name, fen"
        assert_sql "select string_agg(reason, '; ' order by position) from diner.reject" "null, but required; empty, but required"
        # required alone, before a transform that would fill it
        sql 'drop table t.s; truncate diner.reject'
        stream_of "$connection" 'query: "select id, name from src.t"' '    on_error: { max_rejects: 10 }
    columns: { id: int, name: { type: text, required: true } }
    transform: [ { set: { id: id + 1 } } ]'
        diner_run s
        assert_status 0
        assert_moved s "3 2 0 0 0 0 1 0"
        assert_sql "select position, column_name, reason from diner.reject" '2|name|null, but required'
        # a dry run looks at each row
        sql 'drop table t.s; truncate diner.reject'
        diner_run s --dry-run
        assert_status 0
        assert_json '.[0].rejected == 1 and .[0].accepted == 2'
        # a value that for_each binds
        stream_of "$connection" "query: \"select id from src.t where \${item.no} <> ''\"
      for_each: { query: \"select unnest('{12,5000000000}'::text[]) as no\", bind: { no: no } }" '    on_error: { max_rejects: 10 }
    mode: merge
    key: [id, no]
    columns: { id: int, no: { type: int, from: $no } }'
        sed -i 's/source: { connection: \([a-z]*\), query: \(.*\)$/source:\n      connection: \1\n      query: \2/; s/bind: { no: no } } }/bind: { no: no } }/' pipelines/s.yaml
        diner_run s
        assert_status 0
        assert_rows s "1,12 2,12 3,12" "id, no"
        assert_sql "select count(*), min(column_name) from diner.reject" "3|no"
    done
}

@test "one database: what the target refuses is one reject, by way of diner and without" {
    sql "create domain src.kind as text check (value in ('a', 'b')); create table src.t as
         select * from (values (1, 'a', 1, 1), (2, 'x', 1, 1), (3, 'b', null, 1), (4, 'b', 4, -1)) as v (id, kind, n, qty)"
    local connection
    for connection in erp warehouse; do
        sql 'drop table if exists t.s; truncate diner.reject' 2>/dev/null
        sql 'create table t.s (id int primary key, kind src.kind, n int not null, qty int check (qty > 0))'
        stream_of "$connection" 'table: src.t' '    mode: merge
    key: [id]
    on_error: { max_rejects: 10 }
    columns: { id: int, kind: text, n: int, qty: int }'
        diner_run s
        assert_status 0
        assert_moved s "4 1 0 0 0 0 3 0"
        assert_sql "select string_agg(reason, '; ' order by position) from diner.reject" \
            "value for domain src.kind violates check constraint \"kind_check\"; null, which \"t\".\"s\" does not take; violates check 's_qty_check'"
    done
}

@test "one database: a table that is read by way of diner may be altered by what it is loaded into" {
    sql "create table t.s (id int, v int); insert into t.s values (1, 10), (2, 20)"
    stream_of warehouse 'query: "select id, v::numeric as v, 1.5 as w from t.s"' '    mode: replace
    key: [id]
    schema: { columns: evolve }
    columns: { id: int, v: int, w: "numeric(4,1)" }'
    diner_run s
    assert_status 0
    assert_rows s "1,10,1.5 2,20,1.5" "id, v, w"
}
