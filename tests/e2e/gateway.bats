#!/usr/bin/env bats
# configs/nginx before two `diner serve` on one database; configs/kong by its structure, and a real token.
load ../helper

setup_file() {
    export DINER_RATE_INTEGRATION_MINUTE=1000000/m DINER_RATE_INTEGRATION_HOUR=9000000/h
    dev_start --orders 0
    cd "$FILE_DIR" || return 1
    export DINER_RATE_PROXIES=127.0.0.1 DINER_JWT_SECRET=0123456789abcdef0123456789abcdef NGINX_PORT HTTP_PORT PORT_A PORT_B TOKEN
    NGINX_PORT=$(free_port) HTTP_PORT=$(free_port) PORT_A=$(free_port) PORT_B=$(free_port)
    serve a "$PORT_A" && serve b "$PORT_B" && gateway_start || return 1
    TOKEN=$(jq -n --rawfile p "$DINER_DEV_DIR/secrets/integration" '{username: "integration", password: $p}' |
        curl -sf "http://127.0.0.1:$PORT_A/api/v1/auth/login" --json @- | jq -r .data.access_token)
}
teardown_file() {
    local name
    for name in nginx a b; do
        if [ -e "$FILE_DIR/$name.pid" ]; then kill -TERM "$(cat "$FILE_DIR/$name.pid")" 2>/dev/null || true; fi
    done
    wait_for 10 nobody_left
    dev_stop
}
nobody_left() {
    local name
    for name in nginx a b; do
        if [ -s "$FILE_DIR/$name.pid" ] && is_alive "$(cat "$FILE_DIR/$name.pid")"; then return 1; fi
    done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

serve() { # NAME PORT
    rm -f "$FILE_DIR/$1.port"
    "$DINER" --log-format json --log-level info serve --db "$(dev_dsn)" --listen "127.0.0.1:$2" \
        --port-file "$FILE_DIR/$1.port" >>"$FILE_DIR/$1.log" 2>&1 3>&- &
    echo $! >"$FILE_DIR/$1.pid"
    wait_for 10 test -s "$FILE_DIR/$1.port"
}

# The shipped file with this file's ports and directories; what Debian's nginx.conf says around it.
gateway_start() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=api.example.com -addext subjectAltName=DNS:api.example.com \
        -keyout key.pem -out ca.pem 2>/dev/null || return 1
    sed -E "s|127.0.0.1:8080|127.0.0.1:$PORT_A|; s|127.0.0.1:8081|127.0.0.1:$PORT_B|; s|fail_timeout=10s|fail_timeout=1s|
        s|listen 443|listen 127.0.0.1:$NGINX_PORT|; s|listen 80|listen 127.0.0.1:$HTTP_PORT|
        s|/etc/diner/tls/api.crt|$PWD/ca.pem|; s|/etc/diner/tls/api.key|$PWD/key.pem|
        s|/var/log/nginx/diner.log|$PWD/access.log|" "$PROJECT/configs/nginx/diner.conf" >diner.conf
    local temp
    for temp in client_body proxy fastcgi uwsgi scgi; do echo "${temp}_temp_path $PWD/$temp;"; done >temp.conf
    cat >nginx.conf <<TXT
user $(id -un);
pid $PWD/nginx.pid;
error_log $PWD/error.log;
worker_processes 2;
events {}
http { include $PWD/temp.conf; include $PWD/diner.conf; }
TXT
    nginx -q -t -c "$PWD/nginx.conf" && nginx -c "$PWD/nginx.conf" 3>&- && wait_for 10 test -s nginx.pid
}

ask() { # CURL-ARGUMENT... PATH: the status; headers and body in head, body
    curl -s --cacert "$FILE_DIR/ca.pem" --connect-to "api.example.com:443:127.0.0.1:$NGINX_PORT" -D head -o body -w '%{http_code}' \
        "${@:1:$#-1}" "https://api.example.com${*: -1}"
}

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "the file names the addresses and limits that it says" {
    run nginx -T -c "$FILE_DIR/nginx.conf"
    assert_status 0
    assert_stdout_has "least_conn"
    assert_stdout_has "max_fails=3"
}

