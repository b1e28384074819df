#!/usr/bin/env bats
# Reading APIs by configuration alone: what a connector asks, and what becomes of the answers.

load ../helper
load api

setup_file() {
    file_dir
    api_start
}
teardown_file() {
    api_stop
    file_dir_remove
}
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "arrays without names: places by the resource's fields, or by number" {
    connector <<'E'
resources:
  list:
    method: POST
    path: /query
    repeatable: true
    fields: [FNumber, FMaterialId.FName, FQty]
    params: { since: { type: time, format: "%Y-%m-%d %H:%M:%S", timezone: Asia/Shanghai, default: 2024-01-01T00:00:00Z } }
    body:
      parameters:
        - { FormId: STK_Inventory, FieldKeys: "${fields.text}", FilterString: "FDate>='${since}'",
            StartRow: "${page.offset}", Limit: "${page.size}" }
    json_text: [/parameters/0]
    paginate: { type: offset, size: 2, end: short }
E
    reading 'code: { type: text, from: FNumber }, name: { type: text, from: FMaterialId.FName }, qty: { type: "numeric(10,3)", from: "/2" }'
    api_script <<'E'
{"/query": [{"body": "[[\"P1\",\"盐焗鸡\",1.250],[\"P2\",null,\"3\"]]"}, {"body": "[[\"P3\",\"x\",7],[\"P4\",1]]"},
 {"body": "[]"}]}
E
    preview
    assert_status 0
    assert_stdout_is "code,name,qty,reject
P1,盐焗鸡,1.250,
P2,,3,
P3,x,7,
,,,\"an array of 2 values, the resource names 3 fields\""
    # shellcheck disable=SC2016
    assert_asked '[.[].body | fromjson | .parameters[0] | fromjson | [.StartRow, .Limit]] == [[0, 2], [2, 2], [4, 2]]
        and ([.[].body | fromjson | .parameters[0] | fromjson | .FilterString] | unique)
            == ["FDate>='"'2024-01-01 08:00:00'"'"]
        and (.[0].body | fromjson | .parameters[0] | fromjson | .FieldKeys) == "FNumber,FMaterialId.FName,FQty"'
}

@test "arrays without names: a column without a place is an error, never a null" {
    connector <<'E'
resources: { list: { path: /l, fields: [a] } }
E
    reading 'a: text, b: text'
    api_script <<<'{"/l": [{"body": "[[1]]"}]}'
    preview
    assert_status 3
    assert_stderr_has "column 'b' has no place in records that are arrays"
    assert_stderr_has 'hint: say where it stands, from: "/0"'
}

@test "a single object is one record when it is declared to be" {
    connector <<'E'
resources: { list: { path: /l, records: /data, single: true } }
E
    reading 'id: text, name: { type: text, from: /shop/name }'
    api_script <<<'{"/l": [{"body": "{\"data\": {\"id\": \"007\", \"shop\": {\"name\": \"外滩店\"}}}"}]}'
    preview
    assert_status 0
    assert_stdout_is "id,name,reject
007,外滩店,"
    sed -i 's/, single: true//' connectors/shop.yaml
    preview
    assert_status 1
    assert_stderr_has "the answer has no list at '/data'"
}

# ---- what others lost rows by ------------------------------------------------------------------

@test "dlt #2586: a pagination that reaches no request is an error before the first one" {
    connector <<'E'
resources: { list: { path: "/shops/${shop}/l", records: /items, paginate: { type: page } } }
E
    reading 'id: text' ', params: { shop: S1 }'
    api_script <<<'{}'
    preview
    assert_status 3
    assert_stderr_has "paginate: expected 'param', or \${page.number} in path, query, body or form"
    assert_asked 'length == 0'
}

@test "dlt #2586: a placeholder in the path keeps the pagination" {
    connector <<'E'
resources: { list: { path: "/shops/${shop}/l", records: /items, paginate: { type: page, param: p } } }
E
    reading 'id: text' ', params: { shop: "S/1" }'
    api_script <<'E'
{"/shops/S%2F1/l?p=1": [{"json": {"items": [{"id": 1}]}}], "/shops/S%2F1/l?p=2": [{"json": {"items": [{"id": 2}]}}],
 "/shops/S%2F1/l?p=3": [{"json": {"items": []}}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,reject
1,
2,"
}

@test "dlt #2816, #1915, iceberg-go #1484: a page or token that is given for ever is an error, not an endless run" {
    connector <<'E'
resources: { list: { path: /l, records: /items, paginate: { type: cursor, param: c, from: /next } } }
E
    reading 'id: text'
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1}], "next": "t"}}, {"json": {"items": [{"id": 2}], "next": "t"}}]}'
    preview
    assert_status 1
    assert_stderr_has "page 2 of 'list' at connector 'shop': the next cursor came before: the source goes in circles"
    assert_asked 'length == 2'
    sed -i 's/type: cursor, param: c, from: .next/type: page, param: p/' connectors/shop.yaml
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1}]}}]}'
    preview
    assert_status 1
    assert_stderr_has "page 2 of 'list' at connector 'shop': the very same records came before"
    assert_stderr_has "hint: it may not look at the page asked for"
}

