#!/usr/bin/env bats
# shellcheck disable=SC2016
# Files as they come: packed, framed, padded, of fixed width, with headers of several rows, JSON.
load ../helper
load pipelines

FIXTURES=$BATS_TEST_DIRNAME/../fixtures

# The program in little memory; what the sanitizers need of it has no such bound.
little_memory() { # KIB
    grep -q __asan_init "$DINER" || ulimit -v "$1"
}

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

# A stream `s` from ../in.csv into t.s; columns code, qty.
source_with() { # KEYS OF THE SOURCE, [TYPE OF qty], [MODE]
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv$1 }
    mode: ${3:-replace}
    columns: { code: text, qty: ${2:-\"numeric(12,2)\"} }
YAML
}

loads() { # "ROWS": runs and compares t.s
    diner_run s
    assert_status 0
    assert_rows s "$1"
}

refuses() { # "TEXT OF STDERR"...
    diner_run s
    assert_status 1
    local text
    for text in "$@"; do assert_stderr_has "$text"; done
}

# ---- large files ---------------------------------------------------------------------------------

@test "a large file whose encoding shows only at its end is read again; the ledger knows it" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    columns: { code: text, name: text }
YAML
    { echo code,name && seq -f 'A%015.0f,plain' 250000 && echo B,牛腩; } | iconv -t GB18030 >in.csv
    run --separate-stderr "$DINER" --log-level info run s -o json
    assert_status 0
    assert_moved s "250001 250001 0 0 0 0 0 0"
    assert_stderr_has "is read again, every row of it: '"
    assert_sql "select name from t.s where code = 'B'" 牛腩
    assert_sql "select value ~ '^[0-9]+ .*/in.csv$', name = 'file:$(sha256sum in.csv | cut -c1-64)' from diner.state" "t|t"
    diner_run s
    assert_moved s "0 0 0 0 0 0 0 0"
    { cat in.csv && echo C,plain; } >again.csv && mv again.csv in.csv
    diner_run s # other content under the name
    assert_status 1
    assert_stderr_has "has other content than when it was loaded"
}

# ---- gzip and zstd -------------------------------------------------------------------------------

@test "gzip and zstd are known by their first bytes, whatever the name; GBK within" {
    source_with '' text
    printf '%s\n' code,qty 'A,生抽' | iconv -t GB18030 >plain
    gzip -c plain >in.csv
    loads "A,生抽"
    zstd -q -c plain >in.csv
    loads "A,生抽"
    cp plain in.csv
    loads "A,生抽"
}

@test "gzip: all members are read, zeros at the end are padding, anything else is an error" {
    source_with ''
    { printf 'code,qty\nA,1\n' | gzip -c; printf 'B,2\nC' | gzip -c; printf ',3\n' | gzip -c; } >in.csv
    loads "A,1.00 B,2.00 C,3.00"
    head -c 600 /dev/zero >>in.csv
    loads "A,1.00 B,2.00 C,3.00"
    echo junk >>in.csv
    refuses "in.csv' is damaged: what follows is not gzip"
    assert_rows s "A,1.00 B,2.00 C,3.00"
}

@test "zstd: all frames are read" {
    source_with ''
    { printf 'code,qty\nA,1\n' | zstd -q -c; printf 'B,2\n' | zstd -q -c; } >in.csv
    loads "A,1.00 B,2.00"
}

@test "a packed file that is cut off or damaged loads nothing" {
    source_with ''
    { echo code,qty; seq 1 20000 | sed 's/.*/K&,&/'; } >plain
    local tool
    for tool in gzip zstd; do
        "$tool" -c plain >whole 2>/dev/null
        local size
        size=$(stat -c %s whole)
        local cut
        for cut in 1 4 $((size / 2)); do
            head -c -"$cut" whole >in.csv
            refuses "in.csv' is cut off: its $tool data does not end"
        done
    done
    gzip -c plain >whole
    { head -c -8 whole; printf '\0\0\0\0'; tail -c 4 whole; } >in.csv
    refuses "in.csv' is damaged: incorrect data check"
    assert_sql "select to_regclass('t.s') is null" t
}

