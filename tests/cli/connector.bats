#!/usr/bin/env bats
# diner connector: what there is, what is wrong, whether it works, one request, one signature.

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
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    printf 'retry: { max: 0 }\n' >diner.yaml
    export DINER_CONFIG=$PWD/diner.yaml
}

# A system with sessions, signed requests, pages and writes.
erp() {
    export ERP_PASSWORD=erp-password-1 ERP_KEY=erp-key-1
    connector erp <<'E'
values: { db: main, user: admin, app_id: "2754" }
secrets: { password: env:ERP_PASSWORD, app_secret: env:ERP_KEY }
auth:
  type: session
  login:
    path: /${db}/login
    body: { user: "${user}", password: "${password}" }
    ok: { pointer: /ok, equals: [true] }
    message_from: [/why]
    take: { sid: /session }
  send: { headers: { X-Session: "${sid}", Authorization: "Basic ${base64:${user}:${sid}}" } }
sign:
  algorithm: md5
  params: { from: query }
  text: ${params}${app_secret}
  put: { query: { app: "${app_id}", ts: "${timestamp}", sig: "${sign}" } }
rules: [{ when: { status: 200, pointer: /ok, equals: [false] }, do: fail, message_from: [/why] }]
resources:
  goods:
    path: /goods
    query: { shop: "${shop}" }
    records: /items
    paginate: { type: page, param: page }
  ship: { method: POST, path: /ship }
  find: { method: POST, path: /find, repeatable: true, body: { what: "${what}" }, sign: none }
E
}

# ---- list and lint -----------------------------------------------------------------------------

@test "list: host, auth, resources and file of each, those with faults too" {
    erp
    printf 'version: 1\nbase_url: https://crm.example.com\nauth: bearer\nresources: { a: { path: a } }\n' \
        >connectors/broken.yaml
    run --separate-stderr "$DINER" connector list -o json
    assert_status 0
    assert_stderr_is ""
    assert_json 'map(.name) == ["broken", "erp", "platform"]'
    assert_json '.[1] | .auth == "session" and .sign == "md5" and .resources == "goods, ship, find"
        and .problem == null and (.host | startswith("127.0.0.1:"))'
    assert_json '.[0] | .host == "crm.example.com" and .auth == "bearer"
        and (.problem | contains("broken.yaml:3:7: auth of type bearer needs") and contains("(and 1 more)"))'
    assert_json '.[2].file == "(built in)/platform.yaml"'
    refute_stdout_has erp-password-1
}

@test "lint: every problem with its place, names and files, nothing fetched" {
    erp
    unset ERP_PASSWORD ERP_KEY
    run --separate-stderr "$DINER" connector lint erp
    assert_status 0
    assert_stdout_is ""
    assert_stderr_has "1 checked, 0 errors"
    cat >connectors/broken.yaml <<'E'
version: 1
base_url: https://crm.example.com
auth: { type: bearer, user: me }
sign: { algorithm: md5, text: "${ap}", put: { query: { s: "${sign}" } } }
resources:
  members: { path: members, pagniate: { type: page } }
E
    run --separate-stderr "$DINER" connector lint connectors/broken.yaml
    assert_status 3
    assert_stdout_has "connectors/broken.yaml:3:7: auth of type bearer needs 'token'"
    assert_stdout_has "connectors/broken.yaml:3:23: auth of type bearer has no 'user'"
    assert_stdout_has "connectors/broken.yaml:4:31: '\${ap}' is not defined"
    assert_stdout_has "connectors/broken.yaml:6:29: unknown key 'pagniate' in resource"
    assert_stdout_has "did you mean 'paginate'?"
    assert_stdout_has "connectors/broken.yaml:6:20: path: 'members' does not begin with '/'"
    assert_stderr_has "lint found 5 errors"
    run --separate-stderr "$DINER" connector lint
    assert_status 3
    assert_stderr_has "3 checked, 5 errors"
    run --separate-stderr "$DINER" connector lint epr
    assert_status 3
    assert_stdout_has "there is no connector 'epr'"
}

