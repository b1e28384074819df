#!/usr/bin/env bats
# Platforms other than the reference one, by their connector alone: no line of C knows them.
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
    export DINER_CONFIG=/dev/null DINER_STATE_DIR=$PWD/state
    export DINER_CONNECTOR_PATH=$PROJECT/configs/connectors DINER_PLATFORM_CONNECTOR=square
    SQUARE_URL=$(api_url)
    export SQUARE_URL SQUARE_TOKEN=sq-secret-1 DINER_CURRENCY=USD DINER_TIMEZONE=America/New_York
    export DINER_RETRY_BASE=1ms DINER_RETRY_CAP=5ms
}

order() { # ID STATE TOTAL DUE: as Square writes it
    cat <<JSON
{"id":"$1","location_id":"L1","state":"$2","version":3,"source":{"name":"Till"},
 "line_items":[{"uid":"u1","catalog_object_id":"ITEM1","name":"Dumplings","quantity":"2","base_price_money":{"amount":650,"currency":"USD"},"total_money":{"amount":1300,"currency":"USD"}},
  {"uid":"u2","name":"Tea","quantity":"1.5","base_price_money":{"amount":200,"currency":"USD"},"total_money":{"amount":300,"currency":"USD"}}],
 "fulfillments":[{"uid":"f1","type":"PICKUP","state":"PROPOSED"}],
 "total_money":{"amount":$3,"currency":"USD"},"net_amount_due_money":{"amount":$4,"currency":"USD"},
 "created_at":"2026-11-21T08:30:00.125Z","updated_at":"2026-11-21T09:00:00Z"}
JSON
}

@test "orders list of Square: cursor in the body, states, money and times in the form of ours" {
    api_script <<JSON
{"/v2/orders/search":[{"json":{"orders":[$(order A OPEN 1600 1600),$(order B OPEN 1600 0)],"cursor":"c2"}},
 {"json":{"orders":[$(order C COMPLETED 1600 0),$(order D CANCELED 5 5)]}}]}
JSON
    run --separate-stderr "$DINER" orders list --store L1,L2 --since 2026-11-21T00:00:00Z -o jsonl
    assert_status 0
    assert_stderr_is ""
    [ "$(jq -r '[.order_no, .status, .payment_status, .channel] | join(" ")' <<<"$output")" = \
        "$(printf 'A pending unpaid takeout\nB paid paid takeout\nC fulfilled paid takeout\nD cancelled unpaid takeout')" ]
    jq -es '.[0].total_amount == {"amount_minor":1600,"currency":"USD"} and .[3].total_amount.amount_minor == 5 and
        .[0].created_at == "2026-11-21T08:30:00.125000Z" and .[0].business_date == "2026-11-20"' <<<"$output"
    assert_asked 'length == 2 and (.[0].headers["square-version"] | length > 0) and
        .[0].headers.authorization == "Bearer sq-secret-1"'
    assert_asked '[.[].body | fromjson] | (.[0] | has("cursor") | not) and .[1].cursor == "c2" and
        (.[1] | del(.cursor)) == .[0] and .[0].location_ids == ["L1","L2"] and
        .[0].query.filter.date_time_filter.updated_at.start_at == "2026-11-21T00:00:00+00:00" and
        .[0].query.filter.state_filter.states == ["OPEN","COMPLETED","CANCELED"]'
}

@test "a filter is told in Square's words; what it does not know is refused before anything is sent" {
    api_script <<<'{"/v2/orders/search":[{"json":{}}]}'
    run --separate-stderr "$DINER" orders list --store L1 --status cancelled -o json
    assert_status 0
    [ "$(jq -c . <<<"$output")" = "[]" ]
    assert_asked '[.[].body | fromjson][0].query.filter.state_filter.states == ["CANCELED"]'

    # Square's OPEN is two of ours: only what was asked for is shown.
    api_script <<<"{\"/v2/orders/search\":[{\"json\":{\"orders\":[$(order A OPEN 1600 1600),$(order B OPEN 1600 0)]}}]}"
    run --separate-stderr "$DINER" orders list --store L1 --status paid -o json
    assert_status 0
    [ "$(jq -r '.[].order_no' <<<"$output")" = B ]

    api_script <<<'{"/v2/orders/search":[{"json":{}}]}'
    run --separate-stderr "$DINER" orders list --store L1 --status accepted
    assert_status 1
    assert_stderr_has "parameter 'status' has no 'accepted' there"
    assert_stderr_has "it has: pending, paid, fulfilled, cancelled"
    run --separate-stderr "$DINER" orders list --store L1 --payment-status paid
    assert_stderr_has "there is no parameter 'payment_status'"
    run --separate-stderr "$DINER" orders list
    assert_stderr_has "parameter 'store' has no value"
    assert_asked 'length == 0'
}

