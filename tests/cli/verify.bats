#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# Answers that are signed by their system: none is believed that is not. Signatures are made by openssl.
load ../helper
load api

setup_file() {
    file_dir
    api_start
    cd "$FILE_DIR" || return 1
    local n
    for n in 1 2; do
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "key$n.pem" 2>/dev/null
        openssl pkey -in "key$n.pem" -pubout -out "pub$n.pem"
        openssl req -new -x509 -key "key$n.pem" -subj /CN=platform -days 30 -out "cert$n.pem" 2>/dev/null
    done
}
teardown_file() {
    api_stop
    file_dir_remove
}
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# In the manner of WeChat Pay v3.
paying_connector() {
    connector pay <<YAML
verify:
  algorithm: rsa2
  text: "\${header:Wechatpay-Timestamp}\\n\${header:Wechatpay-Nonce}\\n\${body}\\n"
  signature: "\${header:Wechatpay-Signature}"
  encoding: base64
  key_id: "\${header:Wechatpay-Serial}"
  keys: { 5157F09E: "file:$FILE_DIR/cert1.pem", PUB_KEY_ID_2: "file:$FILE_DIR/pub2.pem" }
  signed_at: "\${header:Wechatpay-Timestamp}"
$1
resources:
  list: { path: /list, records: /data }
  open: { path: /open, verify: none }
YAML
    printf 'version: 1\nname: p\nstreams:\n  s:\n    source: { connector: pay, resource: %s }\n    target: { file: out.csv }\n    columns: { id: text }\n' \
        "${2:-list}" >p.yaml
}

signed() { # KEY-FILE BODY [TIME]: the signature over TIME\nNONCE\nBODY\n
    printf '%s\nn0\n%s\n' "${3:-$NOW}" "$2" | openssl dgst -sha256 -sign "$1" | openssl base64 -A
}
answers() { # SERIAL SIGNATURE [BODY] [TIME]
    local body=${3:-$BODY}
    jq -n --arg serial "$1" --arg sig "$2" --arg body "$body" --arg at "${4:-$NOW}" '{"/list": [{body: $body, headers:
        {"Wechatpay-Serial": $serial, "Wechatpay-Signature": $sig, "Wechatpay-Nonce": "n0", "Wechatpay-Timestamp": $at}}],
        "/open": [{body: $body}]}' | api_script
}
refused() { # EXIT-STATUS TEXT...: nothing of it is shown
    local want=$1 text
    shift
    preview
    assert_status "$want"
    assert_stdout_is ""
    for text in "$@"; do assert_stderr_has "$text"; done
}

@test "RSA over time, nonce and body: two keys, one of them a certificate; what is not so signed is refused" {
    NOW=$(date +%s) BODY='{"data": [{"id": "A1"}]}'
    paying_connector ''
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY")"
    preview
    assert_status 0
    assert_stdout_is "id,reject
A1,"
    answers PUB_KEY_ID_2 "$(signed "$FILE_DIR/key2.pem" "$BODY")"
    preview
    assert_status 0
    # The other's key, another body, none at all, no base64, an unknown key.
    answers 5157F09E "$(signed "$FILE_DIR/key2.pem" "$BODY")"
    refused 1 "GET $(api_url)/list: the answer is not to be believed: the signature is wrong" \
        "hint: 'verify' of connector 'pay' says how answers are signed"
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY")" '{"data": [{"id": "A2"}]}'
    refused 1 "the signature is wrong"
    answers 5157F09E ""
    refused 1 "it has no signature"
    answers 5157F09E "?"
    refused 1 "its signature is no base64"
    answers 5157F09F "$(signed "$FILE_DIR/key1.pem" "$BODY")"
    refused 1 "it is signed with the key '5157F09F', which is not among 'keys'" "hint: get the system's new key by a way you trust"
    answers "" "$(signed "$FILE_DIR/key1.pem" "$BODY")"
    refused 1 "it does not say which key it is signed with"
    # Yesterday's answer, sent again; a clock that is ahead; no time.
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY" $((NOW - 86400)))" "$BODY" $((NOW - 86400))
    refused 1 "s ago, and max_age is 300 s" "hint: an old answer sent again, or a clock that is wrong"
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY" $((NOW + 86400)))" "$BODY" $((NOW + 86400))
    refused 1 "s from now, and max_age is 300 s"
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY" soon)" "$BODY" soon
    refused 1 "it does not say when it was signed: 'soon' is no time"
}

