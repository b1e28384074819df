#!/usr/bin/env bats
# Change detection: of a full snapshot only what the table does not have is sent, and the result and
# the counts are those of comparing every row.
# shellcheck disable=SC2016,SC2034
load ../helper
load pipelines
load snapshot

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    RUN_OPTIONS=()
}

@test "only rows that are new or changed are sent, and rows that are gone are seen" {
    stock
    lines S1,A,1,2026-01-01T00:00:00Z,x S1,B,2,, S2,A,3,,z S2,B,4,,
    load_stock "4 4 0 0 0 0 0 0"
    assert_sql "select count(distinct _row_hash) from t.stock" 4
    lines S1,A,1,2026-01-01T00:00:00Z,x S1,B,2.5,, S2,A,3,,z S2,C,9,,
    load_stock "4 1 1 2 1 0 0 0" 2
    assert_equal "$(rows stock "store, code, qty, note")" "S1,A,1.000,x S1,B,2.500 S2,A,3.000,z S2,C,9.000"
    assert_sql "select count(*) from t.stock where _run_id = (select max(id) from diner.run)" 2
    assert_sql "select count(distinct _row_hash) from t.stock" 4
}

@test "an unchanged snapshot writes no tuple and next to no WAL" {
    stock
    { echo store,code,qty,at,note && seq -f 'S1,%g,1,2026-01-01T00:00:00Z,x' 20000; } >in.csv
    load_stock "20000 20000 0 0 0 0 0 0"
    local before after
    before=$(tuples)
    sql checkpoint
    after=$(sql "select pg_current_wal_lsn()")
    load_stock "20000 0 0 20000 0 0 0 0" 0
    assert_equal "$(sql "select pg_current_wal_lsn() - '$after' < 262144")" t
    assert_equal "$(tuples)" "$before"
}

@test "equal values are equal rows: decimals, zones, null and empty, the order of rows" {
    QTY=numeric stock
    lines S1,A,1.0,2026-01-01T08:00:00+08:00,x S1,B,20,, S1,C,-0.0,,
    load_stock "3 3 0 0 0 0 0 0"
    lines S1,C,0,, S1,B,20.000,,'""' S1,A,01.00,2026-01-01T00:00:00Z,x
    load_stock "3 0 0 3 0 0 0 0" 0
    lines S1,A,1.01,2026-01-01T00:00:00Z,x S1,B,20,, s1,B,20,, S1,C,0,2026-01-01T00:00:01Z,
    load_stock "4 1 2 1 0 0 0 0" 3
}

@test "two rows of one key: as without hashes, whichever of them the table has" {
    stock
    lines S1,A,1,,x S1,B,2,,
    load_stock "2 2 0 0 0 0 0 0"
    lines S1,A,1,,x S1,B,2,, S1,A,1,,x # the same row twice
    load_stock "3 0 0 2 0 1 0 0" 0
    lines S1,A,7,,x S1,B,2,, S1,A,1,,x # the last is the one of the table
    load_stock "3 0 0 2 0 1 0 0"
    assert_stderr_has "is read again, every row of it"
    lines S1,A,1,,x S1,B,2,, S1,A,8,,x # the last is another
    load_stock "3 0 1 1 0 1 0 0"
    assert_equal "$(rows stock "code, qty")" "A,8.000 B,2.000"
    lines S1,A,6,,x S1,B,2,, S1,A,5,,x # neither is
    load_stock "3 0 1 1 0 1 0 0" 2
    assert_equal "$(rows stock "code, qty")" "A,5.000 B,2.000"
}

@test "a row that comes again far from itself is one row, in whatever order the file is" {
    for MODE in merge replace; do
        sql "drop table if exists t.stock"
        stock
        { echo store,code,qty,at,note && seq -f 'S1,%g,1,2026-01-01T00:00:00Z,x' 20000; } >in.csv
        load_stock "20000 20000 0 0 0 0 0 0"
        echo 'S1,1,1,2026-01-01T00:00:00Z,x' >>in.csv
        load_stock "20001 0 0 20000 0 1 0 0"
        [[ $stderr != *"is read again"* ]]
        sed -i 's/^S1,5,1,/S1,5,2,/; s/^S1,19000,1,/S1,19000,2,/' in.csv
        load_stock "20001 0 2 19998 0 1 0 0" 3
        { sed -n 1p in.csv && sed 1d in.csv | sort -t, -k2; } >sorted.csv && mv sorted.csv in.csv
        load_stock "20001 0 0 20000 0 1 0 0"
        assert_sql "select sum(qty) from t.stock" 20002.000
    done
}

