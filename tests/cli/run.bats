#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner run: modes, rejects, guards, checks, transforms, order, params, windows, failures.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# A keyed replace of in.csv; the first argument is put into the stream.
replace_stock() {
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in.csv }
    mode: replace
    key: [code]
    columns: { code: text, qty: { type: int, required: true } }
    ${1:-}
YAML
}

# ---- modes -------------------------------------------------------------------------------------

@test "a keyed replace makes the table equal the source and touches only what differs" {
    replace_stock 'guard: { max_shrink: 100% }'
    stock_file in.csv code,qty A,1 B,2 C,3
    diner_run stock
    assert_status 0
    assert_moved stock "3 3 0 0 0 0 0 0"
    assert_stderr_matches 'stock done: 3 read, 3 inserted, .*, run [0-9]+$'
    sql "create table t.before as select code, xmin::text as x from t.stock"
    stock_file in.csv code,qty A,1 B,20 D,4
    diner_run stock
    assert_status 0
    assert_moved stock "3 1 1 1 1 0 0 0"
    assert_rows stock "A,1 B,20 D,4"
    assert_sql "select string_agg(s.code, ',' order by s.code) from t.stock s join t.before b
                on b.code = s.code and b.x = s.xmin::text" "A"
}

@test "a second run of unchanged input updates no row" {
    replace_stock
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    before=$(sql "select string_agg(ctid::text || xmin::text, ',' order by code) from t.stock")
    diner_run stock
    assert_status 0
    assert_moved stock "2 0 0 2 0 0 0 0"
    assert_sql "select string_agg(ctid::text || xmin::text, ',' order by code) from t.stock" "$before"
}

@test "a keyless replace is a multiset" {
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: replace
    guard: { max_shrink: 100% }
    columns: { code: text, qty: int }
YAML
    stock_file in.csv code,qty A,1 A,1 A,1 B,
    diner_run stock
    assert_moved stock "4 4 0 0 0 0 0 0"
    stock_file in.csv code,qty B, A,1 A,1 C,9
    diner_run stock
    assert_status 0
    assert_moved stock "4 1 0 3 1 0 0 0"
    assert_rows stock "A,1 A,1 B C,9"
}

@test "merge updates what differs, keeps the rest, and counts superseded duplicates" {
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, qty: int }
YAML
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    stock_file in.csv code,qty B,2 C,1 C,2 C,3 A,
    diner_run stock
    assert_status 0
    assert_moved stock "5 1 1 1 0 2 0 0"
    assert_rows stock "A B,2 C,3" # the last one read wins; null differs from 1
    stock_file in.csv code,qty A,
    diner_run stock
    assert_moved stock "1 0 0 1 0 0 0 0" # null equals null
}

@test "append loads a file once, and with changed: ignore a changed file as a new one" {
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: "../in_*.csv", changed: ignore }
    columns: { code: text, qty: int, file: { type: text, from: $file } }
YAML
    stock_file in_1.csv code,qty A,1
    diner_run stock
    assert_moved stock "1 1 0 0 0 0 0 0"
    diner_run stock
    assert_status 0
    assert_moved stock "0 0 0 0 0 0 0 0"
    assert_stderr_has "files loaded before and left out: 1"
    stock_file in_2.csv code,qty B,2
    cp in_1.csv in_3.csv # the same bytes under another name are the same file
    diner_run stock
    assert_moved stock "1 1 0 0 0 0 0 0"
    stock_file in_1.csv code,qty A,1 C,3
    diner_run stock
    assert_moved stock "2 2 0 0 0 0 0 0"
    assert_rows stock "A,1 A,1 B,2 C,3"
    assert_sql "select count(*) from diner.state where stream = 'stock' and name like 'file:%'" 3
}

@test "a file that failed is not in the ledger: it is loaded when it is mended" {
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: "../in.csv" }
    on_error: { max_rejects: 0 }
    columns: { code: text, qty: int }
YAML
    stock_file in.csv code,qty A,1 B,x
    diner_run stock
    assert_status 1
    assert_sql "select count(*) from diner.state" 0
    assert_sql "select to_regclass('t.stock') is null" t
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    assert_status 0
    assert_rows stock "A,1 B,2"
}