@test "airbyte #66592: a source that stops at its own limit is an error, never a silent end" {
    connector <<'E'
resources: { list: { path: /l, records: /items, paginate: { type: offset, param: o, cap: 3 } } }
E
    reading 'id: text'
    api_script <<'E'
{"/l?o=0": [{"json": {"items": [{"id": 1}, {"id": 2}]}}], "/l?o=2": [{"json": {"items": [{"id": 3}]}}],
 "/l?o=3": [{"json": {"items": []}}]}
E
    preview
    assert_status 1
    assert_stderr_has "'list' at connector 'shop' gives no more than 3 records of one question, and that many came: the rest is missing"
    assert_stderr_has "hint: ask in smaller parts: a shorter window, or for_each"
}

@test "a next page at another host is refused, the credentials stay here" {
    connector <<'E'
auth: { type: bearer, token: "literal:verysecret1" }
resources: { list: { path: /l, records: /items, paginate: { type: link_header } } }
E
    reading 'id: text'
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1}]}, "headers": {"Link": "<http://localhost:1/l?k=2>; rel=\"next\""}}]}'
    preview
    assert_status 1
    assert_stderr_has "the next page is at another host, 'http://localhost:1/l'"
    refute_stderr_has verysecret
}

@test "links: relative, several in one header, rel in quotes" {
    connector <<'E'
resources: { list: { path: /l, query: { limit: 1 }, records: "", paginate: { type: link_header } } }
E
    reading 'id: text'
    api_script <<'E'
{"/l?limit=1": [{"body": "[{\"id\": 1}]", "headers": {"Link": "</l?p=0>; rel=\"prev\", </l?p=2,x>; title=\"a, b\"; rel=\"last next\""}}],
 "/l?p=2,x": [{"body": "[{\"id\": 2}]", "headers": {"Link": "<?p=3>; rel=next"}}],
 "/l?p=3": [{"body": "[{\"id\": 3}]"}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,reject
1,
2,
3,"
}

@test "Square: a cursor in the body, the same question repeated with it" {
    connector <<'E'
resources:
  list:
    method: POST
    path: /orders/search
    repeatable: true
    params: { since: { type: time, default: 2026-01-01T00:00:00Z }, locations: { type: list, default: "L1,L2" } }
    body: { location_ids: "${locations}", query: { filter: { date_time_filter: { updated_at: { start_at: "${since}" } } } },
            limit: "${page.size}", cursor: "${page.cursor}" }
    records: /orders
    paginate: { type: cursor, size: 2, from: /cursor }
E
    reading 'id: text, amount: { type: "numeric(10,2)", from: /total_money/amount }'
    api_script <<'E'
{"/orders/search": [{"json": {"orders": [{"id": "A", "total_money": {"amount": 1250}}], "cursor": "c2"}},
 {"json": {"cursor": "c3", "orders": []}}, {"json": {"orders": [{"id": "B", "total_money": {"amount": 5}}]}}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,amount,reject
A,1250,
B,5,"
    assert_asked 'map(.body | fromjson | .cursor) == [null, "c2", "c3"]
        and (map(.body | fromjson | del(.cursor)) | unique | length) == 1
        and (.[0].body | fromjson) == {location_ids: ["L1", "L2"], limit: 2,
            query: {filter: {date_time_filter: {updated_at: {start_at: "2026-01-01T00:00:00+00:00"}}}}}'
}

# ---- exports that take their time --------------------------------------------------------------

export_connector() { # MORE OF THE JOB
    connector <<E
auth: { type: bearer, token: "literal:verysecret1" }
resources:
  list:
    method: POST
    path: /exports
    params: { day: { required: true } }
    body: { day: "\${day}" }
    records: /rows
    job:
      take: { id: /task/id }
      poll: status
      until: { pointer: /status, equals: [done] }
      failed: { pointer: /status, equals: [failed] }
      message_from: [/reason]
      interval: 10ms
      $1
  status: { path: "/exports/\${id}" }
  file: { path: "/files/\${file}", records: /items, paginate: { type: page, param: p } }
  lines: { path: "/files/\${file}", format: jsonl }
E
    reading 'id: text' ', params: { day: 2026-01-31 }'
}

@test "an export: ordered, asked for until it is ready, read by pages" {
    export_connector 'download: file'
    sed -i 's,take: .*,take: { id: /task/id\, file: /file },' connectors/shop.yaml
    api_script <<'E'
{"/exports": [{"json": {"task": {"id": 17}}}],
 "/exports/17": [{"json": {"status": "queued"}}, {"status": 503}, {"json": {"status": "running"}}, {"json": {"status": "done", "file": "f/1"}}],
 "/files/f%2F1?p=1": [{"json": {"items": [{"id": 1}]}}], "/files/f%2F1?p=2": [{"json": {"items": []}}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,reject
1,"
    assert_asked 'map(.path) == ["/exports", "/exports/17", "/exports/17", "/exports/17", "/exports/17", "/files/f%2F1", "/files/f%2F1"]
        and .[0].body == "{\"day\":\"2026-01-31\"}" and all(.[]; .headers.authorization == "Bearer verysecret1")'
    sed -i 's/download: file/download: lines/' connectors/shop.yaml
    api_script <<'E'
{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "done", "file": "a"}}],
 "/files/a": [{"body": "{\"id\": 1}\r\n\n{\"id\": \"二\"}"}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,reject
1,
二,"
}

@test "an export at a URL: here with credentials, at a declared host without, elsewhere refused" {
    export_connector 'download: /url'
    api_script <<'E'
{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "done", "url": "/dl?sig=a%2Fb"}}],
 "/dl?sig=a%2Fb": [{"json": {"rows": [{"id": 1}]}}]}
E
    preview
    assert_status 0
    assert_stdout_is "id,reject
1,"
    assert_asked '.[-1].target == "/dl?sig=a%2Fb" and .[-1].method == "GET" and .[-1].headers.authorization == "Bearer verysecret1"'
    port=$(cat "$FILE_DIR/api.port")
    api_script <<E
{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "done", "url": "http://localhost:$port/dl?sig=x"}}],
 "/dl?sig=x": [{"json": {"rows": [{"id": 2}]}}]}