@test "pipeline lint: the connectors and resources that a pipeline names are there" {
    erp
    cat >p.yaml <<'E'
version: 1
name: p
streams:
  a:
    source: { connector: erp, resource: good }
    target: { file: a.csv }
    columns: { id: text }
  b:
    source: { connector: epr, resource: goods }
    target: { connector: erp, resource: shp }
    columns: { id: text }
    key: [id]
E
    run --separate-stderr "$DINER" pipeline lint ./p.yaml
    assert_status 3
    assert_stdout_has "p.yaml:5:41: connector 'erp' has no resource 'good'"
    assert_stdout_has "did you mean 'goods'?"
    assert_stdout_has "p.yaml:9:26: there is no connector 'epr'"
    assert_stdout_has "did you mean 'erp'?"
    assert_stdout_has "p.yaml:10:41: connector 'erp' has no resource 'shp'"
    assert_stderr_has "3 errors"
    sed -i -e 's/good }/goods }/' -e 's/epr/erp/' -e 's/shp/ship/' p.yaml
    run --separate-stderr "$DINER" pipeline lint ./p.yaml
    assert_status 0
    sed -i 's/method: POST, path: \/ship/method: POST, path: ship/' connectors/erp.yaml
    run --separate-stderr "$DINER" pipeline lint ./p.yaml
    assert_status 0
    assert_stdout_has "p.yaml:5:26: warning: connector 'erp' has 1 fault"
}

# ---- check -------------------------------------------------------------------------------------

@test "check: step by step to one read" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}],
        "/goods": [{"when_header": {"x-session": "session-77"}, "json": {"items": [{"a": 1}, {"a": 2}]}}]}'
    run --separate-stderr "$DINER" connector check erp goods --param shop=S1 -o csv
    assert_status 0
    assert_stdout_matches $'^step,result,detail\nfile,ok,.*/erp.yaml\nsecrets,ok,2 fetched\nlogin,ok,"session, [0-9]+ ms"\nread,ok,"goods: 2 records, [0-9]+ ms"$'
    assert_stderr_is ""
    assert_asked '[.[] | .path] == ["/main/login", "/goods"]'
}

@test "check: the step that fails says why, the exit status says what kind" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": false, "why": "密码错误"}}]}'
    run --separate-stderr "$DINER" connector check erp goods -o csv
    assert_status 4
    assert_stdout_has "login,failed,"
    assert_stdout_has "read,skipped,"
    assert_stderr_has "login to 'erp'"
    assert_stderr_has "密码错误"
    refute_stderr_has erp-password-1
    api_script <<<'{"/main/login": [{"status": 503}]}'
    run --separate-stderr "$DINER" connector check erp -o csv
    assert_status 5
    unset ERP_KEY
    run --separate-stderr "$DINER" connector check erp -o csv
    assert_status 3
    assert_stdout_has "secrets,failed,"
    assert_stderr_has "secret 'app_secret' of connector 'erp'"
    run --separate-stderr "$DINER" connector check erp ship -o csv
    assert_status 3
    run --separate-stderr "$DINER" connector check nowhere -o csv
    assert_status 3
    assert_stdout_has "file,failed,"
}

@test "check: a resource that writes is not called" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}], "/ship": [{}]}'
    run --separate-stderr "$DINER" connector check erp ship
    assert_status 2
    assert_stderr_has "resource 'ship' writes: a check only reads"
    assert_asked 'all(.[]; .path != "/ship")'
}

# ---- call --------------------------------------------------------------------------------------

@test "call: the answer, pretty, numbers and texts as they came" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}],
        "/goods": [{"body": "{\"items\":[{\"n\":12.30,\"t\":\"盐焗鸡\",\"e\":[],\"o\":{}}],\"more\":null}"}]}'
    run --separate-stderr "$DINER" connector call erp goods -p shop=S1
    assert_status 0
    assert_stdout_is '{
  "items": [
    {
      "n": 12.30,
      "t": "盐焗鸡",
      "e": [],
      "o": {}
    }
  ],
  "more": null
}'
    assert_stderr_has "1 records"
    assert_asked '.[1].query.page == "1" and .[1].query.shop == "S1" and (.[1].query.sig | length == 32)'
}