@test "standard input may be packed, zip too" {
    pipeline s <<'YAML'
streams: { s: { source: { file: "-" }, mode: replace, columns: { code: text, qty: int } } }
YAML
    printf '%s\n' code,qty A,1 B,2 >in.csv
    zip -q in.zip in.csv
    local pack
    for pack in cat "gzip -c" "zstd -q -c"; do
        $pack <in.csv >packed
        run --separate-stderr "$DINER" run s -o json < <(cat packed)
        assert_status 0
        assert_rows s "A,1 B,2"
    done
    run --separate-stderr "$DINER" run s -o json < <(cat in.zip)
    assert_status 0
    assert_moved s "2 0 0 2 0 0 0 0"
}

@test "what is packed unpacks in flat memory, and not without bounds" {
    source_with ', header: { none: true }'
    sed -i 's/code: text/code: { type: text, from: $1 }/; s/qty: "numeric(12,2)"/qty: { type: text, from: $2 }/' pipelines/s.yaml
    head -c 1300000000 /dev/zero | tr '\0' '\n' | gzip -1 -c >in.csv
    little_memory 400000
    refuses "in.csv' unpacks to more than 200 times its size"
}

# ---- zip -----------------------------------------------------------------------------------------

@test "zip: the only member; several need a word; all that match are read in order" {
    printf '%s\n' code,qty A,1 >a.csv
    printf '%s\n' code,qty B,2 >b.csv
    printf '%s\n' readme >readme.txt
    source_with ''
    zip -q in.csv.zip a.csv && mv in.csv.zip in.csv
    loads "A,1.00"
    zip -q in.zip a.csv b.csv readme.txt && mv in.zip in.csv
    refuses "in.csv' has 3 members: a.csv, b.csv, readme.txt" 'say which by `member: "*.csv"`'
    source_with ', member: "*.csv"'
    loads "A,1.00 B,2.00"
    source_with ', member: "c*"'
    refuses "has no member that matches 'c*'" "it has: a.csv, b.csv, readme.txt"
}

@test "zip: rejects name the member; a damaged, cut or encrypted one is refused" {
    source_with ''
    printf '%s\n' code,qty A,1 B,x >a.csv
    zip -q in.zip a.csv && cp in.zip in.csv
    diner_run s
    assert_status 0
    assert_sql "select origin like '%/pipelines/../in.csv:a.csv' from diner.reject" t
    head -c -10 in.zip >in.csv
    refuses "in.csv' is a zip file that cannot be read" "it may be cut off"
    { echo code,qty; seq 1 3000 | sed 's/.*/K&,&/'; } >a.csv
    rm in.zip && zip -q in.zip a.csv
    { head -c 2000 in.zip; printf 'XXXX'; tail -c +2005 in.zip; } >in.csv
    refuses "in.csv:a.csv' is damaged"
    zip -q -P secret e.zip a.csv && mv e.zip in.csv
    refuses "in.csv:a.csv' is encrypted"
}

@test "an xlsx file is refused with advice" {
    source_with ''
    mkdir x && echo '<x/>' >'x/[Content_Types].xml'
    (cd x && zip -q ../x.zip -r .) && mv x.zip in.csv
    refuses "in.csv' is an xlsx file, not text" "save the sheet as CSV"
}

@test "Alipay's bill: GBK names, the summary first, cells with a trailing TAB, comments around" {
    pipeline s <<YAML
streams:
  s:
    source:
      file: $FIXTURES/bills/alipay_trade_20261121.csv.zip
      header: { find: [支付宝交易号, 商户订单号] }
      preamble: { account: "账号：\\\\[([0-9]+)" }
      skip: "^#"
      trim: true
    mode: replace
    columns:
      code: { type: text, from: 商户订单号 }
      qty: { type: "numeric(12,2)", from: "订单金额（元）" }
      kind: { type: text, from: 业务类型 }
      done_at: { type: timestamptz, from: 完成时间, format: "%Y-%m-%d %H:%M:%S", timezone: Asia/Shanghai }
      account: { type: text, from: \$account }
      file: { type: text, from: \$file }
YAML
    diner_run s
    assert_status 0
    assert_sql "select count(*) > 3 and count(*) filter (where kind = '退款') >= 2 and min(file) like '%业务明细.csv' and min(account) ~ '^2088' from t.s" t
    assert_sql "select count(*) from t.s where code ~ E'\\\\t'" 0
}

# ---- fixed width ---------------------------------------------------------------------------------