@test "a resource that is not signed says so; an error needs no signature; one that is ignored does" {
    NOW=$(date +%s) BODY='[{"id": "A1"}]'
    paying_connector '' open
    answers x x
    preview
    assert_status 0
    paying_connector 'rules: [{ when: { status: "404" }, do: ignore }]'
    api_script <<<'{"/list": [{"status": 401, "body": "who?"}]}'
    refused 4 "HTTP 401: who?"
    api_script <<<'{"/list": [{"status": 404, "body": "nothing"}]}'
    refused 1 "it has no signature"
}

@test "HMAC of a body in hex; a keyed hash of its sorted members beside them" {
    NOW=0 BODY='[{"id": "A1"}]'
    connector pay <<'E'
secrets: { key: "literal:k-secret-1" }
verify: { algorithm: hmac_sha256, text: "${body}", key: "${key}", signature: "${header:X-Signature}" }
resources:
  list: { path: /list }
  pairs:
    path: /pairs
    records: /data
    single: true
    verify: { algorithm: md5, params: { from: body, exclude: [sign], skip_empty: true }, text: "${params}&key=${key}", signature: "${body:/sign}" }
E
    printf 'version: 1\nname: p\nstreams:\n  s:\n    source: { connector: pay, resource: list }\n    target: { file: out.csv }\n    columns: { id: text }\n' >p.yaml
    local hmac md5
    hmac=$(printf '%s' "$BODY" | openssl dgst -sha256 -hmac k-secret-1 | sed 's/.* //')
    api_script <<<'{"/list": [{"body": "[{\"id\": \"A1\"}]", "headers": {"X-Signature": "'"${hmac^^}"'"}}]}'
    preview
    assert_status 0
    api_script <<<'{"/list": [{"body": "[{\"id\": \"A1\"}]", "headers": {"X-Signature": "'"${hmac%?}0${hmac:0:1}"'"}}]}'
    refused 1 "its signature is no hex"
    api_script <<<'{"/list": [{"body": "[{\"id\": \"A1\"}]", "headers": {"X-Signature": "'"${hmac:2}00"'"}}]}'
    refused 1 "the signature is wrong"
    refute_stderr_has k-secret-1
    sed -i 's/resource: list/resource: pairs/' p.yaml
    md5=$(printf 'data={"id":"A1"}&total=1&key=k-secret-1' | md5sum | cut -c1-32)
    api_script <<<'{"/pairs": [{"body": "{\"total\":1,\"data\":{\"id\":\"A1\"},\"sign\":\"'"$md5"'\",\"note\":\"\"}"}]}'
    preview
    assert_status 0
    assert_stdout_is "id,reject
A1,"
    api_script <<<'{"/pairs": [{"body": "{\"total\":2,\"data\":{\"id\":\"A1\"},\"sign\":\"'"$md5"'\"}"}]}'
    refused 1 "the signature is wrong"
    api_script <<<'{"/pairs": [{"body": "{\"total\":1,\"data\":{\"id\":\"A1\"}}"}]}'
    refused 1 "it has no signature"
}