@test "call --all: the records of every page, as one list or one a line" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}],
        "/goods": [{"json": {"items": [{"a": 1}, {"a": 2}]}}, {"json": {"items": [{"a": 3}]}},
                   {"json": {"items": []}}, {"json": {"items": [{"a": 1}]}}, {"json": {"items": []}},
                   {"json": {"items": []}}]}'
    run --separate-stderr "$DINER" connector call erp goods --all
    assert_status 0
    assert_json '. == [{"a": 1}, {"a": 2}, {"a": 3}]'
    assert_stderr_has "3 records in 3 pages"
    run --separate-stderr "$DINER" connector call erp goods --all -o jsonl
    assert_status 0
    assert_stdout_is '{"a": 1}'
    run --separate-stderr "$DINER" connector call erp goods --all -o json
    assert_status 0
    assert_stdout_is '[]'
}

@test "call: a write wants --yes and carries a key" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}],
        "/ship": [{"json": {"ok": true}}, {"json": {"ok": false, "why": "没有库存"}}], "/find": [{"json": []}]}'
    echo '{"order": 7}' >body.json
    run --separate-stderr "$DINER" connector call erp ship --body body.json </dev/null
    assert_status 2
    assert_stderr_has "--yes"
    assert_asked 'length == 0'
    run --separate-stderr "$DINER" connector call erp ship --body body.json --yes
    assert_status 0
    assert_stderr_has ", key "
    assert_asked '.[1] | .body == "{\"order\": 7}\n" and (.headers["idempotency-key"] | length == 36)'
    run --separate-stderr bash -c "echo '{}' | '$DINER' connector call erp ship --body - --yes --key k-9"
    assert_status 1
    assert_stderr_has "没有库存"
    assert_asked '[.[] | select(.path == "/ship")][1].headers["idempotency-key"] == "k-9"'
    # a search by POST is no write
    run --separate-stderr "$DINER" connector call erp find -p what=x
    assert_status 0
    assert_stdout_is '[]'
    assert_asked '[.[] | select(.path == "/find")][0] | .body == "{\"what\":\"x\"}" and (.headers | has("idempotency-key") | not)'
}

@test "call --dry-run: the request with secrets masked, nothing sent" {
    erp
    api_script <<<'{}'
    unset ERP_PASSWORD ERP_KEY
    run --separate-stderr "$DINER" connector call erp goods -p 'shop=S 1' --dry-run
    assert_status 0
    assert_stdout_matches "^GET $(api_url)/goods\?shop=S%201&page=1&app=2754&ts=[0-9]+&sig=\*\*\*\*
X-Session: \*\*\*\*
Authorization: Basic \*\*\*\*\$"
    run --separate-stderr "$DINER" connector call erp ship --dry-run --body <(echo '{"order":7}')
    assert_status 0
    assert_stdout_has "Idempotency-Key: (random)"
    assert_stdout_has '"order": 7'
    assert_asked 'length == 0'
}