@test "fixed width: by characters or by bytes of GBK, padded, with totals" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.txt, format: fixed, positions: bytes, skip: "^--", trailer: { match: "^合计", sum: { qty: 17-26 } } }
    mode: replace
    columns:
      code: { type: text, at: 1-8 }
      name: { type: text, at: 9-16 }
      qty: { type: "numeric(12,2)", at: 17-26 }
      line: { type: int, from: $line }
YAML
    {
        echo 'A1      生抽      1,250.50'
        echo '--------------------------'
        echo 'B2      老抽王       3.00-'
        echo '合计              1,247.50'
    } | iconv -t GB18030 >in.txt
    diner_run s
    assert_status 0
    assert_rows s "A1,生抽,1250.50,1 B2,老抽王,-3.00,3" "code, name, qty, line"
    assert_moved s "4 2 0 0 0 0 0 2"
    sed -i 's/positions: bytes, //; s/17-26/12-20/g; s/at: 9-16/at: 9-11/' pipelines/s.yaml
    {
        echo 'A1      生抽   1250.50'
        echo 'B2      老抽王    -3.00'
        echo '合计            1247.50'
    } | iconv -t GB18030 >in.txt
    diner_run s
    assert_status 0
    assert_moved s "3 1 0 1 1 0 0 1"
    assert_rows s "A1,生抽,1250.50,1 B2,老抽王,-3.00,2" "code, name, qty, line"
}

@test "fixed width: a line that ends early, and a place within a character, are rejects" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.txt, format: fixed, positions: bytes }
    mode: replace
    on_error: { max_reject_rate: 100% }
    columns: { code: { type: text, at: 1-3 }, qty: { type: int, at: 4-6 } }
YAML
    printf '%s\n' 'A    1' 'B  2' 'ab生 3' >in.txt
    iconv -t GB18030 in.txt >gb && mv gb in.txt
    diner_run s
    assert_status 0
    assert_rows s "A,1"
    assert_sql "select string_agg(position || ':' || split_part(reason, ' (', 1), ' ' order by position) from diner.reject" \
        "2:the line ends before its last column 3:a column begins or ends within a character"
    sed -i 's/format: fixed/format: fixed, pad: true/' pipelines/s.yaml
    diner_run s
    assert_rows s "A,1 B,2"
}

@test "fixed width needs places, and other formats have none" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.txt, format: fixed, quote: none }
    columns: { code: text, qty: { type: int, at: 0-6 } }
  u:
    source: { file: ../in.txt, positions: bytes }
    columns: { code: { type: text, at: 1-2 } }
YAML
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "'quote' is for csv and tsv, the format is fixed"
    assert_stdout_has "column 'code': a column of fixed width needs 'at'"
    assert_stdout_has "column 'qty': '0-6' is no range"
    assert_stdout_has "'positions' is for fixed, the format is csv"
    assert_stdout_has "column 'code': 'at' is for the format fixed"
}

# ---- SAP's lists ---------------------------------------------------------------------------------

@test "alv: frames, rules, titles and repeated page headers; padded keys, trailing minus" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.txt, format: alv, decimal: comma, preamble: { day: "([0-9.]+) *Dynamic" }, skip: "^[*]" }
    mode: replace
    columns:
      code: { type: text, from: Material, strip_zeros: true }
      plant: { type: text, from: Plnt }
      qty: { type: "numeric(18,3)", from: Unrestricted }
      day: { type: date, from: $day, format: "%d.%m.%Y" }
YAML
    cat >in.txt <<'TXT'
22.11.2026          Dynamic List Display                1
----------------------------------------------------------
|Material          |Plnt|Material Description|Unrestricted|
----------------------------------------------------------
|000000000000009876|1000|Soja "hell" 500 ml  |   1.234,500|
|A-00012           |1000|生抽                |      12,00-|
----------------------------------------------------------

22.11.2026          Dynamic List Display                2
----------------------------------------------------------
|Material          |Plnt|Material Description|Unrestricted|
----------------------------------------------------------
|000000000000000000|1000|                    |       0,000|
|*                 |    |                    |   1.222,500|
----------------------------------------------------------
TXT
    diner_run s
    assert_status 0
    assert_rows s "0,1000,0.000,2026-11-22 9876,1000,1234.500,2026-11-22 A-00012,1000,-12.000,2026-11-22" "code, plant, qty, day"
    assert_moved s "6 3 0 0 0 0 0 3"
    echo '|1|2|3|4|5|' >>in.txt
    diner_run s
    assert_moved s "7 0 0 3 0 0 1 3"
    assert_sql "select reason from diner.reject" "more fields than the header"
}