@test "what is for outside is passed on, with an id that all logs have; the rest is not there" {
    assert_equal "$(ask /health)" 200
    assert_equal "$(ask -H 'X-Request-Id: gate-7' -H "Authorization: Bearer $TOKEN" /api/v1/stores)" 200
    grep -qi '^X-Request-Id: gate-7' head
    wait_for 5 grep -qs '"request_id":"gate-7"' "$FILE_DIR/access.log"
    grep -qh '"request_id":"gate-7"' "$FILE_DIR/a.log" "$FILE_DIR/b.log"
    # One that could break a log line is replaced.
    assert_equal "$(ask -H 'X-Request-Id: a"b' "/api/v1/members?phone=18012345678")" 401
    run ! grep -E '18012345678|a\\?"b' "$FILE_DIR/access.log"
    local path
    for path in /metrics /ready /elsewhere; do
        assert_equal "$(ask "$path")" 404
        jq -e '.code == 404 and .error == "not_found" and (.trace_id | test("^[0-9a-f]{32}$"))' body
    done
    assert_equal "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: api.example.com' "http://127.0.0.1:$HTTP_PORT/api/v1/stores")" \
        "308 https://api.example.com/api/v1/stores"
}

@test "who has no token is limited by the address behind the gateway, whatever it says of itself" {
    answer() { ask -H 'Authorization: Bearer x' --interface "$@" /api/v1/stores; }
    # A quota fills up again while a busy machine comes to ask.
    refused() {
        for _ in {1..10}; do
            curl -s -o /dev/null -H 'Authorization: Bearer x' -H 'X-Forwarded-For: 198.51.100.1, 127.0.0.2' -K urls
            [ "$(answer "$@")" != 429 ] || return 0
        done
        fail "never refused: $*"
    }
    for server in "$PORT_A" "$PORT_B"; do # each counts for itself
        for _ in {1..101}; do echo "url = http://127.0.0.1:$server/api/v1/stores"; done
    done >urls
    refused 127.0.0.2
    refused 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.9'
    assert_equal "$(answer 127.0.0.3)" 401
}

@test "a server is killed: 150 orders go on, none is refused and none is made twice" {
    before=$(sql "select count(*) from app.orders")
    stock="select trunc(s.qty) from app.stock s join app.products p on p.id = s.product_id join app.stores o on o.id = s.store_id
        where p.sku = 'P1002' and o.code = 'S001'"
    left=$(sql "$stock")
    run --separate-stderr "$PROJECT/tests/e2e/gateway_orders.py" "$NGINX_PORT" "$FILE_DIR/ca.pem" 150 "$(cat "$FILE_DIR/a.pid")"
    assert_status 0
    [[ $output == "201:150 replayed "* ]] || fail "$(tail -3 "$FILE_DIR/error.log")"
    assert_sql "select count(*) - $before from app.orders" 150
    # The same again: every answer is the first one.
    run --separate-stderr "$PROJECT/tests/e2e/gateway_orders.py" "$NGINX_PORT" "$FILE_DIR/ca.pem" 150
    assert_stdout_is "201:150 replayed 150"
    assert_sql "select count(*) - $before from app.orders" 150
    assert_sql "$stock" $((${left%.*} - 150))
}

@test "the server that was killed is asked again when it is back" {
    serve a "$PORT_A"
    served() { ask /health >/dev/null; tail -1 "$FILE_DIR/access.log" | grep -q "\"server\":\"127.0.0.1:$PORT_A\""; }
    wait_for 10 served
}