@test "orders show of Square: one order with its lines" {
    api_script <<<"{\"/v2/orders/A\":[{\"json\":{\"order\":$(order A OPEN 1600 1600)}}]}"
    run --separate-stderr "$DINER" orders show A -o json
    assert_status 0
    jq -e '.order_no == "A" and .store == "L1" and .status == "pending" and .total_amount == "16.00" and
        .items == [{"line_no":1,"product":"ITEM1","product_name":"Dumplings","price":"6.50","quantity":"2","amount":"13.00"},
                   {"line_no":2,"product":null,"product_name":"Tea","price":"2.00","quantity":"1.5","amount":"3.00"}]' <<<"$output"
    run --separate-stderr "$DINER" orders show A
    assert_status 0
    assert_stdout_has "Dumplings"
    assert_stdout_has "16.00"
}

@test "stock show of Square" {
    api_script <<'JSON'
{"/v2/inventory/counts/batch-retrieve":[
 {"json":{"counts":[{"catalog_object_id":"ITEM1","catalog_object_type":"ITEM_VARIATION","state":"IN_STOCK","location_id":"L1","quantity":"53.25","calculated_at":"2026-11-21T09:00:00Z"}],"cursor":"n"}},
 {"json":{"counts":[{"catalog_object_id":"ITEM2","catalog_object_type":"ITEM_VARIATION","state":"IN_STOCK","location_id":"L1","quantity":"0","calculated_at":"2026-11-21T09:00:01Z"}]}}]}
JSON
    run --separate-stderr "$DINER" stock show --store L1 -o jsonl
    assert_status 0
    [ "$(jq -r '[.store, .product, .qty, .available] | join(" ")' <<<"$output")" = "$(printf 'L1 ITEM1 53.25 53.25\nL1 ITEM2 0 0')" ]
    assert_asked '[.[].body | fromjson] | .[0].states == ["IN_STOCK"] and .[0].location_ids == ["L1"] and .[1].cursor == "n"'
}

@test "Square's errors: the reason it gives, and what they mean" {
    api_script <<'JSON'
{"/v2/orders/search":[{"status":401,"json":{"errors":[{"category":"AUTHENTICATION_ERROR","code":"UNAUTHORIZED","detail":"This request could not be authorized."}]}}],
 "/v2/orders/X":[{"status":404,"json":{"errors":[{"category":"INVALID_REQUEST_ERROR","code":"NOT_FOUND","detail":"Order not found for id X."}]}}],
 "/v2/inventory/counts/batch-retrieve":[{"status":200,"json":{"errors":[{"category":"API_ERROR","code":"INTERNAL_SERVER_ERROR","detail":"half an answer"}],"counts":[]}}]}
JSON
    run --separate-stderr "$DINER" orders list --store L1
    assert_status 4
    assert_stderr_has "UNAUTHORIZED"
    [[ $stderr != *sq-secret-1* ]]
    run --separate-stderr "$DINER" orders show X
    assert_status 1
    assert_stderr_has "Order not found for id X."
    run --separate-stderr "$DINER" stock show --store L1
    assert_status 1
    assert_stderr_has "half an answer"
}

@test "429 of Square is waited for; a page that breaks off half way is asked for again" {
    api_script <<JSON
{"/v2/orders/search":[{"status":429,"json":{"errors":[{"category":"RATE_LIMIT_ERROR","code":"RATE_LIMITED","detail":"slow down"}]}},
 {"json":{"orders":[$(order A OPEN 1600 1600)],"cursor":"c2"}},
 {"json":{"orders":[$(order B OPEN 1600 0)]},"cut":200},
 {"json":{"orders":[$(order B OPEN 1600 0)]}}]}
JSON
    run --separate-stderr "$DINER" orders list --store L1 -o jsonl
    assert_status 0
    [ "$(jq -r .order_no <<<"$output")" = "$(printf 'A\nB')" ]
    assert_asked 'length == 4'
}