# ---- headers -------------------------------------------------------------------------------------

@test "a header of two rows: merged cells reach to the right" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, header: { find: [库存/数量, 销售/数量], rows: 2, join: / } }
    mode: replace
    columns:
      code: { type: text, from: 物料 }
      qty: { type: int, from: 库存/数量 }
      sold: { type: int, from: 销售/数量 }
      sold_amount: { type: "numeric(9,2)", from: 销售/金额 }
YAML
    printf '%s\n' '某店库存表' '物料,库存,,销售,' ',数量,金额,数量,金额' 'A,1,1.50,3,4.50' >in.csv
    diner_run s
    assert_status 0
    assert_rows s "A,1,3,4.50" "code, qty, sold, sold_amount"
}

@test "the header at a row; between it and the data whatever there is" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, header: { row: 3, until: "^Start entering" }, unquote: true }
    mode: replace
    columns: { code: { type: text, from: item_code }, qty: { type: "numeric(9,2)", from: opening_stock } }
YAML
    cat >in.csv <<'CSV'
"DocType:","Item","","~","Stock"
"Column Labels:","Item Code","Opening Stock","~","Label"
"Column Name:","item_code","opening_stock","~","label"
"Mandatory:","Yes","No","~","No"
"Type:","Data","Float","~","Data"
"Info:","","","~",""
"Start entering data below this line"
"","""ITEM-001""","5.0","",""
"","""ITEM-002""","-2.5","","x"
CSV
    diner_run s
    assert_status 0
    assert_rows s "ITEM-001,5.00 ITEM-002,-2.50"
    sed -i 's/row: 3/find: [item_code, opening_stock]/' pipelines/s.yaml
    diner_run s
    assert_moved s "2 0 0 2 0 0 0 0"
    sed -i 's/Start entering/nowhere/' pipelines/s.yaml
    diner_run s
    assert_status 1
    assert_stderr_has "nothing below the header matches '^nowhere'"
}

@test "repeated page headers are skipped when that is said" {
    source_with ', header: { repeats: true }'
    printf '%s\n' code,qty A,1 code,qty B,2 >in.csv
    loads "A,1.00 B,2.00"
    assert_moved s "3 2 0 0 0 0 0 1"
    source_with ''
    loads "A,1.00 B,2.00"
    assert_moved s "3 0 0 2 0 0 1 0"
}

@test "a delimiter too many at the end shifts nothing; a value there is a reject" {
    source_with ', format: tsv, quote: none'
    printf 'code\tqty\nA\t1\t\nB "x"\t2\t\nC\t3\tx\nD\t4\t\t\n' >in.csv
    loads 'A,1.00 B "x",2.00'
    assert_sql "select string_agg(position || reason, ' ' order by position) from diner.reject" \
        "4more fields than the header 5more fields than the header"
}

# ---- cells ---------------------------------------------------------------------------------------

@test "ICBC: padded and quoted numbers with a TAB, totals in the first cell" {
    source_with ', skip: "合计$"'
    printf 'code,qty\nA,"1,234.56          \t"\n人民币合计,"1,234.56          \t"\nB,49.74               \n' >in.csv
    loads "A,1234.56 B,49.74"
}

@test "Odoo's group rows are left out by a pattern" {
    source_with ', skip: " [(][0-9]+[)]$"'
    printf '%s\n' code,qty 'Vegetables (2),3' '    Roots (1),1' A,1 '    Leaves (1),2' B,2 >in.csv
    loads "A,1.00 B,2.00"
    assert_moved s "5 2 0 0 0 0 0 3"
}

@test "WeChat's bill: a mark, backticks before each value, its own totals at the end" {
    pipeline s <<YAML
streams:
  s:
    source:
      file: $FIXTURES/bills/wechat_tradebill_ALL_20261121.csv
      header: { find: [交易时间, 微信订单号] }
      stop_at: "^总交易单数"
      guard: true
      strip: ["\`"]
    mode: replace
    on_error: { max_reject_rate: 100% }
    columns:
      code: { type: text, from: 商户订单号 }
      qty: { type: "numeric(12,2)", from: 订单金额 }
      fee: { type: "numeric(12,5)", from: 手续费 }
      paid_at: { type: timestamptz, from: 交易时间, format: "%Y-%m-%d %H:%M:%S", timezone: Asia/Shanghai }
      state: { type: text, from: 交易状态 }
YAML
    diner_run s
    assert_status 0
    assert_sql "select count(*) > 10 and count(*) filter (where fee < 0) > 0 and bool_and(state in ('SUCCESS', 'REFUND', 'REVOKED')) and bool_and(code !~ '\`') from t.s" t
    assert_sql "select distinct split_part(reason, ' (', 1) from diner.reject" "more fields than the header" # a comma in a name
    assert_json '.[0].skipped == 2'
}