@test "sign --explain --answer: piece by piece, the verdict, the exit status" {
    NOW=1700000000 BODY='{"data": [{"id": "A1"}]}'
    paying_connector ''
    local sig
    sig=$(signed "$FILE_DIR/key1.pem" "$BODY")
    printf 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nWechatpay-Serial: 5157F09E\r\nWechatpay-Nonce: n0\r\nWechatpay-Timestamp: 1700000000\r\nWechatpay-Signature: %s\r\n\r\n%s' \
        "$sig" "$BODY" >answer.http
    run --separate-stderr "$DINER" connector sign pay list --answer answer.http --at 1700000060 --explain -o csv
    assert_status 0
    assert_stdout_is 'piece,value
algorithm,"rsa2, base64"
text,"${header:Wechatpay-Timestamp}
${header:Wechatpay-Nonce}
${body}
"
key,${header:Wechatpay-Serial}
${header:Wechatpay-Timestamp},1700000000
${header:Wechatpay-Nonce},n0
${body},"{""data"": [{""id"": ""A1""}]}"
string signed,"1700000000
n0
{""data"": [{""id"": ""A1""}]}
"
signature,'"$sig"
    assert_stderr_is "the signature is good"
    run --separate-stderr "$DINER" connector sign pay list --answer - --at 1700000060 <answer.http
    assert_status 0
    run --separate-stderr "$DINER" connector sign pay list --answer answer.http --explain
    assert_status 1
    assert_stdout_has "string signed"
    assert_stderr_has "s ago, and max_age is 300 s"
    sed -i 's/A1/A2/' answer.http
    run --separate-stderr "$DINER" connector sign pay list --answer answer.http --at 1700000060 --explain
    assert_status 1
    assert_stdout_has '{"data": [{"id": "A2"}]}'
    assert_stderr_has "the signature is wrong"
    run --separate-stderr "$DINER" connector sign pay open --answer answer.http
    assert_status 3
    assert_stderr_has "answers to resource 'open' of connector 'pay' are not verified"
    echo "$BODY" >answer.http
    run --separate-stderr "$DINER" connector sign pay list --answer answer.http
    assert_status 1
    assert_stderr_has "the text is no answer"
}

@test "a file is proved by the hash in a signed answer" {
    NOW=$(date +%s)
    printf 'id\nA1\n' >in.csv
    BODY='{"url": "/dl", "hash": "'$(sha1sum <in.csv | cut -d' ' -f1)'"}'
    paying_connector ''
    sed -i 's,  list: .*,  list: { path: /list\, format: file\, job: { download: /url }\, file: { hash: { from: /hash\, algorithm: sha1 } } },' connectors/pay.yaml
    sed -i 's/resource: list/resource: list, format: csv/' p.yaml
    answers 5157F09E "$(signed "$FILE_DIR/key1.pem" "$BODY")"
    api_log >/dev/null
    jq -n --arg sig "$(signed "$FILE_DIR/key1.pem" "$BODY")" --arg body "$BODY" --arg at "$NOW" --arg file "$PWD/in.csv" '{"/list": [{body: $body, headers:
        {"Wechatpay-Serial": "5157F09E", "Wechatpay-Signature": $sig, "Wechatpay-Nonce": "n0", "Wechatpay-Timestamp": $at}}], "/dl": [{file: $file}]}' | api_script
    preview
    assert_status 0
    assert_stdout_is "id,reject
A1,"
    sed -i 's/, file: { hash: .*/ }/' connectors/pay.yaml
    refused 3 "resource 'list': answers are verified, and nothing proves its file" "hint: say  file: { hash: { from: ... } }, or  verify: none"
}

@test "lint: what verify needs" {
    connector pay <<'E'
verify: { algorithm: rsa2, text: "${nobody}", max_age: 1m }
resources:
  a: { path: /a, verify: { algorithm: md5, key: "${body}", signature: "${body:/s}", params: { from: body } , text: x } }
  b: { path: /b, verify: { algorithm: hmac_sha1, keys: { k: x }, text: x, signature: x } }
E
    run --separate-stderr "$DINER" connector lint pay
    assert_status 3
    assert_stdout_has "pay.yaml:4:9: verify with rsa2 needs 'key', or 'keys'"
    assert_stdout_has "verify needs 'signature', where it stands"
    assert_stdout_has "nobody"
    assert_stdout_has "verify: 'max_age' needs 'signed_at'"
    assert_stdout_has "verify with md5 has no key"
    assert_stdout_has "verify: 'params' is not used"
    assert_stdout_has "verify: 'keys' and 'key_id' go together"
}
