#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# Traces by OTLP and OpenLineage events: what a collector gets, and that nobody waits for it.
bats_require_minimum_version 1.5.0
load ../helper
load api
load pipelines

setup_file() {
    dev_start --orders 20 --seed 5
    api_start
}
teardown_file() {
    api_stop
    dev_stop
}
setup() {
    pipelines_setup
    echo '{"/v1/traces": [{"json": {}}], "/api/v1/lineage": [{"status": 201, "json": {}}]}' | api_script
}

# Spans as the collector has them, one JSON object each: service, trace, id, parent, name, failed, attributes {}.
spans() {
    api_log | jq -c '.[] | select(.path == "/v1/traces") | .body | fromjson | .resourceSpans[]
        | (.resource.attributes[] | select(.key == "service.name").value.stringValue) as $service
        | .scopeSpans[].spans[] | {service: $service, trace: .traceId, id: .spanId, parent: .parentSpanId, name, kind,
            failed: .status.message, attributes: ([.attributes[] | {key, value: (.value.stringValue // .value.intValue)}] | from_entries)}'
}
assert_spans() { # JQ-FILTER over all of them
    spans | jq -se "$1" >/dev/null || fail "expected of the spans: $1" "$(spans)"
}
traced() { OTEL_EXPORTER_OTLP_ENDPOINT=$(api_url) "$@"; }

@test "a run is a trace: the command, its streams, their statements; parameters are not told" {
    pipeline p <<'YAML'
params: { phone: { default: "13800001111" } }
streams:
  s:
    source: { connection: warehouse, query: "select order_no from app.orders where order_no <> ${params.phone}" }
    mode: merge
    key: [order_no]
YAML
    export DINER_TELEMETRY_OTLP_TOKEN=env:SECRET_TOKEN SECRET_TOKEN=tok-en-123456
    TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 traced run --separate-stderr "$DINER" run p
    assert_status 0
    refute_stderr_has 'trace was not sent'
    assert_asked '[.[] | select(.path == "/v1/traces")] | length == 1 and .[0].headers.authorization == "Bearer tok-en-123456"'
    assert_spans 'map(.trace) | unique == ["0af7651916cd43dd8448eb211c80319c"]'
    assert_spans '(map(select(.name == "diner run"))[0]) as $run | $run.parent == "b7ad6b7169203331"
        and $run.attributes["process.exit.code"] == "0"
        and (map(select(.name == "p.s"))[0] | .parent == $run.id and .attributes["diner.rows_read"] == "20")'
    assert_spans '(map(select(.name == "p.s"))[0].id) as $stream
        | map(select(.parent == $stream and .attributes["db.system"] == "postgresql")) | length > 5'
    run ! grep -q 13800001111 <<<"$(spans)"
}

@test "what failed says so, by SQLSTATE and by the command's error" {
    pipeline p <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select 1/0 as x" }
    mode: append
YAML
    traced run --separate-stderr "$DINER" run p
    [ "$status" -ne 0 ]
    assert_spans 'any(.failed == "22012")'
    assert_spans 'map(select(.name == "diner run"))[0].failed != null'
}

@test "workers of a run send theirs, each span once" {
    pipeline p <<'YAML'
streams:
  parents: { source: { connection: warehouse, query: "select code from app.stores" }, mode: merge, key: [code] }
  s:
    needs: [parents]
    source: { connection: warehouse, query: "select order_no, '${item.code}' as store from app.orders limit 3", for_each: { stream: parents, bind: { code: code } } }
    mode: merge
    key: [order_no, store]
YAML
    traced run --separate-stderr "$DINER" run p --jobs 2
    assert_spans 'map(select(.attributes["db.statement"] // "" | contains("limit 3"))) | length >= 3'
    assert_spans '(map(.id) | unique | length) == length'
}

@test "a request goes on in the platform's trace, with its statements" {
    OTEL_SERVICE_NAME=platform OTEL_EXPORTER_OTLP_ENDPOINT=$(api_url) "$DINER" serve --listen 127.0.0.1:0 --port-file port >/dev/null 2>serve.log 3>&- &
    server=$!
    wait_for 10 test -s port
    DINER_PLATFORM_URL=http://127.0.0.1:$(cat port) traced run --separate-stderr "$DINER" orders list -o json
    assert_status 0
    kill "$server"
    wait "$server"
    assert_spans '(map(select(.service == "diner" and .name == "GET"))[0]) as $call
        | (map(select(.service == "platform" and .name == "GET /api/v1/orders"))[0]) as $request
        | $request.parent == $call.id and $request.trace == $call.trace
        and $request.attributes["http.response.status_code"] == "200"
        and (map(select(.parent == $request.id and .attributes["db.system"] == "postgresql")) | length > 0)'
}

@test "an address that is a secret is in no trace" {
    echo '{"/v1/traces": [{"json": {}}], "/services/T0secretpath": [{"body": "ok"}]}' | api_script
    SLACK=$(api_url)/services/T0secretpath DINER_NOTIFY_SLACK_URL=env:SLACK traced run --separate-stderr "$DINER" notify test slack
    assert_status 0
    assert_spans 'any(.name == "POST")'
    run ! grep -q T0secretpath <<<"$(spans)"
}

@test "a collector that is not there, or refuses, changes nothing" {
    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 run --separate-stderr "$DINER" orders list -o json
    assert_status 0
    assert_json 'length > 0'
    assert_stderr_has 'the trace was not sent'
    echo '{"/v1/traces": [{"status": 503}]}' | api_script
    traced run --separate-stderr "$DINER" orders show nope
    assert_status 1
    assert_equal "$(api_log | jq '[.[] | select(.path == "/v1/traces")] | length')" 1
}

events() { api_log | jq -c '[.[] | select(.path == "/api/v1/lineage") | .body | fromjson]'; }
assert_events() { events | jq -e "$1" >/dev/null || fail "expected of the events: $1" "$(events)"; }

@test "lineage: each stream starts and completes, with what it reads and writes" {
    pipeline p <<'YAML'
streams:
  s: { source: { connection: warehouse, table: app.orders }, mode: merge, key: [order_no], columns: { order_no: text } }
YAML
    OPENLINEAGE_URL=$(api_url) OPENLINEAGE_NAMESPACE=chain run --separate-stderr "$DINER" run p
    assert_status 0
    assert_events 'map(.eventType) == ["START", "COMPLETE"] and (map(.run.runId) | unique | length) == 1
        and .[0].job == {namespace: "chain", name: "p.s"} and .[1].inputs == [{namespace: "chain", name: "warehouse app.orders"}]
        and .[1].outputs[0].name == "t.s" and .[1].outputs[0].outputFacets.outputStatistics.rowCount == 20
        and all(.schemaURL and .producer and .eventTime)'
}

@test "lineage: a failure is told with its reason; a receiver that is not there holds up nobody" {
    pipeline p <<'YAML'
streams:
  a: { source: { connection: warehouse, query: "select 1/0 as x" }, mode: append }
  b: { source: { connection: warehouse, query: "select 1 as x" }, mode: append }
YAML
    OPENLINEAGE_URL=$(api_url) run --separate-stderr "$DINER" run p
    [ "$status" -ne 0 ]
    assert_events 'map([.job.name, .eventType]) | contains([["p.a", "FAIL"], ["p.b", "COMPLETE"]])'
    assert_events 'map(select(.eventType == "FAIL"))[0].run.facets.errorMessage.message | test("division by zero")'
    OPENLINEAGE_URL=http://127.0.0.1:1 run --separate-stderr "$DINER" run p --only b
    assert_status 0
    assert_equal "$(grep -c 'lineage is not sent' <<<"$stderr")" 1
    OPENLINEAGE_URL=$(api_url) "$DINER" -q run p --only b --dry-run
    assert_events 'length == 4'
}