@test "a cursor that comes twice, and money of another currency, are errors" {
    api_script <<JSON
{"/v2/orders/search":[{"json":{"orders":[$(order A OPEN 1600 1600)],"cursor":"c2"}},
 {"json":{"orders":[$(order B OPEN 1600 1600)],"cursor":"c2"}}]}
JSON
    run --separate-stderr "$DINER" orders list --store L1
    assert_status 1
    assert_stderr_has "goes in circles"
    DINER_CURRENCY=CNY run --separate-stderr "$DINER" orders list --store L1
    assert_status 1
    assert_stderr_has "maps 'total_amount': expected CNY, found 'USD'"
    assert_stderr_has "setting 'currency'"
}

@test "what a platform's connector cannot do is refused, and nothing is sent" {
    api_script <<<'{}'
    for command in "create --store L1 --item A=1" "pay A" "cancel A --reason x --yes" "refund A --reason x --yes" \
        "show A --history"; do
        # shellcheck disable=SC2086 # words on purpose
        run --separate-stderr "$DINER" orders $command
        [ "$status" -ne 0 ]
        case $command in show*) continue ;; esac
        assert_status 3
        assert_stderr_has "cannot be done through connector 'square'"
    done
    # An order of its own, or a filter, that the platform has not: never in silence without it.
    for option in --sort=-created_at --sort=total_amount "--payment-status paid"; do
        # shellcheck disable=SC2086 # words on purpose
        run --separate-stderr "$DINER" orders list --store L1 $option
        assert_status 3
        assert_stderr_has "resource 'orders' of connector 'square': there is no parameter '"
        assert_stderr_has "leave it out: it cannot be asked for there"
    done
    run --separate-stderr "$DINER" stock show --store L1 --sort qty
    assert_status 3
    run --separate-stderr "$DINER" stock adjust --store L1 --product A --by 1 --reason adjust
    [ "$status" -ne 0 ]
    assert_asked '[.[] | select(.method != "GET")] | length == 0'
}

# ---- when it cannot be reached -----------------------------------------------------------------

@test "with platform.cache what was read last is shown, marked, while the platform is down" {
    export DINER_PLATFORM_CACHE=1h DINER_RETRY_MAX=0
    local person='"fulfillments":[{"type":"PICKUP","pickup_details":{"recipient":{"display_name":"Zoe Quinn","phone_number":"+1-425-555-0179"}}}]'
    api_script <<JSON
{"/v2/orders/search":[{"json":{"orders":[$(order A OPEN 1600 1600)],"cursor":"c2"}},{"json":{"orders":[$(order B OPEN 1600 0)]}},{"status":503}],
 "/v2/orders/A":[{"json":{"order":$(order A OPEN 1600 1600 | jq -c ". + {$person}")}},{"drop":true}]}
JSON
    run --separate-stderr "$DINER" orders list --store L1 -o json
    assert_status 0
    fresh=$output
    jq -e 'length == 2 and (.[0] | has("degraded") | not)' <<<"$fresh"
    run --separate-stderr "$DINER" orders show A -o json
    assert_status 0
    jq -e 'has("degraded") | not' <<<"$output"
    # Readable by their owner only, and without the persons in them.
    [ "$(find state/cache -name 'square.*.json' -perm 600 | wc -l)" -eq 2 ]
    [ "$(find state/cache -type d -perm 700 | wc -l)" -eq 1 ]
    run grep -rlE 'Zoe|555-0179|sq-secret' state
    [ "$status" -eq 1 ]

    run --separate-stderr "$DINER" orders list --store L1 -o json
    assert_status 0
    jq -e --argjson fresh "$fresh" 'all(.degraded == true and .age_s >= 0) and map(del(.degraded, .age_s)) == $fresh' <<<"$output"
    assert_stderr_has "the platform cannot be reached, this is as it was"
    run --separate-stderr "$DINER" orders show A -o json
    assert_status 0
    jq -e '.degraded == true and .age_s >= 0 and .order_no == "A"' <<<"$output"
    run --separate-stderr "$DINER" orders list --store L1
    assert_status 0
    assert_stdout_has "DEGRADED"
    # What was not asked before is not known.
    run --separate-stderr "$DINER" orders list --store L2
    assert_status 5
    # Too old, or not wanted: the error stands.
    sleep 1.1
    DINER_PLATFORM_CACHE=1s run --separate-stderr "$DINER" orders show A
    assert_status 5
    DINER_PLATFORM_CACHE=0s run --separate-stderr "$DINER" orders list --store L1
    assert_status 5
}