@test "a rejected key keeps its row, and its hash tells nothing wrong afterwards" {
    stock
    lines S1,A,1,, S1,B,2,,
    load_stock "2 2 0 0 0 0 0 0"
    lines S1,A,x,, S1,B,2,,
    load_stock "2 0 0 1 0 0 1 0" 0
    assert_equal "$(rows stock "code, qty")" "A,1.000 B,2.000"
    lines S1,A,x,,
    load_stock "1 0 0 0 1 0 1 0"
    assert_equal "$(rows stock "code, qty")" "A,1.000"
    lines S1,A,1,, S1,B,2,,
    load_stock "2 1 0 1 0 0 0 0" 1
    stock 'checks: [{ expr: "qty < 5", on_fail: reject }]'
    lines S1,A,9,, S1,B,2,,
    load_stock "2 0 0 1 0 0 1 0"
    load_stock "2 0 0 1 0 0 1 0" 1 # told in each run
    assert_equal "$(rows stock "code, qty")" "A,1.000 B,2.000"
}

@test "merge keeps what is gone; deletes hard and soft see it" {
    MODE=merge stock
    lines S1,A,1,, S1,B,2,,
    load_stock "2 2 0 0 0 0 0 0"
    lines S1,A,1,,
    load_stock "1 0 0 1 0 0 0 0" 0
    MODE=merge stock 'deletes: soft'
    load_stock "1 0 0 1 1 0 0 0"
    assert_sql "select string_agg(code, ',') from t.stock where _deleted_at is null" A
    load_stock "1 0 0 1 0 0 0 0" 0
    lines S1,A,1,, S1,B,2,,
    load_stock "2 0 1 1 0 0 0 0" 1
    assert_sql "select count(*) from t.stock where _deleted_at is null" 2
    MODE=merge stock 'deletes: hard'
    lines S1,B,2,,
    load_stock "1 0 0 1 1 0 0 0" 0
    assert_sql "select string_agg(code, ',') from t.stock" B
}

@test "another specification sends all rows again; equal rows are not written for it" {
    stock
    lines S1,A,1,,x S1,B,2,,y
    load_stock "2 2 0 0 0 0 0 0"
    load_stock "2 0 0 2 0 0 0 0" 0
    sed -i 's/note: text/note: { type: text, "null": [y] }/' pipelines/stock.yaml
    load_stock "2 0 1 1 0 0 0 0"
    load_stock "2 0 0 2 0 0 0 0" 0
    sql "alter table t.stock drop column note" # added again by the run, without its values
    load_stock "2 0 1 1 0 0 0 0"
    assert_equal "$(rows stock "code, note")" "A,x B"
    load_stock "2 0 0 2 0 0 0 0" 0
}

@test "what a contract left out is loaded when it no longer does" {
    stock
    lines S1,A,1,,x S1,B,2,,y
    load_stock "2 2 0 0 0 0 0 0"
    sql "alter table t.stock drop column note"
    stock 'schema: { columns: discard_value }'
    load_stock "2 0 0 2 0 0 0 0"
    load_stock "2 0 0 2 0 0 0 0" 0
    stock # evolve: the column is added
    load_stock "2 0 2 0 0 0 0 0"
    assert_equal "$(rows stock "code, note")" "A,x B,y"
}

@test "a load that keeps no hashes leaves none behind that tell of other values" {
    stock
    lines S1,A,1,,x S1,B,2,,y
    load_stock "2 2 0 0 0 0 0 0"
    stock 'change_detection: off'
    lines S1,A,5,,x S1,B,2,,y
    load_stock "2 0 1 1 0 0 0 0"
    assert_sql "select string_agg(code, ',') from t.stock where _row_hash is null" A
    stock
    lines S1,A,1,,x S1,B,2,,y # as it was
    load_stock "2 0 1 1 0 0 0 0" 1
    assert_equal "$(rows stock "code, qty")" "A,1.000 B,2.000"
}

@test "--verify finds and mends what another writer changed" {
    stock
    lines S1,A,1,,x S1,B,2,,y S1,C,3,,z
    load_stock "3 3 0 0 0 0 0 0"
    sql "update t.stock set qty = 77 where code = 'B'" # and left _row_hash as it was
    sql "update t.stock set qty = 88, _row_hash = null where code = 'C'"
    sql "insert into t.stock (store, code, qty) values ('S9', 'Z', 1)"
    load_stock "3 0 1 2 1 0 0 0" 1 # a hash that is missing is seen by each run
    assert_equal "$(rows stock "code, qty")" "A,1.000 B,77.000 C,3.000"
    RUN_OPTIONS=(--verify)
    load_stock "3 0 1 2 0 0 0 0"
    assert_stderr_has "1 rows of \"t\".\"stock\" were changed by others"
    assert_equal "$(rows stock "code, qty")" "A,1.000 B,2.000 C,3.000"
    load_stock "3 0 0 3 0 0 0 0"
    refute_stderr_has "changed by others"
}

