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