E
    preview
    assert_status 1
    assert_stderr_has "export 'list' of connector 'shop': its download is at another host, 'http://localhost:$port/dl'"
    assert_stderr_has "hint: name it in 'hosts' of the job"
    sed -i 's,download: /url,hosts: ["*.example.com"\, localhost]\n      download: /url,' connectors/shop.yaml
    preview
    assert_status 0
    assert_stdout_is "id,reject
2,"
    assert_asked '.[-1].target == "/dl?sig=x" and .[-1].headers.authorization == null'
}

@test "an export that fails, and one that is never ready" {
    export_connector 'download: file'
    api_script <<'E'
{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "failed", "reason": "日期过大"}}]}
E
    preview
    assert_status 1
    assert_stderr_has "export 'list' of connector 'shop': it failed: 日期过大"
    sed -i 's/interval: 10ms/interval: 400ms\n      timeout: 1s/' connectors/shop.yaml
    api_script <<<'{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "running"}}]}'
    preview
    assert_status 5
    assert_stderr_has "export 'list' of connector 'shop': it was not ready after 1 s"
    assert_asked 'length == 4'
}

@test "an export with mistakes is found before anything is asked" {
    export_connector 'download: fiel'
    sed -i 's/poll: status/poll: sttus/' connectors/shop.yaml
    preview
    assert_status 3
    assert_stderr_has "poll: there is no resource 'sttus' (and 1 more)"
}

# ---- errors inside HTTP 200 --------------------------------------------------------------------

@test "an error inside HTTP 200: arrays around it, its reason from several places" {
    connector <<'E'
rules:
  - { when: { pointer: /0/0/Result/ResponseStatus/MsgCode, equals: ["1"] }, do: refresh_auth }
  - { when: { pointer: /0/0/Result/ResponseStatus/IsSuccess, equals: ["false"] }, do: fail,
      message_from: [/0/0/Result/ResponseStatus/ErrorCode, /0/0/Result/ResponseStatus/Errors/0/FieldName,
                     /0/0/Result/ResponseStatus/Errors/0/Message] }
  - { when: { pointer: /errors/0, exists: true }, do: fail, message_from: [/errors/0/message] }
resources: { list: { path: /l, fields: [a] } }
E
    reading 'a: text'
    api_script <<'E'
{"/l": [{"json": [[{"Result": {"ResponseStatus": {"ErrorCode": 500, "IsSuccess": false,
    "Errors": [{"FieldName": null, "Message": "元数据中标识为FSalesManId的字段不存在"}]}}}]]}, {"json": {"errors": [{"message": "no such field"}]}},
  {"json": [["1"]]}]}
E
    preview
    assert_status 1
    assert_stderr_has "HTTP 200: 500: 元数据中标识为FSalesManId的字段不存在"
    preview
    assert_status 1
    assert_stderr_has "HTTP 200: no such field"
    preview
    assert_status 0
    assert_stdout_is "a,reject
1,"
}

