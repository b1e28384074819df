#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# Exports of an API that are files: CSV, packed or not, read as any file once they are here whole.
load ../helper
load api
load pipelines

setup_file() {
    dev_start
    api_start
}
teardown_file() {
    api_stop
    dev_stop
}
setup() { pipelines_setup; }

CODE_QTY='code: text, qty: "numeric(12,2)"'
# Loads into t.s; the rest of the source, then of the stream.
download() { # "KEYS OF THE SOURCE" [COLUMNS] [MORE OF THE STREAM]
    pipeline s <<YAML
streams:
  s:
    source: { connector: shop, resource: bill, $1 }
    columns: { ${2:-$CODE_QTY} }
    ${3:-mode: replace}
YAML
}

# A resource whose own answer is the file.
plain_connector() {
    connector <<YAML
auth: { type: bearer, token: "literal:verysecret1" }
resources:
  bill: { path: /bill, format: file }
  rows: { path: /rows }
YAML
}

# An order whose answer says where the file is.
ordered_connector() { # [KEYS OF file] [MORE OF THE JOB] [MORE OF THE CONNECTOR]
    connector <<YAML
auth: { type: bearer, token: "literal:verysecret1" }
${3:-}
resources:
  bill:
    path: /bill
    query: { bill_date: "\${day}" }
    format: file
    file: { ${1:-} }
    job: { download: /download_url${2:-} }
YAML
}

refuses() { # EXIT-STATUS "TEXT OF STDERR"...
    local want=$1 text
    shift
    diner_run s
    assert_status "$want"
    for text in "$@"; do assert_stderr_has "$text"; done
    assert_sql "select to_regclass('t.s') is null" t
}

@test "a bill: ordered, packed, hashed over its content, with a mark, guards and totals" {
    ordered_connector 'hash: { from: /hash_value, algorithm: sha1, of: content }'
    printf '\xef\xbb\xbf交易时间,商户订单号,订单金额\r\n`2026-11-21 08:00:00,`0001,`19.90\r\n`2026-11-21 09:00:00,`0002,`5.10\r\n总交易单数,应结订单总金额,-\r\n`2,`25.00,`0\r\n' >bill.csv
    gzip -c bill.csv >bill.gz
    download 'params: { day: 2026-11-21 }, format: csv, guard: true, strip: ["`"], stop_at: "^总交易单数"' \
        'at: { type: timestamp, from: 交易时间 }, code: { type: text, from: 商户订单号 }, amount: { type: "numeric(12,2)", from: 订单金额 }' \
        'mode: merge
    key: [code]'
    api_script <<E
{"/bill": [{"json": {"hash_type": "SHA1", "hash_value": "$(sha1sum <bill.csv | cut -d' ' -f1)", "download_url": "http://\${host}/dl?token=x%2Fy"}}],
 "/dl?token=x%2Fy": [{"file": "$PWD/bill.gz", "headers": {"content-type": "application/x-gzip"}}]}
E
    diner_run s
    assert_status 0
    assert_moved s "4 2 0 0 0 0 0 2"
    assert_rows s "0001,19.90 0002,5.10" 'code, amount'
    assert_asked 'map(.target) == ["/bill?bill_date=2026-11-21", "/dl?token=x%2Fy"]
        and all(.[]; .headers.authorization == "Bearer verysecret1") and (.[1].headers | has("accept-encoding") | not)'
    diner_run s
    assert_moved s "4 0 0 2 0 0 0 2"
}

@test "polled: GB18030 in a zip of two, chosen by its header, from a declared host without credentials" {
    connector <<'E'
auth: { type: bearer, token: "literal:verysecret1" }
resources:
  bill:
    method: POST
    path: /exports
    job:
      take: { id: /id }
      poll: status
      until: { pointer: /status, equals: [done] }
      interval: 10ms
      download: /url
      hosts: [localhost]
    format: file
  status: { path: "/exports/${id}" }
E
    printf '#title\n门店,合计\nS1,3\n' | iconv -t GB18030 >a.csv
    printf '#title\n物料编码,库存数量\nA-盐,1.5\nB,2\n' | iconv -t GB18030 >b.csv
    rm -f z.zip && zip -q z.zip a.csv b.csv
    download 'format: csv, header: { find: [物料编码, 库存数量] }' 'code: { type: text, from: 物料编码 }, qty: { type: "numeric(12,2)", from: 库存数量 }, place: { type: text, from: $file }'
    api_script <<E
{"/exports": [{"json": {"id": 7}}], "/exports/7": [{"json": {"status": "queued"}}, {"status": 503}, {"json": {"status": "done", "url": "http://localhost:$(cat "$FILE_DIR/api.port")/f.zip"}}],
 "/f.zip": [{"file": "$PWD/z.zip", "cut": 100}, {"file": "$PWD/z.zip"}]}
E
    diner_run s
    assert_status 0
    assert_rows s "A-盐,1.50,shop/bill:b.csv B,2.00,shop/bill:b.csv" 'code, qty, place'
    assert_asked 'map(.path) == ["/exports", "/exports/7", "/exports/7", "/exports/7", "/f.zip", "/f.zip"]
        and (.[4:] | all(.[]; .headers | has("authorization") | not))'
}