@test "negatives: before, behind, in brackets, guarded" {
    source_with ''
    printf '%s\n' code,qty A,-1 B,2- 'C,(3.00)' "D,'-4" 'E,"(1,234.50)"' 'F,()' 'G,(-5)' >in.csv
    loads "A,-1.00 B,-2.00 C,-3.00 D,-4.00 E,-1234.50"
}

@test "the wrong decimal mark is refused, the declared one is read" {
    source_with ''
    printf '%s\n' 'code,qty' 'A,"1.234,56"' 'B,"1,234.56"' >in.csv
    loads "B,1234.56"
    source_with ', decimal: comma'
    loads "A,1234.56"
}

@test "formula guards of Excel: an apostrophe, ="..."" {
    source_with ', guard: true' text
    printf '%s\n' 'code,qty' "'=1+1,'-x" '"=""00123""",=1' >in.csv
    loads '00123,=1 =1+1,-x'
}

@test "zeros are stripped from codes of digits only, where it is said" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    mode: replace
    columns: { code: { type: text, strip_zeros: true }, qty: text }
YAML
    printf '%s\n' code,qty 000000000000009876,007 00A12,008 0000,009 >in.csv
    diner_run s
    assert_rows s "0,009 00A12,008 9876,007"
}

@test "a code in scientific notation is refused in the key and where it is declared" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    on_error: { max_reject_rate: 100% }
    columns: { code: text, qty: { type: text, code: yes }, note: text }
YAML
    printf '%s\n' code,qty,note 4.2E+27,1,x A,4.20017E+27,y 1E5,1E5,1.5E+10 >in.csv
    diner_run s
    assert_status 0
    assert_rows s "1E5,1E5,1.5E+10" "code, qty, note"
    assert_sql "select string_agg(column_name || ':' || value || ':' || reason, ' ' order by position) from diner.reject" \
        "code:4.2E+27:a code in scientific notation is damaged qty:4.20017E+27:a code in scientific notation is damaged"
}

@test "units in the text are exact factors, and must be declared" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv, strip: ["约"] }
    mode: replace
    on_error: { max_reject_rate: 100% }
    columns: { code: text, qty: { type: "numeric(12,3)", units: { 箱: 12, 瓶: 1, 斤: 0.5, kg: 1, kg/袋: 1 } } }
YAML
    printf '%s\n' code,qty A,2箱 'B,"1,250.5 kg"' C,1.5kg/袋 D,3斤 E,2箱3瓶 F,-1斤 G,约2箱 H,5 I,2桶 J,箱 K,1.0001斤 L, >in.csv
    diner_run s
    assert_status 0
    assert_rows s "A,24.000 B,1250.500 C,1.500 D,1.500 E,27.000 F,-0.500 G,24.000 L"
    assert_sql "select string_agg(value || ':' || split_part(reason, ' (', 1), ' ' order by position) from diner.reject where position < 11" \
        "5:a quantity without a unit 2桶:a unit that is not among its \`units\`"
    assert_sql "select count(*) from diner.reject" 4
}