# ---- rejects and guards --------------------------------------------------------------------------

@test "a bad row is kept with its line, column, value and reason; the good ones are loaded" {
    replace_stock
    stock_file in.csv code,qty A,1 B,x C, D,4
    diner_run stock
    assert_status 0
    assert_moved stock "4 2 0 0 0 0 2 0"
    assert_sql "select string_agg(concat_ws('|', position, column_name, value, reason, raw, key), ';'
                order by position) from diner.reject" \
        '3|qty|x|not a number|B,x|{"code": "B"};4|qty||empty, but required|C,|{"code": "C"}'
    diner_run stock # read again: not multiplied
    assert_sql "select count(*) || ',' || max(times_seen) from diner.reject" "2,2"
}

@test "--strict makes any reject a partial run" {
    replace_stock
    stock_file in.csv code,qty A,1 B,x
    diner_run stock --strict
    assert_status 7
    assert_stderr_has "rows were rejected (--strict)"
    assert_stderr_has "stock done in part"
    assert_rows stock "A,1"
    assert_sql "select status || ',' || exit_status from diner.run" "partial,7"
}

@test "past max_rejects nothing is committed, the rejects are kept as of a failed run" {
    replace_stock 'on_error: { max_rejects: 1 }'
    stock_file in.csv code,qty A,1
    diner_run stock
    stock_file in.csv code,qty A,9 B,x C,y D,z
    diner_run stock
    assert_status 1
    assert_stream_status stock failed
    assert_stderr_has "2 rows rejected, max_rejects is 1"
    assert_stderr_has "nothing of it was committed; first: "
    assert_stderr_has "in.csv:3: qty: not a number"
    assert_rows stock "A,1"
    assert_sql "select string_agg(value || run_failed, ',' order by value) from diner.reject" \
        "xtrue,ytrue"
}

@test "past max_reject_rate nothing is committed" {
    replace_stock 'on_error: { max_rejects: 1000, max_reject_rate: 1% }'
    { echo code,qty; seq -f %g,1 1200; } >in.csv
    diner_run stock
    assert_status 0
    { echo code,qty; seq 1200 | awk '{ print $1 "," ($1 % 90 == 0 ? "x" : 7) }'; } >in.csv
    diner_run stock
    assert_status 1
    assert_stderr_matches '1[0-9] of [0-9]+ rows rejected, max_reject_rate is 1%'
    assert_sql "select count(*) from t.stock where qty = 7" 0
}

@test "a rejected key keeps its old row" {
    replace_stock 'guard: { max_shrink: 100% }'
    stock_file in.csv code,qty A,1 B,2 C,3
    diner_run stock
    stock_file in.csv code,qty A,1 B,x
    diner_run stock
    assert_status 0
    assert_moved stock "2 0 0 1 1 0 1 0"
    assert_rows stock "A,1 B,2"
}

@test "keys of rejects are compared as values of their type" {
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv, strip: [","] }
    mode: replace
    key: [code, day]
    guard: { max_shrink: 100% }
    columns:
      code: "numeric(12,2)"
      day: { type: timestamptz, format: "%Y/%m/%d %H:%M", timezone: Asia/Shanghai }
      qty: int
YAML
    stock_file in.csv code,day,qty '"1,000.5",2026/11/22 04:00,1' '7,2026/11/22 04:00,1'
    diner_run stock
    assert_status 0
    stock_file in.csv code,day,qty '01000.50,2026/11/22 4:00,x'
    diner_run stock
    assert_status 0
    assert_moved stock "1 0 0 0 1 0 1 0"
    assert_rows stock "1000.50,1"
}

@test "a reject without a readable key suppresses deletes, and says so" {
    replace_stock 'guard: { max_shrink: 100% }'
    stock_file in.csv code,qty A,1 B,2 C,3
    diner_run stock
    for bad in ',9' '"B,9' 'B'; do # no key; a quote left open; a field too few
        stock_file in.csv code,qty A,5 "$bad"
        diner_run stock
        assert_status 0
        assert_rows stock "A,5 B,2 C,3"
        assert_stderr_has "a rejected row has no readable key: nothing is deleted"
    done
}