@test "call: mistakes are told before anything is sent" {
    erp
    api_script <<<'{}'
    local args
    while IFS='|' read -r args want; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" connector call $args
        [ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "expected 2 or 3: $args"
        assert_stderr_has "$want"
    done <<'E'
erp good|did you mean 'goods'?
erp goods -p shop|expected NAME=VALUE
erp goods -p store=S1|there is no parameter 'store'
erp ship --all --yes|--all is for reading
erp goods --key k|--key is for writes
erp goods -o csv|expected json or jsonl
E
    echo '{"order": }' >body.json
    run --separate-stderr "$DINER" connector call erp ship --yes --body body.json
    assert_status 2
    assert_stderr_has "body.json: "
    run --separate-stderr "$DINER" connector call erp ship --yes --body nothing.json
    assert_status 1
    assert_asked 'length == 0'
}

# ---- sign --------------------------------------------------------------------------------------

@test "sign --explain: each piece, the string to sign, where it goes; never the secret" {
    export TAKEAWAY_SECRET=tk-secret-9
    connector takeaway <<'E'
values: { app_id: "2754" }
secrets: { app_secret: env:TAKEAWAY_SECRET }
sign:
  algorithm: md5
  params: { from: query }
  text: "${path}?${params}${app_secret}"
  put: { query: { app_id: "${app_id}", timestamp: "${timestamp}", nonce: "${nonce}", sig: "${sign}" } }
resources:
  orders: { path: /orders, query: { shop: "${shop}" } }
  plain: { path: /plain, sign: none }
E
    local sig
    sig=$(printf '/orders?app_id=2754&nonce=n-1&shop=S001&timestamp=1700000000tk-secret-9' | md5sum | cut -c1-32)
    run --separate-stderr "$DINER" connector sign takeaway orders -p shop=S001 --at 1700000000 --nonce n-1
    assert_status 0
    assert_stdout_is "$sig"
    run --separate-stderr "$DINER" connector sign takeaway orders -p shop=S001 \
        --at 2023-11-15T06:13:20+08:00 --nonce n-1 --explain -o csv
    assert_status 0
    assert_stderr_is ""
    assert_stdout_is "piece,value
algorithm,\"md5, hex\"
text,\${path}?\${params}\${app_secret}
\${path},/orders
\${params},app_id=2754&nonce=n-1&shop=S001&timestamp=1700000000
\${app_secret},****
string to sign,/orders?app_id=2754&nonce=n-1&shop=S001&timestamp=1700000000****
signature,$sig
put: query sig,$sig"
    run --separate-stderr "$DINER" connector sign takeaway plain
    assert_status 3
    assert_stderr_has "resource 'plain' of connector 'takeaway' is not signed"
    run --separate-stderr "$DINER" connector sign takeaway orders --at yesterday
    assert_status 2
    assert_stderr_has "--at: expected a time"
}

# ---- logs --------------------------------------------------------------------------------------

@test "no secret in any log, whatever it is made into" {
    erp
    api_script <<<'{"/main/login": [{"json": {"ok": true, "session": "session-77"}}],
        "/goods": [{"status": 400, "body": "who is session-77 with erp-key-1 and ZXJwLXBhc3N3b3JkLTE= ?"}]}'
    run --separate-stderr "$DINER" --log-level trace connector call erp goods
    assert_status 1
    refute_stderr_has session-77
    refute_stderr_has erp-key-1
    refute_stderr_has ZXJwLXBhc3N3b3JkLTE
    refute_stderr_has erp-password-1
    assert_stderr_has "****"
}

@test "names for shells: connectors, and the resources of the one in the line" {
    erp
    run --separate-stderr "$DINER" __complete connectors
    assert_status 0
    assert_stdout_is "erp
platform"
    run --separate-stderr "$DINER" __complete resources -- diner connector call erp --param
    assert_status 0
    assert_stdout_is "goods
ship
find"
    run --separate-stderr "$DINER" __complete resources -- diner connector call
    assert_status 0
    assert_stdout_is ""
}

@test "pipeline lint: a parameter that the resource does not ask for" {
    mkdir -p connectors
    export DINER_CONNECTOR_PATH=$PWD/connectors
    cat >connectors/shops.yaml <<'E'
version: 1
base_url: http://127.0.0.1:9
resources:
  orders:
    path: "/orders/${shop}"
    params: { since: { type: time } }
    query: { year: "${since.year}", filter: { state: "${state:-open}" } }
    records: /items
  bare: { path: /bare }
E
    cat >p.yaml <<'E'
version: 1
name: p
streams:
  a:
    source: { connector: shops, resource: orders, params: { shopp: "1", since: 2026-01-01T00:00:00Z, state: paid, shop: S1 } }
    target: { file: a.csv }
    columns: { id: text }
  b:
    source: { connector: shops, resource: bare, params: { shop: "1" } }
    target: { file: b.csv }
    columns: { id: text }
E
    run --separate-stderr "$DINER" pipeline lint ./p.yaml
    assert_status 3
    assert_stdout_has "p.yaml:5:61: resource 'orders' of connector 'shops' has no parameter 'shopp'"
    assert_stdout_has "did you mean 'shop'?"
    assert_stdout_has "resource 'bare' of connector 'shops' has no parameter 'shop'"
    assert_stdout_has "leave it out: it cannot be asked for there"
    assert_stderr_has "2 errors"
}