@test "a bad line is rejected with the download and its line, once however often it comes, and replayed" {
    plain_connector
    printf 'code,qty\nA,1\nB,zwei\nC,3\n' >in.csv
    download 'format: csv' '' 'mode: merge
    key: [code]
    on_error: { max_rejects: 1 }'
    api_script <<<'{"/bill": [{"file": "'"$PWD"'/in.csv"}]}'
    diner_run s
    assert_status 0
    assert_moved s "3 2 0 0 0 0 1 0"
    run --separate-stderr "$DINER" rejects list -o json
    assert_json '.[0] | .origin == "shop/bill" and .line == 3 and .column == "qty" and .value == "zwei"'
    diner_run s
    assert_moved s "3 0 0 2 0 0 1 0"
    assert_sql "select count(*) from diner.reject" 1
    sed -i 's/qty: "numeric(12,2)"/qty: { type: "numeric(12,2)", null: [zwei] }/' pipelines/s.yaml
    run --separate-stderr "$DINER" rejects replay s
    assert_status 0
    assert_rows s "A,1.00 B C,3.00"
}

@test "jsonl, json and tsv come as files too; a window reads its own" {
    plain_connector
    printf '{"code": "A", "qty": 1}\n\n{"code": "B", "qty": 0.10}\n' >a.jsonl
    printf '{"data": [{"code": "C", "qty": 12345678901234567.89}]}' >c.json
    printf 'code\tqty\nD\t4\n' >d.tsv
    local spec
    for spec in 'a.jsonl|format: jsonl|A,1.00 B,0.10' 'c.json|format: json, records: /data|C,12345678901234567.89' 'd.tsv|format: tsv|D,4.00'; do
        IFS='|' read -r file keys want <<<"$spec"
        sql "drop table if exists t.s"
        download "$keys" 'code: text, qty: "numeric(20,2)"'
        api_script <<<'{"/bill": [{"file": "'"$PWD/$file"'"}]}'
        diner_run s
        assert_status 0
        assert_rows s "$want"
    done
    ordered_connector
    download 'params: { day: "${window.day}" }, format: csv' 'code: text, at: { type: timestamptz, timezone: Asia/Shanghai }' \
        'incremental: { cursor: at, start: 2026-11-20, window: 1d, lag: 0s, timezone: Asia/Shanghai, business_day: "04:00" }
    key: [code]
    mode: merge'
    printf 'code,at\nA,2026-11-20 05:00:00\n' >1.csv
    printf 'code,at\nB,2026-11-21 05:00:00\n' >2.csv
    api_script <<E
{"/bill?bill_date=2026-11-20": [{"json": {"download_url": "/1"}}], "/bill?bill_date=2026-11-21": [{"json": {"download_url": "/2"}}],
 "/1": [{"file": "$PWD/1.csv"}], "/2": [{"file": "$PWD/2.csv"}]}
E
    sql 'drop table t.s'
    diner_run s --from 2026-11-20 --to 2026-11-22
    assert_status 0
    assert_rows s "A B" code
}

@test "append: the same bytes are not loaded twice, others are added" {
    plain_connector
    printf 'code,qty\nA,1\n' >in.csv
    download 'format: csv' '' 'mode: append'
    api_script <<<'{"/bill": [{"file": "'"$PWD"'/in.csv"}]}'
    diner_run s
    diner_run s
    assert_status 0
    assert_rows s "A,1.00"
    printf 'code,qty\nB,2\n' >in.csv
    diner_run s
    assert_status 0
    assert_rows s "A,1.00 B,2.00"
}

@test "what is not the file that was promised: nothing of it is read" {
    printf 'code,qty\nA,1\n' >in.csv
    download 'format: csv, params: { day: 2026-11-21 }'
    ordered_connector 'hash: { from: /hash, algorithm: sha256 }'
    api_script <<<'{"/bill": [{"json": {"hash": "00ff", "download_url": "/dl"}}], "/dl": [{"file": "'"$PWD"'/in.csv"}]}'
    refuses 1 "download 'bill' of connector 'shop': its sha256 is $(sha256sum <in.csv | cut -d' ' -f1), and the system says 00ff" \
        "hint: nothing of it was read"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"file": "'"$PWD"'/in.csv"}]}'
    refuses 1 "the answer has no hash at '/hash'"
    ordered_connector 'hash: { from: "header:Digest", algorithm: sha1 }'
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"file": "'"$PWD"'/in.csv"}]}'
    refuses 1 "its answer has no header 'digest' with its hash"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"file": "'"$PWD"'/in.csv", "headers": {"Digest": "SHA='"$(sha1sum <in.csv | cut -d' ' -f1)"'"}}]}'
    diner_run s
    assert_status 0
    sql 'drop table t.s'
    ordered_connector 'max: 1KiB'
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"pad_bytes": 5000, "chunked": true}]}'
    refuses 1 "the download is over the limit"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"body": "\n<html><title>Please log in</title>"}]}'
    refuses 1 'HTTP 200: <html><title>Please log in</title>' "hint: HTML or XML came where a file was expected"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"file": "'"$PWD"'/in.csv", "cut": 5}]}'
    refuses 5 "transfer closed with 8 bytes remaining to read; 4 attempts"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"status": 404, "body": "gone"}]}'
    refuses 1 "HTTP 404: gone"
}