@test "without platform.cache nothing is kept; a refusal is never covered by it" {
    export DINER_RETRY_MAX=0
    api_script <<<"{\"/v2/orders/A\":[{\"json\":{\"order\":$(order A OPEN 1600 1600)}}]}"
    run --separate-stderr "$DINER" orders show A
    assert_status 0
    [ ! -e state/cache ]
    export DINER_PLATFORM_CACHE=1h
    api_script <<<"{\"/v2/orders/A\":[{\"json\":{\"order\":$(order A OPEN 1600 1600)}},{\"status\":404,\"json\":{\"errors\":[{\"code\":\"NOT_FOUND\",\"detail\":\"gone\"}]}}]}"
    run --separate-stderr "$DINER" orders show A
    assert_status 0
    run --separate-stderr "$DINER" orders show A
    assert_status 1
    assert_stderr_has "gone"
}

# ---- several addresses -------------------------------------------------------------------------

shops() { # ADDRESSES AND MORE: a platform `shop` of one list, stock
    connector shop >/dev/null <<YAML
$1
resources:
  stock: { path: /stock, records: /data, map: { store: /s, product: /p, qty: /q } }
  order_pay: { method: POST, path: "/pay/\${order_no}" }
YAML
    export DINER_PLATFORM_CONNECTOR=shop
}
dead() { echo "http://127.0.0.1:1"; } # nobody listens there

@test "addresses are tried in turn; what was answered is not asked twice" {
    shops "addresses: [$(api_url)]"
    sed -i "s|^base_url: .*|base_url: $(dead)|" connectors/shop.yaml
    api_script <<<'{"/stock":[{"json":{"data":[{"s":"S1","p":"P1","q":"3"}]}}],"/pay/A":[{"json":{"data":{"order_no":"A","status":"paid","payment_status":"paid"}}}]}'
    run --separate-stderr "$DINER" stock show -o jsonl
    assert_status 0
    [ "$(jq -r .qty <<<"$output")" = 3 ]
    # A write has its idempotency key: it goes on, and arrives once.
    run --separate-stderr "$DINER" orders pay A -o json
    assert_status 0
    assert_asked '[.[] | select(.path == "/pay/A")] | length == 1 and (.[0].headers["idempotency-key"] | length == 36)'
}

@test "an address that says 503 is passed over, one that refuses is not" {
    shops "addresses: [$(api_url)/second]"
    api_script <<<'{"/stock":[{"status":503}],"/second/stock":[{"json":{"data":[]}}]}'
    run --separate-stderr "$DINER" stock show -o json
    assert_status 0
    assert_asked '[.[].path] == ["/stock", "/second/stock"]'
    api_script <<<'{"/stock":[{"status":404}],"/second/stock":[{"json":{"data":[]}}]}'
    run --separate-stderr "$DINER" stock show -o json
    [ "$status" -ne 0 ]
    assert_asked '[.[].path] == ["/stock"]'
}

@test "429 and 500 of the first address are waited for as of an only one" {
    shops "addresses: [$(api_url)/second]"
    api_script <<<'{"/stock":[{"status":429,"headers":{"Retry-After":"0"}},{"status":500},{"json":{"data":[]}}],"/second/stock":[{"json":{"data":[]}}]}'
    run --separate-stderr "$DINER" stock show -o json
    assert_status 0
    assert_asked '[.[].path] == ["/stock", "/stock", "/stock"]'
}

@test "a POST without an idempotency key is not sent to a second address" {
    shops "addresses: [$(api_url)/second]"
    cat >>connectors/shop.yaml <<'YAML'
  poke: { method: POST, path: /poke, body: { a: 1 } }
YAML
    api_script <<<'{"/poke":[{"drop":true}],"/second/poke":[{"json":{}}]}'
    cat >p.yaml <<'YAML'
version: 1
name: p
streams:
  s: { source: { connector: shop, resource: poke }, target: { file: out.csv }, columns: { a: text } }
YAML
    run --separate-stderr "$DINER" pipeline preview ./p.yaml
    [ "$status" -ne 0 ]
    assert_asked '[.[].path] == ["/poke"]'
}