@test "guards: too few rows and a shrunken source leave the old data" {
    replace_stock 'guard: { min_rows: 2 }'
    stock_file in.csv code,qty A,1 B,2 C,3 D,4 E,5
    diner_run stock
    stock_file in.csv code,qty A,9
    diner_run stock
    assert_status 9
    assert_stderr_has "stream 'stock' has 1 rows, guard.min_rows is 2"
    assert_stderr_has "the old data stays"
    stock_file in.csv code,qty A,9 B,2 C,3
    diner_run stock
    assert_status 9
    assert_stderr_has "stream 'stock' would shrink from 5 to 3 rows, guard.max_shrink is 20%"
    stock_file in.csv code,qty A,1 B,2 C,3 D,4 # exactly 20 %
    diner_run stock
    assert_status 0
    assert_rows stock "A,1 B,2 C,3 D,4"
    replace_stock 'guard: { max_shrink: 0% }' # zero is a limit, not the default
    stock_file in.csv code,qty A,9 B,2 C,3
    diner_run stock
    assert_status 9
    assert_stderr_has "guard.max_shrink is 0%"
    assert_rows stock "A,1 B,2 C,3 D,4"
}

# ---- checks and transforms -----------------------------------------------------------------------

@test "checks reject, report or abort" {
    stock_file in.csv code,qty A,1 B,-2 C,
    replace_stock 'checks: [ { name: not negative, expr: "qty >= 0", on_fail: reject } ]'
    sed -i 's/, required: true//' pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_moved stock "3 1 0 0 0 0 2 0" # null is not true
    assert_sql "select string_agg(position || reason, ',' order by position) from diner.reject" \
        "3check 'not negative' failed,4check 'not negative' failed"
    sed -i 's/on_fail: reject/on_fail: warn/' pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_moved stock "3 2 0 1 0 0 0 0"
    assert_json '.[0].findings == 2'
    assert_sql "select string_agg(concat_ws('|', check_name, position, row_data->>'code'), ','
                order by position) from diner.finding" "not negative|3|B,not negative|4|C"
    stock_file in.csv code,qty A,7 B,-2 C,
    sed -i 's/on_fail: warn/on_fail: abort/' pipelines/stock.yaml
    diner_run stock
    assert_status 9
    assert_stderr_has "check 'not negative' failed for 2 rows"
    assert_stderr_has 'in.csv:3: {"qty": -2, "code": "B"}'
    assert_rows stock "A,1 B,-2 C"
}

@test "rejects of checks count against the budget" {
    stock_file in.csv code,qty A,1 B,-2 C,-3
    replace_stock 'checks: [ { expr: "qty >= 0", on_fail: reject } ]'
    echo '    on_error: { max_rejects: 1 }' >>pipelines/stock.yaml
    diner_run stock
    assert_status 1
    assert_stderr_has "2 rows rejected, max_rejects is 1"
    assert_sql "select to_regclass('t.stock') is null" t
    assert_sql "select count(*) from diner.reject where run_failed" 2
}

@test "an sql check sees all staged rows and params as parameters" {
    stock_file in.csv code,qty A,1 B,2
    replace_stock "checks: [ { sql: 'select count(*) = \${params.n}::int from \${staged}', name: as many } ]"
    echo 'params: { n: { type: int, default: 2 } }' >>pipelines/stock.yaml
    diner_run stock
    assert_status 0
    diner_run stock --param n=3
    assert_status 9
    assert_stderr_has "check 'as many' failed: it did not give true"
}