@test "no bill that day: a rule makes it nothing, of the order and of the file" {
    ordered_connector '' '' 'rules: [{ when: { pointer: /code, equals: [NO_STATEMENT_EXIST] }, do: ignore }]'
    download 'format: csv, params: { day: 2026-11-21 }' '' 'mode: merge
    key: [code]'
    api_script <<<'{"/bill": [{"status": 400, "json": {"code": "NO_STATEMENT_EXIST"}}]}'
    diner_run s
    assert_status 0
    assert_moved s "0 0 0 0 0 0 0 0"
    api_script <<<'{"/bill": [{"json": {"download_url": "/dl"}}], "/dl": [{"json": {"code": "NO_STATEMENT_EXIST"}}]}'
    diner_run s
    assert_status 0
    assert_moved s "0 0 0 0 0 0 0 0"
}

@test "records and files are not taken for each other, by run and by lint" {
    plain_connector
    download 'format: csv'
    sed -i 's/resource: bill/resource: rows/' pipelines/s.yaml
    refuses 3 "download 'rows' of connector 'shop': it gives records, not a file"
    sed -i 's/resource: rows, format: csv/resource: bill/' pipelines/s.yaml
    refuses 3 "resource 'bill' of connector 'shop' gives a file" "hint: say how it is read, in the source:  format: csv"
    connector <<'E'
resources:
  a: { path: /a, file: { max: 1MiB } }
  b: { path: /b, format: file, records: /x, paginate: { type: page, param: p } }
  c: { path: /c, format: file, file: { hash: { from: digest } } }
  d: { path: /d, job: { download: /url, until: { status: 200 }, failed: { status: 500 } } }
E
    run --separate-stderr "$DINER" connector lint shop
    assert_status 3
    assert_stdout_has "shop.yaml:5:18: 'file' is for format file"
    assert_stdout_has "'records' is for answers of records, the format is file"
    assert_stdout_has "'paginate' is for answers of records, the format is file"
    assert_stdout_has "hash.from: expected a JSON pointer or header:NAME, found 'digest'"
    assert_stdout_has "job: 'poll' and 'until' go together"
    assert_stdout_has "job: 'failed' needs 'poll'"
}

@test "a pipeline's test gives a file where a run would fetch one" {
    plain_connector
    download 'format: csv'
    printf 'tests:\n  - { name: lines, stream: s, given: { text: "code,qty\\nA,1\\n" }, expect: { rows: [{ code: A, qty: "1.00" }] } }\n  - { name: net, stream: s, given: { body: "{}" } }\n' >>pipelines/s.yaml
    run --separate-stderr "$DINER" pipeline test s
    assert_status 3
    assert_stderr_has "test 'net': 's' reads no API"
    sed -i '$d' pipelines/s.yaml
    run --separate-stderr "$DINER" pipeline test s
    assert_status 0
}

@test "a large export takes no memory of its size" {
    plain_connector
    download 'format: csv' 'code: text, qty: bigint'
    yes 'a-name-of-some-length-for-one-item-among-many-of-the-chain-and-its-stores,1' | head -n 700000 >rest.csv
    { echo code,qty; cat rest.csv; } >big.csv
    api_script <<<'{"/bill": [{"file": "'"$PWD"'/big.csv"}]}'
    grep -q __asan_init "$DINER" || ulimit -v 100000
    diner_run s --dry-run
    assert_status 0
    assert_json '.[0].read == 700000'
}

@test "connector call prints the file as it came" {
    plain_connector
    printf 'code,qty\nA,1\n' | gzip -c >in.gz
    api_script <<<'{"/bill": [{"file": "'"$PWD"'/in.gz"}]}'
    "$DINER" connector call shop bill >out.gz 2>err
    cmp out.gz in.gz
    grep -q "^$(stat -c %s in.gz) bytes" err || fail "$(cat err)"
    run --separate-stderr "$DINER" connector call shop bill --all
    assert_status 2
    assert_stderr_has "'bill' gives a file"
    run --separate-stderr "$DINER" connector check shop bill
    assert_status 0
    assert_stdout_has "bill: $(stat -c %s in.gz) bytes"
}
