#!/usr/bin/env bats
# shellcheck disable=SC2016
# diner pipeline guess: what it writes runs as it is, and does what its comments say.
load ../helper
load pipelines

setup_file() { dev_start --orders 30; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

guess() { # FILE NAME: pipelines/NAME.yaml
    run --separate-stderr "$DINER" pipeline guess "$1" --name "$2" --schema t
    assert_status 0
    assert_stderr_is ""
    printf '%s\n' "$output" >"pipelines/$2.yaml"
}

# "LOADED REJECTED SKIPPED" as the guess announces them.
announced() { # NAME
    sed -nE 's/^# A run of it: ([0-9]+) rows loaded, ([0-9]+) rejected, ([0-9]+) skipped.*/\1 \2 \3/p' \
        "pipelines/$1.yaml"
}

# A guess lints clean, and a run moves what it announced.
assert_as_announced() { # NAME
    run --separate-stderr "$DINER" pipeline lint "$1"
    [ "$status" -eq 0 ] || fail "lint: $1"
    run --separate-stderr "$DINER" run "$1" -o json
    [ "$status" -eq 0 ] || fail "run: $1"
    assert_equal "$(jq -r '.[0] | [.inserted, .rejected, .skipped] | join(" ")' <<<"$output")" "$(announced "$1")"
}

@test "the samples run as guessed, with the rejects announced" {
    for file in "$PROJECT"/tests/fixtures/erp/erp_stock_*; do
        guess "$file" sample
        assert_as_announced sample
        sql "drop table t.sample" >/dev/null
        sql "truncate diner.state" >/dev/null
    done
}

# What of a copy is damaged is told by its line and byte; the rest is loaded, or nothing where the
# end is missing. SAMPLE | PYTHON that makes the copy `b` of its lines `l` | "LOADED REJECTED" | REASONS
broken_samples() {
    cat <<'CASES'
kingdee_gb18030.csv|l[9] = l[9][:12] + b'\xff' + l[9][13:]|53 3|10: bytes B3 FF at offset 688 of the file are not GB18030
kingdee_gb18030.csv|l[9] = l[9].replace(b',', b'\xb5,', 1)|53 3|10: bytes B5 at offset 681 of the file are not GB18030
kingdee_gb18030.csv|del l[24:]; l[23] = l[23][:-1] + b'\xb5'|failed|ends without its total
kingdee_gb18030.csv|l[3] = l[3][:3] + b'\xff' + l[3][4:]|failed|no header with
sap_utf16le.txt|b = b[:801]|5 1|7: bytes 32 at offset 800 of the file are not UTF-16LE
sap_utf16le.txt|b = b[:800]|5 1|7: fewer fields than the header
odoo_utf8.csv|l[1:-1:2] = [x + b'\r' for x in l[1:-1:2]]|24 0|
odoo_utf8.csv|l[7] += b'\r' + l.pop(8)|22 1|8: a carriage return outside quotes
odoo_utf8.csv|l[5] = l[5][:13] + b'\0' + l[5][13:]|20 4|6: a NUL byte
odoo_utf8.csv|l[22] = l[22][:-1]|21 3|23: an unterminated quote
odoo_utf8.csv|l[22] = b'"' + l[22]|21 3|23: text after a closing quote
CASES
}
@test "broken copies of the samples: the damage is told by line, the rest is as it was" {
    while IFS='|' read -r sample change loaded reason; do
        cp "$PROJECT/tests/fixtures/erp/erp_stock_$sample" in.txt
        guess in.txt broken
        sed -i '/^    on_error:/d' pipelines/broken.yaml
        echo '    on_error: { max_rejects: 10, max_reject_rate: 100% }' >>pipelines/broken.yaml
        python3 - "$change" <<'PY'
import sys
b = open("in.txt", "rb").read()
end = b"\r\n" if b"\r\n" in b else b"\n"
l = b.split(end)
before = list(l)
scope = {"b": b, "l": l}
exec(sys.argv[1], scope)
open("in.txt", "wb").write(end.join(scope["l"]) if scope["l"] != before else scope["b"])
PY
        diner_run broken
        if [ "$loaded" = failed ]; then
            assert_status 1
            assert_stderr_has "$reason"
            assert_sql "select to_regclass('t.broken') is null" t
        else
            assert_status 0
            assert_equal "$(jq -r '.[0] | [.inserted, .rejected] | join(" ")' <<<"$output")" "$loaded"
            assert_sql "select coalesce(bool_or(starts_with(position || ': ' || reason, '$reason')), '$reason' = '')
                from diner.reject" t
        fi
        sql "drop table if exists t.broken" >/dev/null 2>&1
        sql "truncate diner.state, diner.reject" >/dev/null
    done < <(broken_samples)
}

@test "a Kingdee export: encoding, header by structure, subtotals, total, codes, dates" {
    guess "$PROJECT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv" stock
    assert_stdout_has "# Encoding: GB18030, no byte order mark, not UTF-8. Line ends: CR LF. Quotes: used."
    assert_stdout_has "# A run of it: 54 rows loaded, 2 rejected, 4 skipped by rule."
    assert_stdout_has "#   rejected, line 31: stock_qty: not a number"
    assert_stdout_has "header: { find: [仓库编码, 仓库名称, 物料编码], skip_max: 20 }   # line 4, below 3 others"
    assert_stdout_has '# preamble: { exported_at: "导出时间[：:] *([0-9/-]+ [0-9:]+)" }'
    assert_stdout_has 'skip: "^小计"   # 3 subtotals'
    assert_stdout_has 'trailer: { match: "^合计" }'
    assert_stdout_has 'material_code: { type: text, from: 物料编码 }  # like 99.999.9999; 1 of 56 empty'
    assert_stdout_has 'amount: { type: "numeric(12,2)", from: 金额 }'
    assert_stdout_has 'format: ["%Y/%m/%d", "%Y%m%d", "%Y-%m-%d"] }'
    assert_stdout_has 'on_error: { max_rejects: 100, max_reject_rate: 4% }'
    # No value of the file stands in it, its header and its labels apart.
    for value in 人民广场店 盐焗鸡 金华火腿 01.010.1001 B261111 上海 63,674; do
        refute_stdout_has "$value"
    done
}

@test "an Odoo export: cells given once a group, and the key made with them" {
    guess "$PROJECT/tests/fixtures/erp/erp_stock_odoo_utf8.csv" stock
    assert_stdout_has "fill_down: [location]"
    assert_stdout_has "[location, internal_reference]: unique in 24 rows"
    assert_as_announced stock
    assert_sql "select count(distinct location) from t.stock" 3
    assert_sql "select qty from (select quantity as qty from t.stock) x where qty < 0" -4.460000
}

@test "a SAP list: TAB, quotes that are text, decimal comma, padded numbers stay" {
    guess "$PROJECT/tests/fixtures/erp/erp_stock_sap_utf16le.txt" stock
    assert_stdout_has "encoding: UTF-16LE"
    assert_stdout_has "delimiter: tab"
    assert_stdout_has "quote: none"
    assert_stdout_has "decimal: comma"
    assert_stdout_has "material: { type: text, from: Material, required: true }  # a code: leading zero in line 2"
    assert_as_announced stock
    assert_sql "select value from t.stock where material = '000000000000009878'" -471621.89
}

@test "days as spreadsheets count them, under the header of a date: excel, with the doubt said" {
    printf '%s\n' 单号,日期,录入时间,天数,created_at,数量 S-1,45296,45296.4756944444,45296,45296,45296 \
        S-2,45297,45297,45297,,45297 S-3,45298,45298.5,45298,1,45298 >in.csv
    guess in.csv days
    assert_stdout_has 'date: { type: date, from: 日期, format: [excel] }  # numbers that are days as spreadsheets count them, by the header: a number type if they are none, excel_1904 of old Macs'
    assert_stdout_has '录入时间: { type: timestamptz, format: [excel], timezone: "Asia/Shanghai" }'
    assert_stdout_has '天数: bigint'
    assert_stdout_has 'created_at: bigint'
    assert_as_announced days
    assert_sql "select string_agg(date::text, ' ' order by date) from t.days" "2024-01-05 2024-01-06 2024-01-07"
}

@test "two digits for the year: the orders that fit all values, the year first among them" {
    printf '%s\n' any,first,last 03/04/05,24/01/05,01/31/24 06/07/08,24/02/06,02/28/24 >in.csv
    guess in.csv years
    assert_stdout_has '# any: { type: date, format: "%d/%m/%y" }   or "%m/%d/%y"   or "%y/%m/%d"'
    assert_stdout_has '# first: { type: date, format: "%d/%m/%y" }   or "%y/%m/%d"'
    assert_stdout_has '# last: { type: date, format: "%m/%d/%y" }
'
}

@test "records that may be part of the header are pointed at: Frappe's six, merged cells" {
    printf '%s\n' 'Item Code,Item Name,Qty,Date' 'item_code,item_name,qty,date' 'Yes,No,Yes,No' 'Data,Data,Float,Date' \
        ',,,yyyy-mm-dd' 'Start entering data below this line,,,' A1,x,1,2026-11-21 A2,y,2,2026-11-22 A3,z,3,2026-11-23 >in.csv
    guess in.csv frappe
    assert_stdout_has "# below line 1, 5 record(s) with texts where the rows have numbers or dates: if they are part of the header, declare in it  rows: 6  (names are joined), or  until: PATTERN  of the last of them"
    printf '%s\n' 物料,库存,,销售, ,数量,金额,数量,金额 A1,1,2.50,3,4 A2,1,2.50,3,4 >in.csv
    guess in.csv merged
    assert_stdout_has "# below line 1, 1 record(s) with texts"
    printf '%s\n' ,库存,,,销售, 物料,数量,金额,占比,数量,金额 A1,1,2.50,3,4,5 A2,1,2.50,3,4,6 >in.csv
    guess in.csv above
    assert_stdout_has "# the record above line 2 has several texts: if it is part of the header (merged cells), declare in it  rows: 2"
    # titles above, and rows that now and then have no figure, are none
    printf '%s\n' '仓库：全部,,日期：今天' code,qty,note A1,1,x A2,,y A3,3,z >in.csv
    guess in.csv plain
    refute_stdout_has "part of the header"
    printf '%s\n' code,name A1,x A2,y A3,z >in.csv
    guess in.csv texts
    refute_stdout_has "part of the header"
}

@test "nothing is bent: codes, long numbers, phones, scientific notation, doubtful dates stay text" {
    cat >in.csv <<'CSV'
id;when;day first;damaged;phone;short;percent;amount;member no
0012;01/02/2026;25/03/2026;1.2E+15;13812345678;01/02/26;5%;1.234,50;7
0013;03/04/2026;01/03/2026;1.3E+15;13812345679;01/03/26;6,5%;12,50;8
CSV
    guess in.csv doubt
    assert_stdout_has 'id: { type: text, required: true }  # a code: leading zero in line 2'
    assert_stdout_has '# when: { type: date, format: "%d/%m/%Y" }   or "%m/%d/%Y"'
    assert_stdout_has 'when: text  # day or month first: undecided'
    assert_stdout_has 'format: ["%d/%m/%Y"] }  # the day comes first: line 2 decides'
    assert_stdout_has 'damaged: text  # WARNING: scientific notation, first in line 2'
    assert_stdout_has 'phone: text  # eleven digits: phone numbers; like 99999999999; personal data'
    assert_stdout_has 'short: text  # a date with two digits for the year: undecided, declare it'
    assert_stdout_has 'percent: 0.60% is loaded as 0.60'
    assert_stdout_has 'member_no: { type: text, from: "member no" }'
    refute_stdout_has 13812345678
    assert_as_announced doubt
    assert_sql "select id || ' ' || \"when\" || ' ' || day_first || ' ' || amount || ' ' || percent from t.doubt order by 1 limit 1" \
        "0012 01/02/2026 2026-03-25 1234.50 5.000"
}

@test "no header, one column, an empty file, a header alone, what is no text" {
    printf '%s\n' 1,2026-01-01,a 2,2026-01-02,b >bare.csv
    guess bare.csv bare
    assert_stdout_has "header: { none: true }"
    assert_stdout_has 'from: "$1"'
    assert_as_announced bare
    printf '%s\n' code 007 008 >one.csv
    guess one.csv one
    assert_as_announced one
    assert_sql "select string_agg(code, ',' order by code) from t.one" 007,008
    printf 'a,b\n' >head.csv
    guess head.csv head
    assert_as_announced head
    : >empty.csv
    run --separate-stderr "$DINER" pipeline guess empty.csv
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "empty.csv' is empty"
    head -c 4000 /dev/urandom >noise.csv
    run --separate-stderr "$DINER" pipeline guess noise.csv
    assert_status 1
    assert_stdout_is ""
    run --separate-stderr "$DINER" pipeline guess -
    assert_status 2
    assert_stderr_has "standard input cannot be guessed"
    run --separate-stderr "$DINER" pipeline guess absent.csv
    assert_status 1
    assert_stderr_has "there is no file 'absent.csv'"
}

@test "JSON Lines: nested members, arrays, kinds, names that need a pointer" {
    cat >in.jsonl <<'JSON'
{"id":1,"money":{"total":"12.30"},"tags":["a"],"at":"2026-11-22T05:00:00+08:00","ok":true,"code":"007","Name/x":"n","mixed":1}
{"id":2,"money":{"total":"1.30"},"tags":[],"at":"2026-11-22T05:00:00Z","ok":false,"code":"010","mixed":{"a":1}}
not json
JSON
    guess in.jsonl lines
    assert_stdout_has 'money_total: { type: "numeric(12,2)", from: "/money/total" }'
    assert_stdout_has 'name_x: { type: text, from: "/Name~1x" }'
    assert_stdout_has "mixed: jsonb"
    assert_as_announced lines
    assert_equal "$(announced lines)" "2 1 0"
    assert_sql "select code || ' ' || money_total || ' ' || tags || ' ' || name_x from t.lines where id = '1'" '007 12.30 ["a"] n'
}

@test "a JSON document: its list of records, found" {
    echo '{"code": 0, "page": [1, 2], "data": {"items": [{"id": "007", "n": 1.5, "o": {"x": [1]}}, {"id": "008", "n": 2}]}}' >in.json
    guess in.json document
    assert_stdout_has 'records: "/data/items"'
    assert_stdout_has 'o_x: { type: jsonb, from: "/o/x" }'
    assert_as_announced document
    assert_sql "select string_agg(id, ',' order by id) from t.document" 007,008
    echo '{"a": [1]}' >in.json
    run --separate-stderr "$DINER" pipeline guess in.json
    assert_status 1
    assert_stderr_has "there is no list of JSON objects in it"
}

@test "a bill whose values stand behind backticks" {
    guess "$PROJECT/tests/fixtures/bills/wechat_tradebill_ALL_20261121.csv" bill
    assert_stdout_has 'stop_at: "^总交易单数"   # a summary of another shape: 2 records'
    assert_stdout_has 'strip: ["`", "%"]'
    assert_stdout_has "guard: true"
    assert_as_announced bill
    assert_sql "select count(*) from t.bill where position(chr(96) in trade_type) > 0" 0
}

@test "a bill that ends with comments: they are left out, whatever they say" {
    guess "$PROJECT/tests/fixtures/bills/alipay_trade_20261121.csv.zip" bill
    grep -qF 'stop_at: "^#"' pipelines/bill.yaml
    assert_as_announced bill
    assert_equal "$(announced bill)" "18 0 4"
}

@test "beyond --rows a sample is drawn, and said" {
    { echo code,n; seq -f 'A%05g,7' 1 500; } >long.csv
    run --separate-stderr "$DINER" pipeline guess long.csv --rows 100
    assert_status 0
    assert_stdout_has "# Looked at the first 100 of 500 rows, and at 400 of the others, drawn by lot."
    assert_stdout_has "unique in 100 rows (not all of the file)"
}

@test "a table: columns and key of the catalogue" {
    sql "create domain t.short as varchar(4)" >/dev/null
    sql "create table t.source (a int, b text not null, c numeric(9,3), d t.short, at timestamptz, primary key (c, a, b))" >/dev/null
    sql "insert into t.source values (1, 'x', 1.5, 'abcd', now())" >/dev/null
    run --separate-stderr "$DINER" pipeline guess warehouse.t.source --name copied --schema t
    assert_status 0
    assert_stdout_has "key: [c, a, b]"
    assert_stdout_has 'c: { type: "numeric(9,3)", required: true }'
    assert_stdout_has 'd: "varchar(4)"'
    printf '%s\n' "$output" >pipelines/copied.yaml
    run --separate-stderr "$DINER" pipeline lint copied
    assert_status 0
    run --separate-stderr "$DINER" run copied
    assert_status 0
    assert_sql "select a || b || c || d from t.copied" 1x1.500abcd
    run --separate-stderr "$DINER" pipeline guess warehouse.t.none
    assert_status 1
    assert_stderr_has "connection 'warehouse' has no table t.none"
}

@test "a table: what is of another type comes as text, what is named as diner's own under another name" {
    sql "create table t.odd (id int primary key, r int4range, tags text[], j json, f real, _id text, _r text, _ int)" >/dev/null
    sql "insert into t.odd values (1, '[1,3)', '{x,y}', '{\"a\":1.10}', 0.5, 'y', 'z', 7)" >/dev/null
    run --separate-stderr "$DINER" pipeline guess warehouse.t.odd --name evened --schema t
    assert_status 0
    assert_stdout_has "r: text  # int4range in the table"
    assert_stdout_has "j: jsonb  # json in the table"
    assert_stdout_has 'id_: { type: text, from: "_id" }'
    printf '%s\n' "$output" >pipelines/evened.yaml
    run --separate-stderr "$DINER" run evened
    assert_status 0
    assert_sql "select concat_ws(' ', id, r, tags, j->>'a', f, id_, r_, \"column\") from t.evened" "1 [1,3) {x,y} 1.10 0.5 y z 7"
}

@test "a URL: one GET, its records, a connector beside the pipeline, no secret in either" {
    "$PROJECT/tests/http_server.py" >server.port 3>&- &
    server=$!
    wait_for 10 test -s server.port
    url=http://127.0.0.1:$(cat server.port)
    cat >script.json <<'JSON'
{"/v1/goods": [{"headers": {"Link": "<x>; rel=next"}, "json": {"code": 0, "data": {"items": [
  {"sku": "007", "price": 12.5, "at": "2026-01-01T00:00:00Z"},
  {"sku": "008", "price": 1, "at": "2026-01-02T00:00:00Z"}], "next_cursor": "x", "total": 2}}}]}
JSON
    curl -s -X PUT "$url/_script" -d @script.json >/dev/null
    export API_KEY=sesame-open
    mkdir -p connectors
    DINER_CONNECTOR_PATH=$PWD/connectors
    export DINER_CONNECTOR_PATH
    run --separate-stderr "$DINER" pipeline guess "$url/v1/goods?kind=a%20b&api_key=sesame-open" \
        --name goods --schema t --connector connectors/goods.yaml
    assert_status 0
    refute_stdout_has sesame
    assert_stdout_has "key: [sku]"
    assert_stdout_has "Guessed from one answer with 2 records"
    printf '%s\n' "$output" >pipelines/goods.yaml
    run cat connectors/goods.yaml
    assert_stdout_has 'records: "/data/items"'
    assert_stdout_has '# paginate: { type: cursor, param: cursor, from: "/data/next_cursor" }'
    assert_stdout_has 'expect_total: "/data/total"'
    assert_stdout_has 'kind: "a b"'
    assert_stdout_has 'api_key: "${API_KEY}"'
    refute_stdout_has sesame
    assert_stdout_has "# paginate: { type: link_header }"
    curl -s "$url/_log" >log.json
    run --separate-stderr "$DINER" pipeline lint goods
    assert_status 0
    run --separate-stderr "$DINER" run goods
    assert_status 0
    kill "$server"
    assert_sql "select sku || ' ' || price from t.goods order by 1 limit 1" "007 12.50"
    output=$(cat log.json)
    assert_json '[.[] | select(.path == "/v1/goods") | [.method, .query.kind, .query.api_key]] == [["GET", "a b", "sesame-open"]]'
}

# What a guess says of any file comes true. More seeds: GUESS_SEEDS=1000 bats tests/cli/guess.bats
@test "packed files: gzip, zstd, the member of a zip, by a glob that fits tomorrow's name too" {
    printf '物料编码,数量\nA01,1.50\nB02,2\n' | iconv -t GB18030 >2026.csv
    gzip -c 2026.csv >stock.csv.gz
    guess stock.csv.gz packed
    grep -q 'file: ".*/stock.csv.gz"' pipelines/packed.yaml
    grep -q 'encoding: GB18030' pipelines/packed.yaml
    assert_as_announced packed
    printf '{"a": "01", "b": 2}\n' | zstd -q >lines.jsonl.zst
    guess lines.jsonl.zst lines
    grep -q 'format: jsonl' pipelines/lines.yaml
    assert_as_announced lines
    cp 2026.csv 2088123_20261121_detail.csv
    printf 'x,y\n1,2\n' >'2088123_20261121_detail(sum).csv'
    zip -q one.zip 2026.csv
    zip -q two.zip 2088*.csv
    guess one.zip single
    run grep member pipelines/single.yaml
    assert_status 1
    assert_as_announced single
    guess two.zip pair
    grep -q 'member: "\*_\*_detail.csv"   # of 2 members the largest; --member chooses another' pipelines/pair.yaml || fail "$(cat pipelines/pair.yaml)"
    assert_as_announced pair
    run --separate-stderr "$DINER" pipeline guess two.zip --member '*(sum).csv'
    assert_status 0
    assert_stdout_has 'member: "*(sum).csv"   # of 2 members those asked for'
    assert_stdout_has '      y: '
    run --separate-stderr "$DINER" pipeline guess two.zip --member 'x*'
    assert_status 2
    assert_stderr_has "two.zip' has no member that matches 'x*'"
    assert_stderr_has "hint: it has: 2088123_20261121_detail"
    run --separate-stderr "$DINER" pipeline guess stock.csv.gz --member 'x*'
    assert_status 2
    assert_stderr_has "--member: '"
    # Damaged within: named as the file that was given.
    head -c 30 stock.csv.gz >cut.gz
    run --separate-stderr "$DINER" pipeline guess cut.gz
    assert_status 1
    assert_stderr_has "cut.gz"
    head -c 5000 /dev/zero | gzip -c >zeros.gz
    run --separate-stderr "$DINER" pipeline guess zeros.gz
    assert_status 1
    assert_stderr_has "zeros.gz"
    refute_stderr_has /proc/
}

@test "workbooks are refused, by what they are, with what to do" {
    python3 - <<'P'
import zipfile
with zipfile.ZipFile('book.zip', 'w') as z:
    for name in ('[Content_Types].xml', 'xl/workbook.xml', 'xl/worksheets/sheet1.xml'):
        z.writestr(name, '<x/>')
open('old.csv', 'wb').write(bytes.fromhex('D0CF11E0A1B11AE1') + b'\0' * 600)
P
    for file in book.zip:xlsx old.csv:xls; do
        run --separate-stderr "$DINER" pipeline guess "${file%:*}"
        assert_status 1
        assert_stderr_has "an ${file#*:} file"
        assert_stderr_has "hint: save the sheet as CSV"
    done
}

@test "fixed width: columns between blanks, names above them, the doubt stated" {
    cat >stock.txt <<'T'
        STOCK OF THE DAY 2026-11-21

CODE    NAME               QTY     VALUE
000101  Soy sauce         12.50   1,250.00
000102  Salt               3.00      30.00-
000103  Rice of 10 kg    100.00     800.00
000104  Pepper             1.00      18.00
TOTAL                    116.50   2,098.00
T
    guess stock.txt fixed
    grep -q '# Columns are where no line has anything between them. In doubt:' pipelines/fixed.yaml
    grep -q 'header: { find: \[CODE, NAME, QTY\]' pipelines/fixed.yaml || fail "$(cat pipelines/fixed.yaml)"
    assert_as_announced fixed
    assert_equal "$(announced fixed)" "4 0 1"
    assert_rows fixed "000101,Soy sauce,12.500000,1250.00 000102,Salt,3.000000,-30.00 000103,Rice of 10 kg,100.000000,800.00 000104,Pepper,1.000000,18.00" 'code, name, qty, value'
}

@test "fixed width of GBK systems counts bytes; a rule draws columns that touch" {
    printf '%s\n' '仓库    物料编码    名称          数量     金额' 'S001    A0001       生抽         12.50   125.00' \
        'S001    A0002       食盐          3.00    30.00' 'S002    A0003       大米 10kg   100.00   800.00' |
        iconv -t GB18030 >gbk.txt
    guess gbk.txt gbk
    grep -q 'positions: bytes' pipelines/gbk.yaml || fail "$(cat pipelines/gbk.yaml)"
    assert_as_announced gbk
    assert_rows gbk "A0001,生抽,12.500000 A0002,食盐,3.000000 A0003,大米 10kg,100.000000" 'material_code, "名称", qty'
    printf '%s\n' 'CODE  QTY   UNIT' '---- ----- ----' 'A001123.50kg  ' 'A002  1.00box ' 'A003 22.00kg  ' >ruled.txt
    guess ruled.txt ruled
    grep -q '# Columns are as line 2 draws them.' pipelines/ruled.yaml || fail "$(cat pipelines/ruled.yaml)"
    grep -q 'until: ' pipelines/ruled.yaml
    # Lines of words, of tabs, of another width than they look are no columns.
    printf 'one two three\nfour five\nsix seven eight nine\n' >words.txt
    guess words.txt words
    grep -q 'format: csv' pipelines/words.yaml
}

@test "files of a generator run as guessed" {
    for seed in $(seq "${GUESS_SEEDS:-25}"); do
        python3 "$PROJECT/tests/cli/guess_files.py" "$seed" in.csv
        guess in.csv generated
        assert_as_announced generated
        sql "drop table if exists t.generated" >/dev/null
        sql "truncate diner.state" >/dev/null
    done
}