@test "SQL of the pipeline that is wrong exits 3 and commits nothing" {
    stock_file in.csv code,qty A,1
    replace_stock 'checks: [ { expr: "nope > 0" } ]'
    diner_run stock
    assert_status 3
    assert_stderr_has "stream 'stock': column \"nope\" does not exist"
    assert_sql "select to_regclass('t.stock') is null" t
    pipeline schema <<'YAML'
streams: { s: { source: { connection: warehouse, query: select 1 as x }, target: { schema: nowhere } } }
YAML
    diner_run schema
    assert_status 3
    assert_stderr_has "schema \"nowhere\" does not exist"
    pipeline key <<'YAML'
streams: { s: { source: { connection: warehouse, query: select 1 as x }, mode: merge, key: [y] } }
YAML
    diner_run key
    assert_status 3
    assert_stderr_has "key.yaml:4:15: stream 's': key 'y' is not a column of its query"
    pipeline children <<'YAML'
streams: { s: { source: { connection: warehouse, query: "select ${item.x}::int as x", for_each: { query: select 1 as y, bind: { x: nope } } }, mode: merge, key: [x] } }
YAML
    diner_run children
    assert_status 3
    assert_stderr_has "stream 's': for_each: column p.nope does not exist"
}

@test "filter skips where it is false, rejects where it is null; set computes" {
    stock_file in.csv code,qty A,1 B,-2 C, D,4
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, qty: int }
    transform:
      - filter: "qty > 0"
      - set: { qty: "qty * ${params.by}::int", code: "lower(code)" }
params: { by: { type: int, default: 10 } }
YAML
    diner_run stock
    assert_status 0
    assert_moved stock "4 2 0 0 0 0 1 1"
    assert_rows stock "a,10 d,40"
    assert_sql "select reason || position from diner.reject" "the filter gives null4"
}

@test "a key made null by a transform is a reject" {
    stock_file in.csv code,qty A,1 B,2
    replace_stock 'transform: [ { set: { code: "nullif(code, $$B$$)" } } ]'
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_sql "select reason from diner.reject" "null in the key"
}

# ---- order ---------------------------------------------------------------------------------------

@test "needs decide the order; what needs a failed stream is skipped, the rest runs" {
    pipeline chain <<'YAML'
streams:
  last: { source: { connection: warehouse, query: select n + 1 as n from t.middle }, needs: [middle] }
  middle: { source: { connection: warehouse, query: select n + 1 as n from t.first }, needs: [first] }
  first: { source: { connection: warehouse, query: select 1 as n }, mode: replace }
  apart: { source: { connection: warehouse, query: select 9 as n }, mode: replace }
YAML
    diner_run chain
    assert_status 0
    assert_json '[.[].stream] == ["first", "middle", "last", "apart"]'
    assert_sql "select n from t.last" 3
    sed -i 's/select 1 as n/select 1 \/ 0 as n/' pipelines/chain.yaml
    diner_run chain
    assert_status 1
    assert_json '[.[].status] == ["failed", "skipped", "skipped", "succeeded"]'
    assert_stderr_has "diner: stream 'first': its query: division by zero"
    assert_stderr_has "chain.middle skipped: 'first' did not succeed"
    assert_stderr_has "chain.last skipped: 'middle' did not succeed"
    assert_sql "select n from t.last" 3
}

@test "a job runs its pipelines in order; what needs a failed one is skipped" {
    pipeline one <<<'streams: { s: { source: { connection: warehouse, query: "select 1 / ${params.by}::int as n" }, target: { table: one } } }
params: { by: { type: int, default: 1 } }'
    pipeline two <<<'streams: { s: { source: { connection: warehouse, query: select 2 as n }, target: { table: two } } }'
    pipeline three <<<'streams: { s: { source: { connection: warehouse, query: select 3 as n }, target: { table: three } } }'
    job night <<'YAML'
steps:
  - { run: one, params: { by: "0" } }
  - { run: two, needs: [one] }
  - { run: three }
YAML
    diner_run night
    assert_status 1
    assert_json '[.[] | [.pipeline, .stream, .status]] ==
        [["one", "s", "failed"], ["two", "*", "skipped"], ["three", "s", "succeeded"]]'
    assert_stderr_has "pipeline 'one': stream 's': its query: division by zero"
    assert_stderr_has "two.* skipped: 'one' did not succeed"
    assert_sql "select string_agg(concat_ws(',', pipeline, status, parent_id), ' ' order by id)
                from diner.run" "night,failed one,failed,1 three,succeeded,1"
    diner_run night --only s
    assert_status 2
    assert_stderr_has "'night' is a job: it has pipelines, not streams"
}

