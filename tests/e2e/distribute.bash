# shellcheck shell=bash disable=SC2016,SC2154
# Distributed runs: workers of a test's own, and a pipeline with a stream of every mode. After ../helper
# and ../cli/pipelines.
#
#   workers N [OPTION...]     starts N, their pids in WORKERS
#   workers_stop              ends them by pid
#   cells                     the pipeline `cells` over t.feed; feed fills that
#   cells_snapshot FILE       rows, rejects and cursors, without what tells when and by which run

WORKERS=()
worker() { # [OPTION...]: one more
    "$DINER" worker --tasks "$@" >>"$BATS_TEST_TMPDIR/workers.log" 2>&1 3>&- &
    WORKERS+=("$!")
}
workers() {
    local n=$1
    shift
    for _ in $(seq "$n"); do worker "$@"; done
}
workers_stop() {
    local pid
    for pid in "${WORKERS[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    WORKERS=()
    return 0
}
# A session whose client was killed ends when its statement does: not before.
sessions_end() {
    sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name ~ '^diner [0-9a-f]{16}'" >/dev/null
    wait_for 10 no_session
}
no_session() { [ "$(sql "select count(*) from pg_stat_activity where application_name ~ '^diner [0-9a-f]{16}'")" = 0 ]; }
is_seen() { [ "$(sql "select count(*) from diner.worker where seen_at > now() - interval '1 minute'")" -ge "$1" ]; }

cells() { # [SLEEP]: so many seconds each read takes
    local columns='columns: { code: text, qty: int, at: timestamptz }'
    local check='checks: [ { expr: "qty <> 13", on_fail: reject } ]'
    local now='select distinct on (code) code, qty, at from t.feed order by code, at desc'
    local slow="(select pg_sleep(${1:-0})) is not null"
    local window="at >= \${window.start}::timestamptz and at < \${window.end}::timestamptz and $slow"
    local days='incremental: { cursor: at, start: 2026-02-01T00:00:00Z, window: 1d, lag: 1h }'
    local each='for_each: { query: "select distinct part from t.feed", bind: { part: part } }'
    local of_part="part = \${item.part}::int and $slow"
    pipeline cells <<YAML
  on_error: { max_rejects: 1000, max_reject_rate: 100% }
streams:
  merged: { source: { connection: warehouse, query: "select * from t.feed where $window" }, mode: merge, key: [n], $days, columns: { n: int, code: text, qty: int, at: timestamptz }, $check }
  versions: { source: { connection: warehouse, query: "select * from t.feed where $window" }, mode: scd2, key: [code], $days, $columns, $check }
  facts: { source: { connection: warehouse, query: "select * from t.feed where $window" }, mode: delete_insert, guard: { max_shrink: 100% }, $days, $columns, $check }
  each_appended: { source: { connection: warehouse, query: "select code, qty, at from t.feed where $of_part", $each }, mode: append, $columns, $check }
  each_merged: { source: { connection: warehouse, query: "select code, qty, at from t.feed where $of_part", $each }, mode: merge, key: [code], $columns, $check }
  each_versions: { source: { connection: warehouse, query: "select distinct on (code) code, qty, at from t.feed where $of_part order by code, at desc", $each }, mode: scd2, key: [code], $columns, $check }
  parts: { source: { connection: warehouse, query: "select code, qty, at, part from t.feed where $of_part", $each }, mode: delete_insert, partition_by: [part], columns: { code: text, qty: int, at: timestamptz, part: { type: int, from: \$part } }, $check }
  whole: { source: { connection: warehouse, query: "$now" }, mode: replace, key: [code], $columns, $check }
  swapped: { source: { connection: warehouse, query: "$now" }, target: { connection: warehouse, schema: t, load: swap }, mode: replace, key: [code], $columns }
  dimension: { source: { connection: warehouse, query: "$now" }, mode: scd2, key: [code], deletes: hard, $columns }
  out: { source: { connection: warehouse, query: "$now" }, target: { file: cells.csv }, columns: { code: text, qty: int } }
YAML
    sed -i 's/^defaults: { target: \(.*\) }$/defaults:\n  target: \1/' pipelines/cells.yaml
}
feed() {
    sql "drop table if exists t.feed;
         create table t.feed as
         select n, 'K' || n % 700 as code, (n * 7 + n / 700 * 3) % 50 as qty, n % 700 % 6 as part,
                '2026-02-01'::timestamptz + n * interval '5 minute' as at
         from generate_series(0, 1999) n" >/dev/null 2>&1
}
CELLS='merged versions facts each_appended each_merged each_versions parts whole swapped dimension'
cells_clear() {
    local t
    for t in $CELLS; do sql "drop table if exists t.$t" 2>/dev/null; done
    sql "truncate diner.run, diner.run_stream, diner.reject, diner.finding, diner.state restart identity cascade" 2>/dev/null
    rm -f out/cells.csv
}
cells_snapshot() {
    local t
    {
        for t in $CELLS; do
            sql "select '$t ' || (to_jsonb(t) - '{_run_id,_loaded_at,_row_hash,valid_from,valid_to,at}'::text[])::text from t.$t t order by 1"
        done
        sql "select concat_ws(' ', 'versions', code, qty, valid_from, valid_to) from t.versions order by 1"
        sql "select concat_ws(' ', 'reject', stream, column_name, value, reason, raw) from diner.reject order by 1"
        sql "select concat_ws(' ', 'state', stream, child, name, value) from diner.state where name = 'cursor' order by 1"
        sql "select concat_ws(' ', 'stream', stream, status, read, inserted, updated, unchanged, deleted, rejected)
             from diner.run_stream where run_id = (select max(id) from diner.run) order by 1"
        cat out/cells.csv
    } >"$1"
    [ "$(grep -c ^each_appended "$1")" -gt 1900 ]
}
