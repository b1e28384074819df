#!/usr/bin/env bats
# shellcheck disable=SC2016
# File sources and targets: encodings, habits of numbers and text, headers, totals, output files.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# A stream `s` from ../in.csv into t.s; columns code, qty.
source_with() { # KEYS OF THE SOURCE, [TYPE OF qty]
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv$1 }
    columns: { code: text, qty: ${2:-\"numeric(12,2)\"} }
YAML
}

loads() { # "ROWS": runs and compares t.s
    diner_run s
    assert_status 0
    assert_rows s "$1"
}

# ---- numbers and text ----------------------------------------------------------------------------

@test "decimal comma, trailing minus, thousands, currency signs" {
    source_with ', delimiter: ";", decimal: comma, strip: ["¥", "€"]'
    printf '%s\n' 'code;qty' 'A;1.234,50' 'B;12,5-' 'C;€ 7' 'D;-1.000' 'E;12.50' >in.csv
    loads "A,1234.50 B,-12.50 C,7.00 D,-1000.00"
    assert_sql "select value || ': ' || reason from diner.reject" "12.50: not a number"
}

@test "the formula guard's apostrophe, blanks, null words" {
    source_with ', guard: true, trim: true, null: ["-", "NULL"]'
    printf '%s\n' code,qty "'=1+1,'-5" ' x ,-' '-,3' "'t,NULL" >in.csv
    diner_run s
    assert_status 0
    assert_sql "select string_agg(coalesce(code, '~') || '|' || coalesce(qty::text, '~'), ' ' order by code) from t.s" \
        "'t|~ =1+1|-5.00 x|~ ~|3.00"
}

@test "nothing is bent in silence: scale, range, length, scientific notation" {
    source_with '' '"numeric(5,2)"'
    printf '%s\n' code,qty A,1.234 B,12345 C,1e3 D,NaN E,1.2 >in.csv
    loads "E,1.20"
    assert_sql "select count(*) from diner.reject" 4
    source_with '' 'varchar(3)'
    sed -i 's/name: s/name: s2/; s/^  s:/  s2:/' pipelines/s.yaml
    printf '%s\n' code,qty A,一二三 B,一二三四 >in.csv
    diner_run s
    assert_rows s2 "A,一二三"
}

@test "fill_down takes the value above, never that of another file" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: "../in_*.csv", fill_down: [code] }
    columns: { code: text, qty: int }
YAML
    printf '%s\n' code,qty A,1 ,2 B,3 ,4 >in_1.csv
    printf '%s\n' code,qty ,5 C,6 >in_2.csv
    diner_run s
    assert_status 0
    assert_sql "select string_agg(coalesce(code, '~') || qty, ' ' order by qty) from t.s" \
        "A1 A2 B3 B4 ~5 C6"
}

@test "fill_down does not reach over a record that could not be read: it may have begun a group" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, encoding: UTF-8, fill_down: [store, area] }
    columns: { store: text, area: text, code: text, qty: int }
    mode: merge
    key: [store, code]
    on_error: { max_rejects: 10, max_reject_rate: 100% }
YAML
    {
        printf '%s\n' store,area,code,qty S1,north,A,1 ,,B,2
        printf 'S2,\xff,A,3\n'
        printf '%s\n' ,,B,4 ,south,C,5 ,,D,6 S3,,A,7 ,,B,8
    } >in.csv
    diner_run s
    assert_status 0
    assert_rows s "S1,north,A,1 S1,north,B,2 S3,south,A,7 S3,south,B,8" "store, area, code, qty"
    run --separate-stderr "$DINER" rejects list -o json
    assert_json '[.[] | select(.line > 4) | .reason[0:60]] == [range(3) | "store stands in a record above, and line 4 could not be read"]'
}

# ---- columns -------------------------------------------------------------------------------------

@test "columns by header name, alias, number, line and file" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    columns:
      code: { type: text, from: 物料, aliases: [物料编码, item] }
      qty: { type: int, from: $2 }
      line: { type: int, from: $line }
YAML
    printf '%s\n' 'x,数量,item' 'a,1,A' '' 'b,2,B' >in.csv
    diner_run s
    assert_status 0
    assert_rows s "A,1,2 B,2,4" "code, qty, line"
    printf '%s\n' 'item,数量,item' 'a,1,A' >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "in.csv:1: the header has 'item' 2 times"
}