@test "tables of other people get no hashes, and who takes no part says why" {
    sql "create table t.stock (store text, code text, qty numeric(12,3), at timestamptz, note text,
         primary key (store, code))"
    stock
    lines S1,A,1,,x
    load_stock "1 1 0 0 0 0 0 0"
    assert_stderr_has "no change detection: the table was made by somebody else"
    assert_sql "select count(*) from pg_attribute where attrelid = 't.stock'::regclass
                and attname = '_row_hash'" 0
    sql "drop table t.stock"
    stock 'change_detection: off'
    load_stock "1 1 0 0 0 0 0 0"
    assert_stderr_has "no change detection: change_detection is off"
    stock 'checks: [{ sql: "select count(*) > 0 from ${staged}" }]'
    load_stock "1 0 0 1 0 0 0 0"
    assert_stderr_has "no change detection: a check looks at all rows together"
}

@test "a table made before takes part after one full comparison" {
    stock 'change_detection: off'
    lines S1,A,1,,x S1,B,2,,y
    load_stock "2 2 0 0 0 0 0 0"
    stock
    load_stock "2 0 0 2 0 0 0 0"
    assert_sql "select count(_row_hash) from t.stock" 2
    load_stock "2 0 0 2 0 0 0 0" 0
}

# Random tables and random changes of them: by hashes and by comparing every row the same comes out.
@test "model: random snapshots give the table and counts of a full comparison" {
    local round seed=${SNAPSHOT_SEED:-$RANDOM}
    echo "# SNAPSHOT_SEED=$seed" >&3
    for mode in replace merge; do
        sql "drop table if exists t.hashed, t.full"
        sql "truncate diner.state"
        for way in hashed full; do
            pipeline "$way" <<E
streams:
  $way:
    source: { file: ../in.csv }
    mode: $mode
    key: [store, code]
    change_detection: $([ "$way" = full ] && echo off || echo auto)
    guard: { min_rows: 0, max_shrink: 100% }
    on_error: { max_rejects: 1000, max_reject_rate: 100% }
    checks: [{ expr: "qty is null or qty < 9", on_fail: reject }]
    columns: { store: text, code: text, qty: numeric, note: text, at: timestamptz }
E
        done
        for round in $(seq "${SNAPSHOT_ROUNDS:-12}"); do
            awk -v seed="$((seed + round))" -v hard="$((round % 3))" 'BEGIN {
                srand(seed); print "store,code,qty,note,at"
                n = int(rand() * 300)
                for (i = 0; i < n; i++) {
                    store = "S" int(rand() * 3)
                    code = hard ? int(rand() * 150) : i
                    qty = rand() < 0.03 ? "bad" : int(rand() * 2.2 + (rand() < 0.05 ? 8 : 0)) (rand() < 0.5 ? ".0" : "")
                    if (hard == 1 && rand() < 0.01) code = ""
                    at = rand() < 0.5 ? "2026-01-01T08:00:00+08:00" : "2026-01-01T00:00:00Z"
                    printf "%s,%s,%s,%s,%s\n", store, code, qty, rand() < 0.2 ? "" : "n" code, at
                } }' >in.csv
            diner_run full
            assert_status 0
            local full=$output
            diner_run hashed
            assert_status 0
            assert_equal "$(jq -c '.[0] | del(.stream, .pipeline, .elapsed_ms, .target)' <<<"$output")" \
                "$(jq -c '.[0] | del(.stream, .pipeline, .elapsed_ms, .target)' <<<"$full")"
            assert_sql "select count(*) from (select store, code, qty, note, at from t.hashed
                except select store, code, qty, note, at from t.full) d" 0
            assert_sql "select (select count(*) from t.hashed) - (select count(*) from t.full)" 0
        done
    done
}

@test "kill -9 at random instants of a changed snapshot: the next run gives the source" {
    local round pid seed=${KILL_SEED:-$RANDOM}
    echo "# KILL_SEED=$seed" >&3
    RANDOM=$seed
    stock
    { echo store,code,qty,at,note && seq -f 'S1,%g,1,,x' 30000; } >in.csv
    load_stock "30000 30000 0 0 0 0 0 0"
    for round in $(seq "${KILL_ROUNDS:-8}"); do
        awk -F, -v OFS=, -v n="$round" 'NR > 1 && NR % 10 == n { $5 = "r" n } NR == 1 || NR % 50 != n' in.csv >next.csv
        mv next.csv in.csv
        "$DINER" run stock >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.$(printf %03d $((RANDOM % 400)))"
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
        wait_for 20 "$DINER" run stock
        assert_equal "$(psql -X -q -A -t -d "$(dev_dsn)" -c "create temp table src (store text,
            code text, qty numeric(12,3), at timestamptz, note text)" \
            -c "\\copy src from in.csv csv header" \
            -c "select (select count(*) from (table src except select store, code, qty, at, note
                from t.stock) a) + abs((select count(*) from src) - (select count(*) from t.stock))")" 0
    done
}
