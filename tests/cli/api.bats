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