@test "a file without a header; tsv; a file without quotes" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.tsv, format: tsv, quote: none, header: { none: true } }
    columns: { code: { type: text, from: $2 }, qty: { type: int, from: $1 } }
YAML
    printf '1\t8" pan\n2\t"x\n' >in.tsv
    diner_run s
    assert_status 0
    assert_rows s '"x,2 8" pan,1'
    sed -i 's/from: \$1/from: qty/' pipelines/s.yaml
    diner_run s
    assert_status 3
    assert_stderr_has "column 'qty': without a header, 'from' is \$1, \$2..."
}

@test "the header is found by its names; preamble, subtotals and the end are skipped and counted" {
    pipeline s <<'YAML'
streams:
  s:
    source:
      file: ../in.csv
      header: { find: [code, qty], skip_max: 3 }
      preamble: { day: "日期[：:] *([0-9-]+)" }
      skip: "^小计"
      stop_at: "^制表"
    columns: { code: text, qty: int, day: { type: date, from: $day } }
YAML
    printf '%s\n' '库存表' '日期： 2026-11-22' 'code,qty' A,1 小计,1 B,2 制表人,x Z,9 >in.csv
    diner_run s
    assert_status 0
    assert_moved s "5 2 0 0 0 0 0 3"
    assert_rows s "A,1,2026-11-22 B,2,2026-11-22" "code, qty, day"
    printf '%s\n' 1 2 3 4 'code,qty' A,1 >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "no header with 'code' in the first 4 records"
    assert_stderr_has "raise header.skip_max or correct header.find"
    printf '%s\n' 'code,qty' A,1 >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "'day' was not found above the header"
}

# ---- totals --------------------------------------------------------------------------------------

with_total() {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: "../in*.csv", trailer: { match: "^合计", sum: { qty: qty } } }
    mode: replace
    columns: { code: text, qty: "numeric(12,2)" }
YAML
}

@test "a row below the total is an error; notes are not, nor what is declared" {
    with_total
    printf '%s\n' code,qty X,1 合计,1 Y,2 合计,3 >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "in.csv:4: a row below the total that ends the data (line 3, the first record matching '^合计')"
    assert_stderr_has "if it is one, let trailer.match fit the last total only and \`skip\` or \`subtotals\` the others; if it is a note, \`skip\` it; \`stop_at\` leaves out all that follows"
    [ "$(rows s)" = "" ]
    printf '%s\n' code,qty X,1 合计,1 '' ',' 制表人：张三 '制表人：李四,' '打印时间,2026-11-22' '说明,"未' >in.csv
    diner_run s
    assert_status 0
    assert_rows s "X,1.00"
    assert_moved s "7 1 0 0 0 0 0 6"
    printf '%s\n' code,qty X,1 合计,1 审核,7 >in.csv # a note with a number
    diner_run s
    assert_status 1
    assert_stderr_has "in.csv:4: a row below"
    sed -i 's/in\*.csv",/in*.csv", skip: ^审核,/' pipelines/s.yaml
    diner_run s
    assert_status 0
    assert_moved s "3 0 0 1 0 0 0 2"
    sed -i 's/skip: ^审核/stop_at: ^合计/' pipelines/s.yaml
    printf '%s\n' code,qty X,1 合计,1 Y,2 Z,3 >in.csv
    diner_run s
    assert_status 0
    assert_rows s "X,1.00"
}

@test "a row below the total: each file has its own, of fixed width and with merged cells too" {
    with_total
    printf '%s\n' code,qty X,1 合计,1 >in1.csv
    printf '%s\n' code,qty 合计,0 >in2.csv
    diner_run s
    assert_status 0
    printf '%s\n' code,qty 合计,0 Y,2 >in2.csv
    diner_run s
    assert_status 1
    assert_stderr_has "in2.csv:3: a row below the total that ends the data (line 2,"
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.txt, format: fixed, pad: true, fill_down: [store], trailer: { match: "^合计" } }
    mode: replace
    columns: { store: { type: text, at: 1-4 }, code: { type: text, at: 5-8 }, qty: { type: int, at: 9-12 } }
