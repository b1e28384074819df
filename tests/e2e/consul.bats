#!/usr/bin/env bats
# diner serve in Consul: registered, checked, found by clients, told again, taken out.
load ../helper

TOKEN='consul-acl-token-1'

setup_file() { dev_start --orders 5; }
teardown_file() { dev_stop; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    printf '%s\n' "$TOKEN" >token
    chmod 600 token
    # What clients know besides leads nowhere: who finds the platform has asked Consul.
    sed -e 's#^  url: .*#  url: http://127.0.0.1:1#' "$DINER_CONFIG" >diner.yaml
    chmod 600 diner.yaml
    export DINER_CONFIG=$PWD/diner.yaml DINER_STATE_DIR=$PWD/state
}
teardown() {
    for pid in $server $agent; do
        kill -TERM "$pid" 2>/dev/null
        wait "$pid" || true
    done
}

agent_start() { # [OPTION...]: asks for the token, at the same port again
    "$PROJECT/tests/consul_agent.py" agent.port asked.jsonl --token "$TOKEN" "$@" 3>&- &
    agent=$!
    wait_for 10 test -s agent.port
    consul="http://127.0.0.1:$(cat agent.port)"
}
agent_stop() {
    kill "$agent"
    wait "$agent" || true
}
serve() { # [VARIABLE=VALUE...]
    env DINER_JWT_SECRET=0123456789abcdef0123456789abcdef DINER_CONSUL_URL="$consul" DINER_CONSUL_TOKEN="file:$PWD/token" \
        DINER_CONSUL_CHECK_EVERY=1s DINER_CONSUL_TAGS=blue "$@" \
        "$DINER" --log-format json serve --listen 127.0.0.1:0 --port-file port >out 2>log 3>&- &
    server=$!
    wait_for 20 test -s port
    id=diner-127.0.0.1-$(cat port)
}
instances() { curl -sS -f -H "X-Consul-Token: $TOKEN" "$consul/v1/health/service/diner?passing=true"; }
count_is() { [ "$(instances | jq length)" -eq "$1" ]; }
seen() { grep -c "$1" asked.jsonl; } # of the requests to the agent
was_looked_at_twice() { [ "$(seen "\"GET\", \"path\": \"/v1/agent/service/$id\"")" -ge 2 ]; }
client() { DINER_CONSUL_URL=$consul DINER_CONSUL_TOKEN="file:$PWD/token" "$DINER" "$@"; }

@test "a server registers, its check passes, a client finds it by Consul alone; it goes before it stops" {
    agent_start
    serve
    wait_for 20 count_is 1
    jq -se --arg id "$id" --argjson port "$(cat port)" 'map(select(.path == "/v1/agent/service/register")) | length == 1 and
        (.[0].body | fromjson | .ID == $id and .Name == "diner" and .Port == $port and .Tags == ["blue"] and
            .Check.HTTP == "http://127.0.0.1:\($port)/health" and .Check.Interval == "1000ms")' asked.jsonl
    run --separate-stderr client orders list --limit 2 -o json
    assert_status 0
    assert_json 'length == 2'
    run --separate-stderr "$DINER" orders list --limit 2 # without Consul there is no way
    assert_status 5
    kill -TERM "$server"
    wait "$server"
    jq -se --arg id "$id" 'last | .method == "PUT" and .path == "/v1/agent/service/deregister/\($id)" and .status == 200' asked.jsonl
    jq -se '[.[].msg] | index("taken out of Consul") > index("stopping")' log
    count_is 0
    run ! grep -F "$TOKEN" log
}

@test "an agent that was restarted empty is told again; one that knows is not" {
    agent_start
    serve
    wait_for 20 count_is 1
    wait_for 20 was_looked_at_twice
    assert_equal "$(seen /v1/agent/service/register)" 1
    agent_stop
    agent_start --port "$(cat agent.port)"
    wait_for 20 count_is 1
    assert_equal "$(seen /v1/agent/service/register)" 2
}

@test "without an agent the server serves, says so once, and registers when there is one" {
    agent_start
    agent_stop
    serve
    curl -sS -f "http://127.0.0.1:$(cat port)/health" | jq -e '.data.status == "ok"'
    wait_for 20 grep -q "not registered with Consul" log
    agent_start --port "$(cat agent.port)"
    wait_for 20 count_is 1
    assert_equal "$(grep -c 'not registered with Consul' log)" 1
}

@test "a refused token is told, and no secret with it" {
    agent_start
    echo wrong-consul-token >token
    serve
    wait_for 20 grep -q "not registered with Consul" log
    grep -q "Permission denied" log
    echo "$TOKEN" >token
    run ! grep -F wrong-consul-token log
}

@test "a server that was killed fails its check, and clients are not sent to it" {
    agent_start
    serve
    wait_for 20 count_is 1
    first=$server
    mv port port.first
    serve
    wait_for 20 count_is 2
    kill -KILL "$first"
    wait "$first" || true
    wait_for 20 count_is 1
    instances | jq -e --argjson port "$(cat port)" '.[0].Service.Port == $port'
    run --separate-stderr client orders list --limit 2 -o json
    assert_status 0
}

@test "an address that leads nowhere for others is refused, unless it is said" {
    consul=http://127.0.0.1:1
    DINER_CONSUL_URL=$consul run --separate-stderr "$DINER" serve --listen 0.0.0.0:0
    assert_status 3
    assert_stderr_has "'0.0.0.0:0' is no address that Consul could tell others"
    assert_stderr_has "set consul.address"
    agent_start
    serve DINER_CONSUL_ADDRESS=localhost DINER_CONSUL_SERVICE="our shop"
    wait_for 20 grep -q register asked.jsonl
    jq -se --argjson port "$(cat port)" '.[0].body | fromjson | .ID == "our shop-localhost-\($port)" and .Address == "localhost" and
        .Check.HTTP == "http://localhost:\($port)/health"' asked.jsonl
    port=$(cat port)
    kill -TERM "$server"
    wait "$server"
    grep -q "/v1/agent/service/deregister/our%20shop-localhost-$port" asked.jsonl
}