@test "of several pipelines every failure is told, the worst decides" {
    replace_stock 'guard: { min_rows: 5 }'
    stock_file in.csv code,qty A,1
    pipeline two <<<'streams: { s: { source: { file: none.csv }, columns: { a: text } } }'
    diner_run two nope stock
    assert_status 1
    assert_stderr_has "diner: pipeline 'two': file '$PWD/pipelines/none.csv' does not exist"
    assert_stderr_has "error pipeline 'nope': there is no pipeline 'nope'"
    assert_stderr_has "error pipeline 'stock': stream 'stock' has 1 rows"
}

@test "--only runs one stream" {
    pipeline both <<'YAML'
streams:
  a: { source: { connection: warehouse, query: select 1 as n } }
  b: { source: { connection: warehouse, query: select 2 as n }, needs: [a] }
YAML
    diner_run both --only b
    assert_status 0
    assert_json '[.[].stream] == ["b"]'
    diner_run both --only bb
    assert_status 2
    assert_stderr_has "pipeline 'both' has no stream 'bb'"
    assert_stderr_has "did you mean 'b'?"
    assert_sql "select count(*) from diner.run" 1 # a misuse is no run
}

# ---- params, vars, windows -----------------------------------------------------------------------

@test "params: words of dates, whole numbers, suggestions" {
    pipeline p <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select ${params.day}::date as day, ${params.n}::int as n, ${params.text}::text as x" }
    mode: replace
params: { day: { type: date, default: yesterday }, n: { type: int, default: 1 }, text: "it's; drop table x --" }
YAML
    diner_run p --param day=2026-02-28 --param n=41
    assert_status 0
    assert_sql "select day || ',' || n || ',' || x from t.s" "2026-02-28,41,it's; drop table x --"
    assert_sql "select params->>'day' from diner.run" 2026-02-28
    diner_run p --param dya=2026-02-28
    assert_status 2
    assert_stderr_has "pipeline 'p' has no param 'dya'"
    assert_stderr_has "did you mean 'day'?"
    diner_run p --param n=1.5
    assert_status 2
    assert_stderr_has "param 'n': '1.5' is not a whole number"
    diner_run p --param day=2026-02-30
    assert_status 2
    assert_stderr_has "param 'day'"
    assert_sql "select count(*) from diner.run" 1
}

@test "a doubled dollar is a literal one, in SQL, in words and in commands" {
    pipeline p <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select 1 as id, 'a $${x}' as word" }
    mode: replace
    key: [id]
    transform: [ { set: { word: "word || ' $${y} ${WITHIN}'" } } ]
hooks: { after: [ { exec: "echo $${WITHIN} $${params_x:-none} >said" } ] }
YAML
    export WITHIN='${staged}'
    run --separate-stderr "$DINER" run p
    assert_status 0
    assert_sql "select word from t.s" 'a ${x} ${y} ${staged}'
    [ "$(cat said)" = '${staged} none' ] || fail "$(cat said)"
}

@test "vars are asked just before reading" {
    pipeline p <<'YAML'
streams:
  a: { source: { connection: warehouse, query: select 41 as n }, mode: replace }
  b:
    needs: [a]
    vars: { n: select max(n) + 1 from t.a, none: select null where false }
    source: { connection: warehouse, query: "select ${vars.n}::int as n, ${vars.none}::text as x" }
    mode: replace
YAML
    diner_run p
    assert_status 0
    assert_sql "select n || coalesce(x, '-') from t.b" "42-"
}

incremental() {
    sql "create table t.src (id int, v text, at timestamptz)" >/dev/null
    pipeline inc <<'YAML'
streams:
  inc:
    source: { connection: warehouse, query: "select id, v, at from t.src where at >= ${window.start} and at < ${window.end}" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 1h }
    mode: merge
    key: [id]
YAML
}
cursor() { sql "select value from diner.state where stream = 'inc' and name = 'cursor'"; }

