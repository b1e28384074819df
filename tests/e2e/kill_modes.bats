#!/usr/bin/env bats
# kill -9 of a run and of PostgreSQL at random instants, in every mode of a PostgreSQL target: the next
# run ends with exactly the rows that an undisturbed run gives. KILL_SEED repeats the instants,
# KILL_ROUNDS says how many (8).
# shellcheck disable=SC2016
bats_require_minimum_version 1.5.0
load ../helper
load ../cli/pipelines

setup_file() {
    dev_start
    export KILL_SEED=${KILL_SEED:-$((RANDOM * 32768 + RANDOM))} KILL_ROUNDS=${KILL_ROUNDS:-8}
    echo "# KILL_SEED=$KILL_SEED" >&3
}
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    RANDOM=$((KILL_SEED % 32768 + BATS_TEST_NUMBER))
}

# Every mode, of one source: 6,000 events of 2,000 keys. Some rows are rejects.
modes() {
    sql "create table t.feed (n int, code text, qty int, at timestamptz)"
    {
        echo 'version: 1'
        echo 'name: modes'
        echo 'defaults:'
        echo '  target: { connection: warehouse, schema: t }'
        echo '  on_error: { max_rejects: 1000, max_reject_rate: 100% }'
        echo 'streams:'
        local columns='columns: { code: text, qty: int, at: timestamptz }'
        local check='checks: [ { expr: "qty <> 13", on_fail: reject }, { expr: "qty > 1", on_fail: warn } ]'
        local now='select distinct on (code) code, qty, at from t.feed where n % 100 <> 99 order by code, at desc'
        local window='at >= ${window.start}::timestamptz and at < ${window.end}::timestamptz'
        local incremental='incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 10d }'
        cat <<YAML
  versions: { source: { connection: warehouse, query: "select * from t.feed where $window" }, mode: scd2, key: [code], $incremental, $columns, $check }
  snapshots: { source: { connection: warehouse, query: "$now" }, mode: scd2, key: [code], deletes: hard, guard: { max_shrink: 100% }, $columns, $check }
  facts: { source: { connection: warehouse, query: "select * from t.feed where $window" }, mode: delete_insert, guard: { max_shrink: 100% }, $incremental, $columns, $check }
  parts: { source: { connection: warehouse, query: "select code, qty, at, n % 7 as part from t.feed" }, mode: delete_insert, partition_by: [part], guard: { max_shrink: 100% }, columns: { code: text, qty: int, at: timestamptz, part: int }, $check }
  marked: { source: { connection: warehouse, query: "$now" }, mode: merge, key: [code], deletes: soft, guard: { max_shrink: 100% }, $columns, $check }
  log: { source: { file: "../feed*.csv" }, mode: append, columns: { code: text, qty: int }, checks: [ { expr: "qty <> 13", on_fail: reject } ] }
  whole: { source: { connection: warehouse, query: "$now" }, mode: replace, key: [code], guard: { max_shrink: 100% }, $columns, $check }
YAML
    } >pipelines/modes.yaml
}
feed() { # STATE 1|2: the second changes, adds and takes away rows
    { echo code,qty; seq 5000 | sed "s|.*|F$1-&,&|"; } >"feed$1.csv"
    sql "truncate t.feed;
         insert into t.feed select n, 'K' || n % 2000, (n * 7 + n / 2000 * 3) % 50, '2026-02-01'::timestamptz + (n % 6000) * interval '1 minute'
         from generate_series(1, 6000) n;
         $([ "$1" = 1 ] || echo "update t.feed set qty = qty + 1 where n % 3 = 0;
         delete from t.feed where n % 11 = 0 or n % 2000 < 40;
         insert into t.feed select n, 'N' || n, n % 40, '2026-02-03'::timestamptz + n * interval '1 minute' from generate_series(1, 500) n")" >/dev/null
}
night() { "$DINER" run modes >night.log 2>&1 || { local s=$?; cat night.log >&2; return $s; }; }

# All that is to be the same, without what tells when and by which run.
snapshot() { # FILE
    sql "select 'versions ' || concat_ws(',', code, qty, at, valid_from, valid_to, is_current) as r from t.versions
         union all select 'snapshots ' || concat_ws(',', code, qty, at, is_current, valid_to is null) from t.snapshots
         union all select 'facts ' || concat_ws(',', code, qty, at) from t.facts
         union all select 'parts ' || concat_ws(',', code, qty, at, part) from t.parts
         union all select 'marked ' || concat_ws(',', code, qty, at, _deleted_at is not null) from t.marked
         union all select 'whole ' || concat_ws(',', code, qty, at) from t.whole
         union all select 'log ' || concat_ws(',', code, qty) from t.log
         union all select 'state ' || concat_ws(',', stream, name, value) from diner.state
         union all select 'reject ' || concat_ws(',', stream, position, reason, raw) from diner.reject
         order by 1" >"$1"
}
save() {
    for table in versions snapshots facts parts marked whole log; do
        sql "drop table if exists t.kept_$table; create table t.kept_$table as table t.$table" 2>/dev/null
    done
    sql "drop table if exists t.kept_state; create table t.kept_state as table diner.state" 2>/dev/null
}
restore() {
    sql "truncate diner.run, diner.run_stream, diner.run_slice, diner.reject, diner.finding, diner.state restart identity cascade;
         insert into diner.state select * from t.kept_state" 2>/dev/null
    for table in versions snapshots facts parts marked whole log; do
        sql "truncate t.$table; insert into t.$table select * from t.kept_$table"
    done
}
next_night() {
    local status=0
    for _ in $(seq 60); do
        night && return 0
        status=$?
        [ "$status" -eq 8 ] || [ "$status" -eq 6 ] || break
        sleep 0.05
    done
    cat night.log >&2
    return "$status"
}
versions_hold() {
    for table in versions snapshots; do
        assert_sql "select count(*) from t.$table a join t.$table b on a.code = b.code and a.ctid <> b.ctid
            and a.valid_from < coalesce(b.valid_to, 'infinity') and b.valid_from < coalesce(a.valid_to, 'infinity')" 0
    done
}

rounds() { # diner|postgres N
    local i ms landed=0 started
    modes
    feed 1
    night
    save
    restore
    feed 2
    started=${EPOCHREALTIME/./}
    night
    ms=$(((${EPOCHREALTIME/./} - started) / 1000))
    snapshot good
    [ "$(grep -c '^versions ' good)" -gt 5000 ]
    [ "$(grep -c '^reject ' good)" -gt 100 ]
    [ "$(grep -c '^marked .*,t$' good)" -gt 10 ]
    night # and again: nothing is to change
    snapshot again
    diff good again
    for ((i = 1; i <= $2; i++)); do
        restore
        "$DINER" run modes >killed.log 2>&1 3>&- &
        local run=$! pause=$(((RANDOM * 32768 + RANDOM) % (ms * 3 / 4)))
        sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
        if [ -e "/proc/$run/fd/2" ]; then landed=$((landed + 1)); fi
        if [ "$1" = diner ]; then
            kill -9 "$run" 2>/dev/null || true
        else
            kill -9 "$(dev_postgres_pid)"
            (cd "$PROJECT" && "$DINER" dev up) >/dev/null 2>&1 3>&-
        fi
        wait "$run" || true
        next_night
        snapshot now
        diff good now >&2 || fail "$1, round $i of seed $KILL_SEED, killed after $pause of $ms ms"
        versions_hold
    done
    echo "# $1: $landed of $2 kills came during the run of $ms ms" >&3
    [ "$landed" -ge $(($2 / 4)) ]
}

@test "kill -9 of a run in every mode, at random instants" {
    rounds diner "$KILL_ROUNDS"
}

@test "kill -9 of PostgreSQL in every mode, at random instants" {
    rounds postgres $(((KILL_ROUNDS + 1) / 2))
}