@test "addresses from Consul: passing instances, kept for a while, the last known ones when it is gone" {
    local port=${SQUARE_URL##*:}
    shops "discover: { consul: \"$(api_url)\", service: shop, max_age: 1s, token: env:CONSUL_HTTP_TOKEN }"
    sed -i "s|^base_url: .*|base_url: $(dead)/v1|" connectors/shop.yaml
    export CONSUL_HTTP_TOKEN=consul-secret
    api_script <<JSON
{"/v1/health/service/shop?passing=true":[{"json":[
   {"Node":{"Address":"127.0.0.9"},"Service":{"Address":"127.0.0.1","Port":2}},
   {"Node":{"Address":"127.0.0.1"},"Service":{"Address":"","Port":$port}}]},{"status":500}],
 "/v1/stock":[{"json":{"data":[]}}]}
JSON
    run --separate-stderr "$DINER" stock show -o json
    assert_status 0
    assert_stderr_is ""
    assert_asked '[.[].path] == ["/v1/health/service/shop", "/v1/stock"] and .[0].headers["x-consul-token"] == "consul-secret"
        and (.[1].headers | has("x-consul-token") | not)'
    run --separate-stderr "$DINER" stock show -o json # young: not asked again
    assert_status 0
    sleep 2.1
    run --separate-stderr "$DINER" stock show -o json # Consul fails: as it was
    assert_status 0
    assert_stderr_has "uses the addresses of"
    assert_asked '[.[].path] | map(select(startswith("/v1/health"))) | length >= 2 and length <= 3'
    [ "$(find state/cache -name 'shop.consul.json' -perm 600 | wc -l)" -eq 1 ]
}

# ---- a third ---------------------------------------------------------------------------------

@test "the third platform of docs/connectors.md, as it stands there" {
    mkdir connectors
    sed -n '/^name: bistro$/,/^```$/p' "$PROJECT/docs/connectors.md" | sed '$d' >body
    { echo 'version: 1'; cat body; } >connectors/bistro.yaml
    [ "$(grep -c . connectors/bistro.yaml)" -le 24 ]
    export DINER_CONNECTOR_PATH=$PWD/connectors DINER_PLATFORM_CONNECTOR=bistro BISTRO_KEY=k1 DINER_TIMEZONE=Asia/Shanghai
    BISTRO_URL=$(api_url)
    export BISTRO_URL
    api_script <<'JSON'
{"/v1/tickets":[{"json":{"tickets":[{"no":"T1","shop":"S9","state":1,"cents":1250,"opened":1763712000,"changed":1763712060,
    "lines":[{"sku":"A1","title":"面","price":1250,"count":"1"}]}]}},{"json":{"tickets":[]}}],
 "/v1/tickets/T1":[{"json":{"ticket":{"no":"T1","shop":"S9","state":1,"cents":1250,"opened":1763712000,"changed":1763712060,
    "lines":[{"sku":"A1","title":"面","price":1250,"count":"1"}]}}}],
 "/v1/stock":[{"json":{"stock":[{"shop":"S9","sku":"A1","left":"7.5"}]}}]}
JSON
    export DINER_CURRENCY=CNY
    run --separate-stderr "$DINER" orders list --store S9 --status paid -o jsonl
    assert_status 0
    jq -e '.order_no == "T1" and .status == "paid" and .total_amount == {"amount_minor":1250,"currency":"CNY"} and
        .created_at == "2025-11-21T08:00:00Z"' <<<"$output"
    run --separate-stderr "$DINER" orders show T1 -o json
    assert_status 0
    jq -e '.items[0].product_name == "面" and .items[0].price == "12.50"' <<<"$output"
    run --separate-stderr "$DINER" stock show --store S9 -o jsonl
    assert_status 0
    [ "$(jq -r .qty <<<"$output")" = 7.5 ]
    assert_asked '.[0].query.state == "1" and .[0].query.shop == "S9" and .[0].headers["x-api-key"] == "k1"'
}