YAML
    printf '%s\n' 'S1  A      1' '    B      2' '合计       3' '制表人：张三' '    C      4' >in.txt
    diner_run s
    assert_status 1
    assert_stderr_has "in.txt:5: a row below the total that ends the data (line 3,"
    sed -i '$d' in.txt
    diner_run s
    assert_status 0
    assert_moved s "4 2 0 0 1 0 0 2"
}

@test "a file's own total must equal loaded and rejected rows" {
    with_total
    printf '%s\n' code,qty A,1.10 B,2.205 合计,3.305 >in.csv # B has too many decimals
    diner_run s
    assert_status 0
    assert_moved s "3 1 0 0 0 0 1 1"
    printf '%s\n' code,qty A,1.10 B,2.20 合计,3.31 >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "the file states a total of 3.31 for 'qty', its rows add up to 3.30"
    assert_stderr_has "rows are missing or damaged; nothing of it was loaded"
    assert_rows s "A,1.10"
    printf '%s\n' code,qty A,1.10 合计,x >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "in.csv:3: the total of 'qty' is not a number: 'x'"
}

@test "a file cut before or within its total is refused, each file by itself" {
    with_total
    printf '%s\n' code,qty A,1.00 合计,1.00 >in.csv
    diner_run s
    assert_status 0
    printf 'code,qty\nA,1.00\nB,2.00\n' >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "in.csv' ends without its total (a record matching '^合计')"
    assert_stderr_has "it may be cut off: nothing of it was loaded"
    printf 'code,qty\nA,1.00\nB,2.00\n合计,3.0' >in.csv # 3.0 of 3.00: still the same number
    diner_run s
    assert_status 0
    printf 'code,qty\nA,1.00\nB,2.00\n合计,' >in.csv
    diner_run s
    assert_status 1
    assert_stderr_has "the total of 'qty' is not a number: ''"
    printf 'code,qty\nA,1.00\nB,2.00\n合计' >in.csv
    diner_run s
    assert_status 1
    printf 'code,qty\nA,1.00\nB,2.00\n\xe5\x90' >in.csv # within a character
    diner_run s
    assert_status 1
    printf '%s\n' code,qty A,1.00 B,2.00 合计,3.00 >in.csv
    printf '%s\n' code,qty >in2.csv # nothing to add up, but no total either
    diner_run s
    assert_status 1
    assert_stderr_has "in2.csv' ends without its total"
    assert_rows s "A,1.00 B,2.00"
}

# ---- encodings -----------------------------------------------------------------------------------

@test "GB18030, UTF-16 and a BOM are found out; others are declared" {
    source_with '' text
    sed -i 's/    columns/    mode: replace\n    columns/' pipelines/s.yaml
    printf '%s\n' code,qty 'A,生抽€𠮷' >u8.csv
    for encoding in UTF-8 GB18030 UTF-16 UTF-16LE+bom; do
        case $encoding in
        UTF-16LE+bom) { printf '\xff\xfe'; iconv -f UTF-8 -t UTF-16LE u8.csv; } >in.csv ;;
        *) iconv -f UTF-8 -t "$encoding" u8.csv >in.csv ;;
        esac
        loads "A,生抽€𠮷"
    done
    { printf '\xef\xbb\xbf'; cat u8.csv; } >in.csv
    loads "A,生抽€𠮷"
    source_with ', encoding: BIG5' text
    sed -i 's/    columns/    mode: replace\n    columns/' pipelines/s.yaml
    printf '%s\n' code,qty 'A,醬油' | iconv -t BIG5 >in.csv
    loads "A,醬油"
}

@test "an undecodable byte is a reject with line, byte and hex; the rest is loaded" {
    source_with ', encoding: UTF-8' text
    printf 'code,qty\nA,ok\nB,x\xfey\nC,ok\n' >in.csv
    loads "A,ok C,ok"
    assert_sql "select position || ': ' || reason from diner.reject" "3: bytes FE at offset 17 of the file are not UTF-8 (line 3, byte 17)"
}

# ---- jsonl ---------------------------------------------------------------------------------------

@test "jsonl: pointers, exact numbers, nested values, faults by line" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.jsonl, format: jsonl }
    columns:
      code: text
      qty: { type: "numeric(38,18)", from: /money/total }
      cents: { type: "numeric(12,2)", from: cents, unit: cents }
      items: jsonb
YAML
    cat >in.jsonl <<'JSON'
{"code": "A", "money": {"total": 0.100000000000000001}, "cents": 1230, "items": [{"x": 1}]}