# What Kong itself would say is not tried: it is no package of Debian. Its rules of matching are: a pattern first, then
# the longest prefix, of the routes that have the method.
@test "kong.yaml: each operation has its route, by token or without, and a real token is let through" {
    export LIMITS
    LIMITS=$(env -i "$DINER" config show -o json | jq -c 'map(select(.setting | startswith("rate.integration"))) | map({(.setting): .value}) | add')
    python3 - "$PROJECT" <<'PY'
import base64, hashlib, hmac, json, os, re, sys, yaml
text = open(sys.argv[1] + "/configs/kong/kong.yaml").read()
kong = yaml.safe_load(text.replace("${DINER_JWT_SECRET}", os.environ["DINER_JWT_SECRET"]))
api = yaml.safe_load(open(sys.argv[1] + "/lib/platform/openapi.yaml"))
assert kong.keys() == {"_format_version", "upstreams", "consumers", "services", "plugins"} and kong["_format_version"] == "3.0"
routes = []
for s in kong["services"]:
    assert s.keys() == {"name", "host", "port", "protocol", "connect_timeout", "read_timeout", "retries", "routes"}
    assert s["host"] == kong["upstreams"][0]["name"]
    for r in s["routes"]:
        assert r.keys() <= {"name", "paths", "methods", "strip_path", "plugins"} and not r["strip_path"]
        routes.append(r)
assert len({s["name"] for s in kong["services"]}) == len(kong["services"]) and len({r["name"] for r in routes}) == len(routes)

def route_of(method, path):
    found = [r for r in routes if method in r["methods"] and any(p[0] == "~" and re.match(p[1:], path) for p in r["paths"])]
    if not found:
        prefixes = [(len(p), i) for i, r in enumerate(routes) for p in r["paths"] if method in r["methods"] and path.startswith(p)]
        found = [routes[max(prefixes)[1]]] if prefixes else []
    return found[0] if found else None

used = set()
for pattern, operations in api["paths"].items():
    path = re.sub(r"\{[^}]*\}", "S001", pattern)
    for method in {"get", "post", "put", "patch", "delete"} & operations.keys():
        r = route_of(method.upper(), path)
        if not pattern.startswith("/api/v1/"):
            assert r is None, path
            continue
        assert r is not None, (method, path)
        asks = [p["name"] for p in r.get("plugins", [])] == ["jwt"]
        assert asks == (operations[method].get("security", [{}]) != []), (method, path)
        used.add(r["name"])
assert used == {r["name"] for r in routes}
assert route_of("POST", "/api/v1/payments/callbacks/a/b") is None

(jwt,) = {json.dumps(p["config"]) for r in routes for p in r.get("plugins", [])}
jwt, (credential,) = json.loads(jwt), kong["consumers"][0]["jwt_secrets"]
header, claims, signature = os.environ["TOKEN"].split(".")
part = lambda s: json.loads(base64.urlsafe_b64decode(s + "=="))
assert part(header)["alg"] == credential["algorithm"] and part(claims)[jwt["key_claim_name"]] == credential["key"]
assert all(c in part(claims) for c in jwt["claims_to_verify"])
mac = hmac.new(credential["secret"].encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
limits = json.loads(os.environ["LIMITS"])
(rate,) = [p["config"] for p in kong["plugins"] if p["name"] == "rate-limiting"]
assert (f"{rate['minute']}/m", f"{rate['hour']}/h") == (limits["rate.integration_minute"], limits["rate.integration_hour"])
PY
}

@test "nobody is there: 503 in the platform's words; too fast: 429" {
    kill -KILL "$(cat "$FILE_DIR/a.pid")" "$(cat "$FILE_DIR/b.pid")"
    assert_equal "$(ask -H "Authorization: Bearer $TOKEN" /api/v1/stores)" 503
    jq -e '.code == 503 and .error == "unavailable"' body
    grep -qi '^Retry-After: 5' head
    curl -s --cacert "$FILE_DIR/ca.pem" --connect-to "api.example.com:443:127.0.0.1:$NGINX_PORT" -Z --parallel-max 20 -o 'answer#1' \
        -w '%{http_code}\n' "https://api.example.com/api/v1/stores?[1-400]" >statuses 2>/dev/null
    assert_equal "$(sort -u statuses | paste -sd' ')" "429 503"
    curl -s --cacert "$FILE_DIR/ca.pem" --connect-to "api.example.com:443:127.0.0.1:$NGINX_PORT" -Z --parallel-max 20 -o 'keyed#1' \
        -H 'Idempotency-Key: k-0' --json '{}' "https://api.example.com/api/v1/orders?[1-100]" 2>/dev/null
    cat keyed* | jq -se 'map(select(.code == 429))[0] | .error == "rate_limited"'
    cat answer* | jq -se 'map(select(.code == 429))[0] | .error == "rate_limited"'
}

# Servers that take a request and die over it.
@test "a write is sent to another server only under a key, a read always" {
    local port hook_a hook_b
    for port in a b; do
        "$PROJECT/tests/http_server.py" >"$port.port" 3>&- &
        echo $! >>pids
        wait_for 5 test -s "$port.port"
        curl -sf -X PUT "http://127.0.0.1:$(cat "$port.port")/_script" -d '{"/api/v1/orders": [{"drop": true}]}' >/dev/null
    done
    hook_a=$(cat a.port) hook_b=$(cat b.port)
    sed -i "s/:$PORT_A/:$hook_a/; s/:$PORT_B/:$hook_b/; s/max_fails=3/max_fails=0/" "$FILE_DIR/diner.conf"
    nginx -q -s reload -c "$FILE_DIR/nginx.conf"
    seen() { curl -s "http://127.0.0.1:$hook_a/_log" "http://127.0.0.1:$hook_b/_log" | jq -s 'map(.[]) | length'; }
    tried() { # CURL-ARGUMENT...: how many servers got it
        local before
        before=$(seen)
        [ "$(ask "$@" /api/v1/orders)" = 503 ] || fail "$(cat body)"
        echo $(($(seen) - before))
    }
    reached() { tried && [ "$(seen)" -gt 0 ]; } # the new workers have taken over
    wait_for 5 reached
    tries="$(tried) $(tried --json '{}') $(tried --json '{}' -H 'Idempotency-Key: k-1')"
    while read -r pid; do kill -TERM "$pid"; done <pids
    assert_equal "$tries" "2 1 2"
}
