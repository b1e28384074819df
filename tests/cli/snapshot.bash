# shellcheck shell=bash disable=SC2154,SC2034
# What the files on change detection share: the table t.stock, loaded from in.csv. After pipelines.

stock() { # [LINES OF THE STREAM]: in.csv into t.stock
    pipeline stock <<E
streams:
  stock:
    source: { file: ../in.csv }
    mode: ${MODE:-replace}
    key: [store, code]
    ${1:-}
    guard: { min_rows: 0, max_shrink: 100% }
    on_error: { max_rejects: 50, max_reject_rate: 100% }
    columns: { store: text, code: text, qty: "${QTY:-numeric(12,3)}", at: timestamptz, note: text }
E
}
lines() { # LINE...: in.csv
    { echo store,code,qty,at,note && printf '%s\n' "$@"; } >in.csv
}
staged() { # how many rows the last run staged, by its own word
    sed -n 's/.*rows sent: \([0-9]*\) of.*/\1/p' <<<"$stderr"
}
load_stock() { # COUNTS [SENT]: runs, holds the counts and how many rows were sent
    run --separate-stderr "$DINER" --log-level info run stock "${RUN_OPTIONS[@]}" -o json
    assert_status 0
    assert_moved stock "$1"
    if [ -n "${2:-}" ]; then assert_equal "$(staged)" "$2"; fi
}
tuples() { sql "select string_agg(ctid || ' ' || xmin, ', ' order by ctid) from t.stock"; }