{"code": "B", "money": {"total": 1e400}}
{"code": "C", "money": {"total": 1}
{"code": "D", "items": "text"}
[1]
JSON
    diner_run s
    assert_status 0
    assert_rows s 'A,0.100000000000000001,12.30,[{"x": 1}] D,"text"' "code, qty, cents, items"
    assert_sql "select string_agg(position::text, ',' order by position) from diner.reject" "3,4,6"
    assert_sql "select reason from diner.reject where position = 6" "not a JSON object (line 6, byte 1)"
}

# ---- targets -------------------------------------------------------------------------------------

to_file() { # QUERY, KEYS OF THE TARGET
    pipeline f <<YAML
streams: { s: { source: { connection: warehouse, query: "$1" }, target: { $2 } } }
YAML
}

@test "csv: quoting, null, formula guard, header, line ends" {
    to_file "select * from (values (1, '=1+1', -2.50), (2, 'a,\\\"b\\\"', null), (3, E'x\\\\ny', 0)) v(id, name, qty)" \
        'file: f.csv, crlf: true, bom: true'
    diner_run f
    assert_status 0
    printf '\xef\xbb\xbfid,name,qty\r\n1,'"'"'=1+1,-2.50\r\n2,"a,""b""",\r\n3,"x\ny",0\r\n' >expect.csv
    cmp out/f.csv expect.csv
}

@test "jsonl: numbers as they are, NaN as text, null, json" {
    to_file "select 1.50::numeric as n, 7 as i, 'NaN'::numeric as x, 2.5::float8 as f, true as b, null::text as z, '{}'::jsonb as j, 'a\\\"b' as t" \
        'file: f.jsonl, format: jsonl'
    diner_run f
    assert_status 0
    assert_equal "$(cat out/f.jsonl)" \
        '{"n":1.50,"i":7,"x":"NaN","f":2.5,"b":true,"z":null,"j":{},"t":"a\"b"}'
}

@test "what goes into a file is of its column's type" {
    pipeline f <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    target: { file: f.jsonl, format: jsonl }
    columns: { code: varchar(3), qty: int, day: { type: date, format: "%d.%m.%Y" } }
YAML
    printf '%s\n' code,qty,day A,007,22.11.2026 B,1.5,22.11.2026 ABCD,1,22.11.2026 C,2,30.02.2026 >in.csv
    diner_run f
    assert_status 0
    assert_equal "$(cat out/f.jsonl)" '{"code":"A","qty":7,"day":"2026-11-22"}'
    assert_sql "select string_agg(column_name || position, ',' order by position) from diner.reject" \
        "qty3,code4,day5"
}

@test "a character the encoding lacks is named, the old file stays" {
    to_file "select 1 as id, '生抽' as name" 'file: f.csv, encoding: GBK'
    diner_run f
    assert_status 0
    assert_equal "$(iconv -f GBK out/f.csv)" "id,name
1,生抽"
    cp -p out/f.csv old.csv
    to_file "select 1 as id, '𠮷野家😀' as name" 'file: f.csv, encoding: GBK'
    diner_run f
    assert_status 1
    assert_stderr_has "out/f.csv"
    assert_stderr_has "U+20BB7"
    cmp out/f.csv old.csv
    assert_equal "$(ls out)" f.csv
}

@test "a file that cannot be written fails the stream and leaves nothing" {
    to_file "select 1 as id" 'file: /proc/nothing/f.csv'
    diner_run f
    assert_status 1
    assert_stderr_has "/proc/nothing"
    mkdir -p out/f.csv
    to_file "select 1 as id" 'file: f.csv'
    diner_run f
    assert_status 1
    assert_stderr_has "out/f.csv"
    assert_equal "$(ls -A out)" f.csv
}

@test "a device or a pipe is written to, not read or replaced" {
    to_file "select 1 as id" "file: $PWD/pipe"
    mkfifo pipe
    cat pipe >got 3>&- &
    reader=$!
    diner_run f
    wait "$reader"
    assert_status 0
    assert_equal "$(cat got)" "id
1"
    [ -p pipe ]
    to_file "select 1 as id" "file: /dev/full"
    diner_run f
    assert_status 1
    assert_stderr_has "cannot write '/dev/full': No space left on device"
}
