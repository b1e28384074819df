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

@test "beyond --rows a sample is drawn, and said" {
    { echo code,n; seq -f 'A%05g,7' 1 500; } >long.csv
    run --separate-stderr "$DINER" pipeline guess long.csv --rows 100
    assert_status 0
    assert_stdout_has "# Looked at the first 100 of 500 rows, and at 400 of the others, drawn by lot."
    assert_stdout_has "unique in 100 rows (not all of the file)"
}

@test "a table: columns and key of the catalogue" {
    sql "create table t.source (a int, b text not null, c numeric(9,3), at timestamptz, r int4range, primary key (a, b))" >/dev/null
    sql "insert into t.source values (1, 'x', 1.5, now(), null)" >/dev/null
    run --separate-stderr "$DINER" pipeline guess warehouse.t.source --name copied --schema t
    assert_status 0
    assert_stdout_has "# Left out: r (int4range)"
    assert_stdout_has "key: [a, b]"
    assert_stdout_has 'c: "numeric(9,3)"'
    printf '%s\n' "$output" >pipelines/copied.yaml
    run --separate-stderr "$DINER" pipeline lint copied
    assert_status 0
    run --separate-stderr "$DINER" run copied
    assert_status 0
    assert_sql "select a || b || c from t.copied" 1x1.500
    run --separate-stderr "$DINER" pipeline guess warehouse.t.none
    assert_status 1
    assert_stderr_has "connection 'warehouse' has no table t.none"
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
@test "files of a generator run as guessed" {
    for seed in $(seq "${GUESS_SEEDS:-25}"); do
        python3 "$PROJECT/tests/cli/guess_files.py" "$seed" in.csv
        guess in.csv generated
        assert_as_announced generated
        sql "drop table if exists t.generated" >/dev/null
        sql "truncate diner.state" >/dev/null
    done
}