@test "dates: several forms in a column, Chinese, AM and PM, serials, no date" {
    pipeline s <<'YAML'
streams:
  s:
    source: { file: ../in.csv }
    mode: replace
    on_error: { max_reject_rate: 100% }
    columns:
      code: text
      qty: { type: date, null: [1900-01-01], format: [iso, "%Y/%m/%d", "%Y%m%d", "%m/%d/%y", "%Y年%m月%d日", "%Y/%m/%d %H:%M", excel] }
      at: { type: timestamp, null: ["1900-01-01"], format: ["%Y-%m-%d %I:%M:%S %p", "%Y/%m/%d %p%I:%M", "%Y-%m-%d %H:%M", excel] }
      mac: { type: date, format: excel_1904 }
YAML
    cat >in.csv <<'CSV'
code,qty,at,mac
A,2024/1/5,2023-01-01 11:38:36 AM,43834
B,20240105,2024/1/5 下午3:05,0
C,45296,45296.5,
D,3/31/23,2024-01-05 00:30,
E,2012年12月29日,2023-01-01 12:00:00 AM,
F,1900/1/1 0:00,1900-01-01 00:00,
G,13/31/23,,
CSV
    diner_run s
    assert_status 0
    assert_equal "$(rows s "code, coalesce(qty::text, '~'), coalesce(to_char(at, 'YYYY-MM-DD HH24:MI:SS'), '~'), mac")" \
        "A,2024-01-05,2023-01-01 11:38:36,2024-01-05 B,2024-01-05,2024-01-05 15:05:00,1904-01-01 C,2024-01-05,2024-01-05 12:00:00 D,2023-03-31,2024-01-05 00:30:00 E,2012-12-29,2023-01-01 00:00:00 F,~,~"
    assert_sql "select column_name || ':' || value from diner.reject" "qty:13/31/23"
}

@test "lines that end in CR alone are named" {
    source_with ''
    printf 'code,qty\rA,1\rB,2\r' >in.csv
    refuses "the header cannot be read" "its lines end in CR alone, as on old Macs: save it with LF or CR LF, or  tr '\\r' '\\n' <FILE >NEW"
    source_with ', header: { find: [code] }'
    refuses "has no header with 'code'" "its lines end in CR alone"
}

@test "files: last is the last by name, whatever the age, of those that match" {
    source_with ''
    sed -i 's/in.csv/in_*.csv, files: last/' pipelines/s.yaml
    printf '%s\n' code,qty old,1 >in_20261120.csv
    printf '%s\n' code,qty new,2 >in_20261122.csv
    printf '%s\n' code,qty mid,3 >in_20261121.csv
    printf '%s\n' code,qty other,4 >zz.csv
    touch -d '2020-01-01' in_20261122.csv
    loads "new,2.00"
    rm in_20261122.csv
    loads "mid,3.00"
    sed -i 's/files: last/files: all/' pipelines/s.yaml
    loads "mid,3.00 old,1.00"
    rm in_*.csv
    sed -i 's/files: all/files: last/' pipelines/s.yaml
    refuses "no file matches"
}

# What lint says of these formats of column qty, or "sound".
formats_lint() { # FORMATS
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.csv }
    mode: replace
    columns: { code: text, qty: { type: date, format: [$1] } }
YAML
    run --separate-stderr "$DINER" pipeline lint s
    case $status in
    0) said=sound ;;
    3) said=$output ;;
    *) fail "exit $status: $stderr" ;;
    esac
}

@test "formats that read one text as two days are refused by lint, with the text and both readings" {
    formats_lint '"%d/%m/%Y", "%Y-%m-%d", "%m/%d/%Y"'
    [[ $said == *"column 'qty': by '%d/%m/%Y' the text '04/03/2026' is 2026-03-04, by '%m/%d/%Y' the text '04/03/2026' is 2026-04-03"* ]]
    [[ $said == *"a column is written one way; split the files"* ]]
    formats_lint '"%y/%m/%d", "%d/%m/%y"'
    [[ $said == *"by '%y/%m/%d' the text '03/04/26' is 2003-04-26, by '%d/%m/%y' the text '03/04/26' is 2026-04-03"* ]]
    formats_lint '"%Y-%d-%m", iso'
    [[ $said == *"by '%Y-%d-%m' the text '2026-04-03' is 2026-03-04, by 'iso'"* ]]
    formats_lint '"%m/%d/%y", "%d/%m/%Y"'
    [[ $said == *"by '%m/%d/%y' the text '03/04/26' is 2026-03-04, by '%d/%m/%Y' the text '03/04/2026' is 2026-04-03"* ]]
    formats_lint '"%d/%m/%Y %H:%M", "%m/%d/%Y"'
    [[ $said == *"by '%d/%m/%Y %H:%M' the text"*"by '%m/%d/%Y' the text"* ]]
}

@test "formats that are sound in one order only are to be listed in that order" {
    formats_lint '"%d%m%Y", "%Y%m%d"'
    [[ $said == *"by '%d%m%Y' the text '20110403' is 0403-11-20, by '%Y%m%d' the text '20110403' is 2011-04-03"* ]]
    [[ $said == *"the first that fits is taken: list '%Y%m%d' first"* ]]
    formats_lint '"%Y%m%d", "%d%m%Y"'
    assert_equal "$said" sound
    printf '%s\n' code,qty A,20111112 B,12112011 >in.csv
    diner_run s
    assert_status 0
    assert_rows s "A,2011-11-12 B,2011-11-12"
}