@test "a cursor moves with the rows, reads again by its lag, and is not moved by a window" {
    incremental
    sql "insert into t.src values (0, 'old', '2025-12-31'), (1, 'a', '2026-03-01T10:00Z'), (2, 'b', '2026-03-01T12:00Z')"
    diner_run inc
    assert_status 0
    assert_moved inc "2 2 0 0 0 0 0 0"
    assert_equal "$(cursor)" 2026-03-01T12:00:00.000000Z
    # Late by less than the lag: seen. Later: not.
    sql "insert into t.src values (3, 'c', '2026-03-01T11:30Z'), (4, 'd', '2026-03-01T10:30Z')"
    diner_run inc
    assert_moved inc "2 1 0 1 0 0 0 0"
    assert_equal "$(cursor)" 2026-03-01T12:00:00.000000Z
    diner_run inc --from 2026-03-01T10:00:00Z --to 2026-03-01T11:00:00Z
    assert_moved inc "2 1 0 1 0 0 0 0"
    assert_equal "$(cursor)" 2026-03-01T12:00:00.000000Z
    sql "insert into t.src values (5, 'e', '2026-03-02')"
    sql "update t.src set v = 'A' where id = 1"
    diner_run inc --full-refresh
    assert_moved inc "5 1 1 3 0 0 0 0"
    assert_equal "$(cursor)" 2026-03-02T00:00:00.000000Z
}

@test "--from and --to take times and business days, and refuse the rest" {
    incremental
    # The business day of 2026-03-01 in Shanghai begins at 04:00 there.
    sql "insert into t.src values (1, 'before', '2026-02-28T19:59:59Z'), (2, 'first', '2026-02-28T20:00Z'), (3, 'last', '2026-03-01T19:59:59Z'), (4, 'after', '2026-03-01T20:00Z')"
    diner_run inc --from 2026-03-01 --to 2026-03-02
    assert_status 0
    assert_rows inc "2,first 3,last" "id, v"
    assert_equal "$(cursor)" ""
    diner_run inc --from garbage
    assert_status 2
    assert_stderr_has "--from: expected a time or a business day, found 'garbage'"
    diner_run inc --from 2026-03-02 --to 2026-03-01
    assert_status 2
    assert_stderr_has "is not before --to"
}

@test "a failing incremental run moves neither rows nor cursor" {
    incremental
    sql "insert into t.src values (1, 'a', '2026-03-01')"
    sed -i 's/    key: .id./&\n    checks: [ { expr: "v <> $$x$$" } ]/' pipelines/inc.yaml
    diner_run inc
    before=$(cursor)
    sql "insert into t.src values (2, 'b', '2026-03-02'), (3, 'x', '2026-03-03')"
    diner_run inc
    assert_status 9
    assert_equal "$(cursor)" "$before"
    assert_rows inc "1,a" "id, v"
}

# ---- looking without touching --------------------------------------------------------------------

@test "--dry-run reads and validates, and writes nothing" {
    replace_stock 'on_error: { max_rejects: 10 }'
    printf '  file: { source: { file: ../in.csv }, target: { file: f.csv }, columns: { code: text } }\n' \
        >>pipelines/stock.yaml
    stock_file in.csv code,qty A,1 B,x
    diner_run stock --dry-run
    assert_status 0
    assert_moved stock "2 0 0 0 0 0 1 0"
    assert_json '.[0].accepted == 1'
    assert_stderr_has "4 read, 3 accepted, 1 rejected"
    assert_stderr_has "(dry run: nothing was written)"
    assert_sql "select count(*) from diner.run" 0
    assert_sql "select count(*) from diner.reject" 0
    assert_sql "select to_regclass('t.stock') is null" t
    refute_exists out/f.csv
    stock_file in.csv code,qtty A,1
    diner_run stock --dry-run
    assert_status 1
    assert_stderr_has "column 'qty': 'qty' is not in the header"
}

# ---- being told ----------------------------------------------------------------------------------

failing_with() { # YAML of the hook
    pipeline bad <<YAML
streams: { s: { source: { file: none.csv }, columns: { a: text } } }
hooks: { on_failure: [$1] }
YAML
}

