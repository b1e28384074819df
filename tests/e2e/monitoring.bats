#!/usr/bin/env bats
# configs/prometheus, alertmanager and grafana, in a Prometheus that watches a platform and a run.
load ../helper

setup_file() {
    dev_start --orders 50
    # There is no export of the ERP: the night fails.
    cd "$FILE_DIR" || return 1
    export DINER_METRICS_TEXTFILE=$FILE_DIR/textfile/diner.prom
    mkdir textfile
    "$DINER" -q run orders >run.log 2>&1 || return 1
    "$DINER" -q run nightly >>run.log 2>&1 && return 1
    watch_start
}
teardown_file() {
    watch_stop
    dev_stop
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

started() { # PROGRAM ARGUMENT...: in the background, to be ended by watch_stop
    "$@" >>"$FILE_DIR/watch.log" 2>&1 3>&- &
    echo $! >>"$FILE_DIR/pids"
}

watch_stop() {
    local pid
    while read -r pid; do kill -TERM "$pid" 2>/dev/null && tail --pid="$pid" -f /dev/null; done <"$FILE_DIR/pids"
    true
}

# The shipped files with this file's ports, and seconds in place of minutes.
watch_start() {
    local node alert
    node=$(free_port) alert=$(free_port) hook=$(free_port) prometheus=$(free_port)
    export PROMETHEUS=http://127.0.0.1:$prometheus HOOK=http://127.0.0.1:$hook
    sed -E "s/127.0.0.1:9093/127.0.0.1:$alert/; s/127.0.0.1:9100/127.0.0.1:$node/; s/: 15s/: 1s/
        s/127.0.0.1:8080/127.0.0.1:$(cat "$DINER_DEV_DIR/serve.port")/; s/127.0.0.1:8081/127.0.0.1:1/" \
        "$PROJECT/configs/prometheus/prometheus.yml" >prometheus.yml
    sed -E 's/for: .*/for: 1s/' "$PROJECT/configs/prometheus/alerts.yml" >alerts.yml
    sed -E "s/:9094/:$hook/; s/group_wait: .*/group_wait: 1s/" "$PROJECT/configs/alertmanager/alertmanager.yml" >alertmanager.yml
    started "$PROJECT/tests/http_server.py" --port "$hook"
    started prometheus-node-exporter --web.listen-address="127.0.0.1:$node" --collector.disable-defaults \
        --collector.textfile --collector.textfile.directory=textfile
    started prometheus-alertmanager --config.file=alertmanager.yml --storage.path=alerts --cluster.listen-address= \
        --web.listen-address="127.0.0.1:$alert"
    started prometheus --config.file=prometheus.yml --storage.tsdb.path=series --web.listen-address="127.0.0.1:$prometheus"
    wait_for 10 curl -sf -X PUT "$HOOK/_script" -d '{"/alerts": [{"json": {}}]}' || return 1
    wait_for 20 has_samples
}

query() { curl -sf "$PROMETHEUS/api/v1/query" --data-urlencode "query=$1"; }
has_samples() { # a rate needs two
    conflict
    query 'sum(rate(diner_conflicts_total[5m])) and sum(rate(http_requests_total[5m])) > 0' | jq -e '.data.result | length == 1'
}
conflict() { # an order that cannot be
    "$DINER" -q orders create --store S001 --item P1002=99999 2>/dev/null || true
}

@test "the files are well-formed, and each alert fires where it should" {
    cd "$PROJECT/configs/prometheus"
    run promtool check config prometheus.yml
    assert_status 0
    run promtool test rules alerts_test.yml
    assert_status 0
    # Each of them is tried.
    assert_equal "$(grep -oP 'alertname: \K\w+' alerts_test.yml | sort -u)" "$(grep -oP 'alert: \K\w+' alerts.yml | sort -u)"
    run amtool check-config ../alertmanager/alertmanager.yml
    assert_status 0
    run amtool config routes test --config.file=../alertmanager/alertmanager.yml severity=critical alertname=HighErrorRate
    assert_equal "${lines[-1]}" webhook
}

@test "backend_alerts are what perf-report writes for the declared targets" {
    cd "$BATS_TEST_TMPDIR"
    "$DINER" -q perf-report render "$PROJECT/tests/fixtures/perf/study_after.json" -t 'p(95)<500' --lang zh --alerts alerts.yml
    python3 - "$PROJECT/configs/prometheus/alerts.yml" <<'PY'
import sys, yaml
ours, theirs = (yaml.safe_load(open(f))["groups"][0] for f in (sys.argv[1], "alerts.yml"))
assert ours == theirs, (ours, theirs)
PY
}

@test "the limits are the settings' defaults" {
    cd "$PROJECT/configs/prometheus"
    setting() { env -i "$DINER" config show -o json "$1" | jq -r '.[0].value'; }
    assert_equal "$(setting perf.target_p95) $(setting database.connections_warn)" "500ms 80%"
    grep -q 'http_request_duration_seconds_bucket.* > 0\.5$' alerts.yml
    grep -q 'diner_database_connections_max > 0\.8$' alerts.yml
    assert_equal "$(setting rejects.max_rows) $(setting rejects.max_rate)" "100 0.1%"
    grep -q '"rejected"}) > 100 or .* 0\.001 \* ' alerts.yml
}

@test "what a run leaves and what the server shows are well-formed, and every series of the alerts is there" {
    promtool check metrics <"$DINER_METRICS_TEXTFILE"
    curl -s "$(dev_url)/metrics" >"$BATS_TEST_TMPDIR/metrics"
    # active_users_total is a gauge by its declaration: the name is all that is said against it.
    run promtool check metrics <"$BATS_TEST_TMPDIR/metrics"
    [ -z "$(grep -v active_users_total <<<"$output")" ] || fail
    for name in $(grep -oE '\b(diner|http)_[a-z_]+' "$PROJECT/configs/prometheus/alerts.yml" | sort -u); do
        [ "$name" != diner_platform ] || continue # the job
        query "$name" | jq -e '.data.result | length > 0' >/dev/null || fail "no series '$name'"
    done
    curl -s "$PROMETHEUS/api/v1/rules" >"$BATS_TEST_TMPDIR/rules"
    jq -e '.data.groups | map(.rules[]) | length == 8 and all(.health == "ok")' "$BATS_TEST_TMPDIR/rules"
}

@test "the night that failed, and the server that is away, reach the webhook" {
    told() {
        curl -s "$HOOK/_log" | jq -e '[.[] | select(.target == "/alerts") | .body | fromjson | .alerts[] | .labels] |
            any(.alertname == "PipelineRunFailed" and .pipeline == "nightly") and any(.alertname == "PlatformDown")' >/dev/null
    }
    wait_for 20 told
}

@test "the dashboard: every query has an answer, no panel lies on another" {
    python3 - "$PROJECT/configs/grafana/diner.json" "$PROMETHEUS" <<'PY'
import json, sys, urllib.parse, urllib.request
panels = json.load(open(sys.argv[1]))["panels"]
assert len({p["id"] for p in panels}) == len(panels)
taken = set()
for p in panels:
    at = p["gridPos"]
    cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
    assert not cells & taken and at["x"] + at["w"] <= 24, p["title"]
    taken |= cells
    for t in p.get("targets", []):
        url = sys.argv[2] + "/api/v1/query?" + urllib.parse.urlencode({"query": t["expr"]})
        answer = json.load(urllib.request.urlopen(url))
        assert answer["data"]["result"], (p["title"], t["expr"])
PY
}