@test "formats of one meaning stay sound together" {
    local formats
    for formats in '"%Y/%m/%d", "%Y%m%d", iso' '"%d/%m/%Y", "%d/%m/%y", "%d/%m/%Y %H:%M"' \
        '"%Y/%m/%d", "%d/%m/%Y", excel' '"%Y-%m-%d", "%Y-%m-%d %H:%M:%S", iso'; do
        formats_lint "$formats"
        assert_equal "$formats: $said" "$formats: sound"
    done
}

# ---- json ----------------------------------------------------------------------------------------

json_source() { # KEYS
    pipeline s <<YAML
streams:
  s:
    source: { file: ../in.json, format: json$1 }
    mode: replace
    on_error: { max_reject_rate: 100% }
    columns: { code: text, qty: { type: "numeric(38,18)", from: /money/total } }
YAML
}

@test "json: records at a pointer, exact numbers, faults by number" {
    json_source ', records: /data/items'
    cat >in.json <<'JSON'
{"code": 200, "skip": [{"items": [1, "]"]}], "data": {"total": 3, "items": [
  {"code": "A", "money": {"total": 0.100000000000000001}},
  {"code": "生抽 \"x\"", "money": {"total": 2}}, [1],
  {"code": "C", "money": {"total": 1,}} ], "more": [null, {}]}}
JSON
    diner_run s
    assert_status 0
    assert_rows s 'A,0.100000000000000001 生抽 "x",2.000000000000000000'
    assert_sql "select string_agg(position::text, ',' order by position) from diner.reject" "3,4"
}

@test "json: the document itself; packed; a pointer to nothing; cut off" {
    json_source ''
    echo '[{"code":"A","money":{"total":1}} , {"code":"B","money":{"total":2}}]' | gzip -c >in.json
    diner_run s
    assert_status 0
    assert_rows s "A,1.000000000000000000 B,2.000000000000000000"
    echo '[]' >in.json
    diner_run s
    assert_status 9
    assert_stderr_has "would shrink from 2 to 0 rows"
    json_source ', records: /data/rows'
    echo '{"code":1,"data":{"items":[],"total":0}}' >in.json
    refuses "nothing at '/data/rows'" "where 'rows' was looked for there are: items, total"
    echo '{"data":{"rows":[{"code":"A"}],"rows":[{"code":"B"}]}}' >in.json
    refuses "the member 'rows' stands twice"
    echo '{"data":{"rows":{"a":1}}}' >in.json
    refuses "expected the array of records, found '{'"
    printf '{"data":{"rows":[{"code":"A"},{"code":"B"' >in.json
    refuses "the document is cut off at byte"
    printf '{"data":{"rows":[{"code":"A"}]}' >in.json
    refuses "the document is cut off at byte"
    assert_rows s "A,1.000000000000000000 B,2.000000000000000000"
}

@test "json: a document far bigger than memory is allowed to be" {
    json_source ', records: /rows'
    {
        echo '{"rows": ['
        seq -f '{"code": "K%06.0f", "pad": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},' 1 600000
        echo '{"code": "last"}]}'
    } >in.json
    little_memory 400000
    run --separate-stderr "$DINER" run s --dry-run -o json
    assert_status 0
    assert_json '.[0].read == 600001'
}

# ---- files that are not what they seem -----------------------------------------------------------

@test "directories, dangling links, unreadable files are named; a link beside its file is read once" {
    pipeline s <<'YAML'
streams: { s: { source: { file: "../in_*" }, mode: replace, columns: { code: text, qty: int } } }
YAML
    printf '%s\n' code,qty A,1 >in_1.csv
    ln -s in_1.csv in_latest.csv
    diner_run s
    assert_status 0
    assert_rows s "A,1"
    assert_stderr_has "in_latest.csv' is a file that was listed already: it is read once"
    ln -s nowhere in_2.csv
    refuses "in_2.csv' is a link to a file that does not exist"
    rm in_2.csv
    mkdir in_2.csv
    refuses "in_2.csv' is a directory"
}