# An answer of these bytes: page 1 of the list, in a charset.
answer_in() { # CHARSET
    iconv -f UTF-8 -t "${2:-$1}" >answer.json
    api_script <<<"{\"/l\": [{\"file\": \"$PWD/answer.json\", \"slow_ms\": 1, \"headers\": {\"Content-Type\": \"application/json; charset=$1\"}}]}"
}

@test "answers with a byte order mark, and in the charset that they state" {
    connector <<<'resources: { list: { path: /l, records: /items } }'
    reading "id: text"
    api_script <<<'{"/l": [{"body": "\ufeff{\"items\": [{\"id\": \"早\"}]}"}]}'
    preview
    assert_status 0
    assert_stdout_is "id,reject
早,"
    # 歗 is 9A 5C in GBK, a backslash in it; 𠀀 takes four bytes of GB18030
    for charset in GBK gb18030 '\"GB2312\"'; do
        answer_in "$charset" GB18030 <<<'{"items": [{"id": "歗米𠀀\""}]}'
        preview
        assert_status 0
        assert_stdout_is 'id,reject
"歗米𠀀""",'
    done
    answer_in gbk UTF-8 <<<$'\xEF\xBB\xBF{"items": [{"id": "米"}]}'
    preview
    assert_stdout_has "米,"
    # an error's text, and a rule that looks into it
    printf '{"error": "\xBF\xE2\xB4\xE6\xB2\xBB\xD7\xE3"}' >answer.json
    api_script <<<"{\"/l\": [{\"status\": 422, \"file\": \"$PWD/answer.json\", \"headers\": {\"Content-Type\": \"text/html;charset=gbk\"}}]}"
    preview
    assert_status 1
    assert_stderr_has 'HTTP 422: {"error": "库存不足"}'
}

@test "answers in a charset that is unknown, not the stated one, or not stated" {
    connector <<<'resources: { list: { path: /l, records: /items } }'
    reading "id: text"
    answer_in x-erp UTF-8 <<<'{"items": [{"id": "米"}]}'
    preview
    assert_status 1
    assert_stderr_has "the answer is in a charset that is not known, 'x-erp'"
    assert_stderr_has "hint: known are UTF-8, GB18030 (GBK, GB2312)"
    answer_in x-erp UTF-8 <<<'{"items": [{"id": "rice"}]}'
    preview
    assert_status 0
    printf '{"items": [{"id": "\xff\xff"}]}' >answer.json
    api_script <<<"{\"/l\": [{\"file\": \"$PWD/answer.json\", \"headers\": {\"Content-Type\": \"application/json;charset=GBK\"}}]}"
    preview
    assert_status 1
    assert_stderr_has "byte 20 of the answer is not GBK, the charset that it states"
    printf '{"items": [{"id": "\xC3\xD7"}]}' >answer.json
    api_script <<<"{\"/l\": [{\"file\": \"$PWD/answer.json\"}]}"
    preview
    assert_status 1
    assert_stderr_has "the answer is not JSON: byte 20 is not UTF-8"
    assert_stderr_has "Content-Type: application/json; charset=GBK"
}

@test "a wait that is asked for and longer than retries may take is told" {
    connector <<<'resources: { list: { path: /l, records: /items } }'
    reading "id: text"
    api_script <<<'{"/l": [{"status": 429, "headers": {"Retry-After": "100000"}, "json": {}}]}'
    preview
    assert_status 5
    assert_stderr_has "HTTP 429: {}"
    assert_stderr_has "hint: it asks to wait 100000 s, more than the 300 s that retries may take (retry.budget)"
}

@test "an export whose answer lacks what is taken from it says so" {
    export_connector 'download: file'
    api_script <<<'{"/exports": [{"json": {"task": {}}}]}'
    preview
    assert_status 1
    assert_stderr_has "export 'list' of connector 'shop': the answer of $(api_url)/exports has no text or number at '/task/id'"
    assert_stderr_has "hint: 'take' of its job wants it as 'id', for path '/exports/\${id}'"
    sed -i 's,take: .*,take: { id: /task/id\, file: /file },' connectors/shop.yaml
    api_script <<<'{"/exports": [{"json": {"task": {"id": 17}}}], "/exports/17": [{"json": {"status": "done"}}]}'
    preview
    assert_status 1
    assert_stderr_has "the answer of $(api_url)/exports/17 has no text or number at '/file'"
}