@test "on_failure: a command gets the summary once, on standard input" {
    failing_with "{ exec: 'cat >> $PWD/told.json; echo >> $PWD/told.json', timeout: 5s }"
    diner_run bad
    assert_status 1
    assert_equal "$(wc -l <told.json)" 1
    output=$(cat told.json)
    assert_json '.event == "run.failed" and .pipeline == "bad" and .run_id == 1 and
        .exit_status == 1 and (.error | endswith("does not exist")) and
        .streams == [{pipeline: "bad", stream: "s", status: "failed", read: 0, rejected: 0,
                      error: .error}]'
    diner_run bad --dry-run # nobody is told of a rehearsal
    assert_equal "$(wc -l <told.json)" 1
    pipeline good <<YAML
streams: { s: { source: { connection: warehouse, query: select 1 as x } } }
hooks: { on_failure: [{ exec: 'echo >> $PWD/told.json' }] }
YAML
    diner_run good
    assert_status 0
    assert_equal "$(wc -l <told.json)" 1
}

@test "on_failure: the summary has no secret, even where an error would" {
    failing_with "{ exec: 'cat > $PWD/told.json' }"
    sed -i 's/none.csv/verysecret3.csv/' pipelines/bad.yaml
    DINER_DSN="$(dev_dsn)&password=verysecret3" diner_run bad
    assert_status 1
    output=$(cat told.json)
    assert_json '.error | endswith("****.csv'"'"' does not exist")'
    refute_stdout_has verysecret3
    refute_stderr_has verysecret3
    assert_sql "select count(*) from diner.run r join diner.run_stream s on s.run_id = r.id
                where concat(r.error, s.error) like '%verysecret3%'" 0
}

@test "on_failure: bounded in time, its own failure changes nothing" {
    failing_with "{ exec: 'sleep 30', timeout: 500ms }"
    start=$EPOCHREALTIME
    diner_run bad
    took_ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    assert_status 1
    [ "$took_ms" -lt 5000 ] || fail "took $took_ms ms"
    assert_stderr_has "hook 1 of run.failed: the command took too long and was stopped"
    failing_with "{ exec: 'exit 3' }" # and does not read its input
    diner_run bad
    assert_status 1
    assert_stderr_has "hook 1 of run.failed: the command ended with status 3"
    failing_with "{ exec: 'yes | head -n 1 > /dev/null; exit \${PIPESTATUS:-0}' }"
    diner_run bad
    assert_status 1
}

@test "on_failure: a webhook is told once, also when PostgreSQL is down, and sees no secret" {
    "$PROJECT/tests/http_server.py" >server.port 3>&- &
    server=$!
    wait_for 10 test -s server.port
    url=http://127.0.0.1:$(cat server.port)
    curl -s -X PUT "$url/_script" -d '{"/hook?key=verysecret1": [{"status": 500}, {"status": 200}]}' >/dev/null
    export HOOK_URL="$url/hook?key=verysecret1"
    failing_with "{ http: 'env:HOOK_URL', timeout: 10s }"
    diner_run bad
    assert_status 1
    curl -s "$url/_log" >log.json
    DINER_DSN=postgresql://nobody:verysecret2@127.0.0.1:1/x diner_run bad -vvv
    assert_status 6
    refute_stderr_has verysecret
    curl -s "$url/_log" >log2.json
    # Nobody listens there: said, without the key of the URL.
    HOOK_URL="http://127.0.0.1:1/hook?key=verysecret1" diner_run bad -vvv
    kill "$server"
    assert_status 1
    assert_stderr_has "hook 1 of run.failed"
    refute_stderr_has verysecret
    output=$(cat log.json)
    # A 500 is asked again with the same idempotency key: the receiver can tell.
    assert_json '[.[] | select(.method == "POST")] | length == 2 and
        (map(.headers["idempotency-key"]) | unique | length) == 1'
    output=$(cat log2.json)
    assert_json '[.[] | select(.method == "POST")] | length == 3 and
        (.[2].body | fromjson | .exit_status == 6 and .run_id == 0)'
    refute_stdout_has verysecret2
}