@test "settle: a file that was written to just now is refused, to be tried again" {
    source_with ', settle: 1h'
    printf '%s\n' code,qty A,1 >in.csv
    diner_run s
    assert_status 5
    assert_stderr_has "in.csv' was written to 0 s ago: it may not be whole yet"
    touch -d '2 hours ago' in.csv
    loads "A,1.00"
}

# ---- the ledger of files -------------------------------------------------------------------------

ledger() { # MODE KEYS
    pipeline s <<YAML
streams:
  s:
    source: { file: "../in_*.csv"${2:-} }
    mode: $1
    columns: { code: text, qty: int, file: { type: text, from: \$file } }
YAML
    case $1 in merge) sed -i 's/mode: merge/mode: merge\n    key: [code]/' pipelines/s.yaml ;; esac
}

@test "append: each file once, by content; a changed one is refused with both sizes; gone is no error" {
    ledger append
    printf '%s\n' code,qty A,1 >in_1.csv
    printf '%s\n' code,qty B,2 >in_2.csv
    diner_run s
    assert_moved s "2 2 0 0 0 0 0 0"
    cp in_1.csv in_3.csv
    diner_run s
    assert_moved s "0 0 0 0 0 0 0 0"
    assert_stderr_has "files loaded before and left out: 3"
    run --separate-stderr "$DINER" state get s
    assert_stdout_has "13 $PWD/in_1.csv"
    echo C,3 >>in_2.csv
    refuses "in_2.csv' has other content than when it was loaded: 13 bytes then, 17 now" "mode merge, and \`changed: reload\`"
    assert_rows s "A,1 B,2"
    rm in_2.csv
    diner_run s
    assert_status 0
}

@test "append: the ledger knows a file from any directory, and a link as what it names" {
    ledger append
    printf '%s\n' code,qty A,1 >in_1.csv
    diner_run s
    cd pipelines || return 1
    DINER_PIPELINE_PATH=. diner_run s
    assert_moved s "0 0 0 0 0 0 0 0"
    echo B,2 >>../in_1.csv
    DINER_PIPELINE_PATH=. diner_run s
    assert_status 1
    assert_stderr_has "has other content than when it was loaded"
}

@test "merge: with changed, what was loaded is left out; a changed file is loaded again, and what follows it" {
    ledger merge ', changed: reload'
    printf '%s\n' code,qty A,1 X,1 >in_1.csv
    printf '%s\n' code,qty B,2 X,2 >in_2.csv
    diner_run s
    assert_rows s "A,1 B,2 X,2"
    diner_run s
    assert_moved s "0 0 0 0 0 0 0 0"
    printf '%s\n' code,qty A,7 X,7 >in_1.csv
    diner_run s
    assert_rows s "A,7 B,2 X,2"
    assert_moved s "4 0 1 2 0 1 0 0"
    printf '%s\n' code,qty A,1 X,1 >in_1.csv # what it was at first is a change again
    diner_run s
    assert_rows s "A,1 B,2 X,2"
    ledger merge ', changed: refuse'
    echo D,4 >>in_2.csv
    refuses "in_2.csv' has other content" "to read it again: \`changed: reload\`"
    ledger merge
    diner_run s
    assert_moved s "5 1 0 3 0 1 0 0"
}

@test "reload is for modes where it is exact" {
    ledger append ', changed: reload'
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "to reload a file in mode 'append' would add its rows again"
}

@test "a zip's members are in the ledger each by itself" {
    ledger append ', member: "*.csv"'
    printf '%s\n' code,qty A,1 >a.csv
    printf '%s\n' code,qty B,2 >b.csv
    zip -q z.zip a.csv && mv z.zip in_1.csv
    diner_run s
    assert_moved s "1 1 0 0 0 0 0 0"
    zip -q z.zip a.csv b.csv && mv z.zip in_1.csv
    diner_run s
    assert_moved s "1 1 0 0 0 0 0 0"
    assert_rows s "A,1 B,2"
}

@test "a file that grows while it is read is refused" {
    ledger append
    { echo code,qty; seq 1 400000 | sed 's/.*/K&,&/'; } >in_1.csv
    {
        for _ in {1..400}; do
            echo Z,1 >>in_1.csv
            sleep 0.01
        done
    } 3>&- &
    local writer=$!
    diner_run s
    kill "$writer" 2>/dev/null || true
    assert_status 1
    assert_stderr_has "changed while it was being read"
    assert_sql "select to_regclass('t.s') is null" t
}
