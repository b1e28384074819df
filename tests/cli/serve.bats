#!/usr/bin/env bats
# diner serve as an operator sees it: limits reloaded, its log, its metrics.
load ../helper

setup_file() {
    dev_start --orders 20
    "$DINER" db user admin2 --role admin --password "file:$DINER_DEV_DIR/secrets/admin" || return 1
}
teardown_file() { dev_stop; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cat >diner.yaml <<YAML
connections:
  warehouse: { dsn: "$(dev_dsn)" }
YAML
    # A refused token needs no database and is counted by the limit like any request.
    DINER_JWT_SECRET=0123456789abcdef0123456789abcdef DINER_CONFIG=$PWD/diner.yaml \
        "$DINER" --log-format json --log-level info serve --listen 127.0.0.1:0 --port-file port >out 2>log 3>&- &
    server=$!
    wait_for 10 test -s port
    url=http://127.0.0.1:$(cat port)
}
teardown() {
    kill -TERM "$server" 2>/dev/null
    wait "$server" || true
}

asked() { curl -s -o answer -w '%{http_code}' -H 'Authorization: Bearer x' "$url/api/v1/stores"; }

@test "SIGHUP: a new rate holds at once; a broken file changes nothing and is told" {
    for _ in 1 2 3; do assert_equal "$(asked)" 401; done
    echo 'rate: { minute: 1/m }' >>diner.yaml
    kill -HUP "$server"
    wait_for 10 grep -q '"limits reloaded"' log
    asked >/dev/null
    assert_equal "$(asked)" 429
    grep -q '"error":"rate_limited"' answer
    echo 'rate: [' >>diner.yaml
    kill -HUP "$server"
    wait_for 10 grep -q '"limits not reloaded"' log
    assert_equal "$(asked)" 429
    is_alive "$server"
}

@test "a request is one JSON line with its ids, and the order's own events beside it" {
    token=$(jq -n --rawfile p "$DINER_DEV_DIR/secrets/admin" '{username: "admin2", password: $p}' |
        curl -s "$url/api/v1/auth/login" --json @- | jq -r .data.access_token)
    product=$(curl -s -H "Authorization: Bearer $token" "$url/api/v1/stock?store=S001&page_size=1" | jq -r '.data.items[0].product')
    curl -s -o answer -H "Authorization: Bearer $token" -H 'X-Request-Id: req-7' \
        -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' "$url/api/v1/orders" \
        --json "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":[{\"product\":\"$product\",\"quantity\":1}]}"
    no=$(jq -r .data.order_no answer)
    wait_for 5 grep -q '"path":"/api/v1/orders"' log
    jq -se --arg no "$no" '
        (map(select(.path == "/api/v1/orders"))[0] |
            .request_id == "req-7" and .trace_id == "0af7651916cd43dd8448eb211c80319c" and .status == 201 and .user == "admin2") and
        (map(select(.msg == "order.create.start"))[0] | .items_count == 1 and .user_id > 0) and
        (map(select(.msg == "order.create.success"))[0] | .order_id == $no and .request_id == "req-7" and
            .trace_id == "0af7651916cd43dd8448eb211c80319c")' log
    curl -s -o answer -H "Authorization: Bearer $token" "$url/api/v1/orders" \
        --json "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":[{\"product\":\"$product\",\"quantity\":999999}]}"
    wait_for 5 grep -q order.create.failed log
    jq -se 'map(select(.msg == "order.create.failed"))[0] | .items_count == 1 and .user_id > 0 and .order_id == ""
        and (.request_id | length) == 36 and .trace_id == .request_id' log
    run curl -s "$url/metrics"
    assert_stdout_has 'http_requests_total{service="orders",method="POST",endpoint="/api/v1/orders",status="201"} 1'
    assert_stdout_has 'diner_conflicts_total{error="insufficient_stock"} 1'
    ! grep -F "$token" log
}

@test "--only: a server of some modules, with tokens and health; what it has not is nothing there" {
    "$DINER" --config diner.yaml serve --only stock --only stores --listen 127.0.0.1:0 --port-file few >few.out 2>few.log 3>&- &
    few=$!
    wait_for 10 test -s few
    at() { curl -s -o answer -w '%{http_code}' "$@" "http://127.0.0.1:$(cat few)$path"; }
    path=/health && assert_equal "$(at)" 200
    for path in /api/v1/stock /api/v1/stock/S001/P1001 /api/v1/stores /api/v1/profile; do assert_equal "$(at)" 401; done
    for path in /api/v1/orders /api/v1/orders/X-1/history /api/v1/products /api/v1/users; do assert_equal "$(at)" 404; done
    path=/api/v1/auth/login && assert_equal "$(at -X POST --json '{"username":"nobody","password":"x"}')" 401
    kill -TERM "$few" && wait "$few"

    run --separate-stderr "$DINER" --config diner.yaml serve --only ordres --listen 127.0.0.1:0
    assert_status 2
    assert_stderr_has "there is no module 'ordres'"
    assert_stderr_has "the modules are users, members, "
}

# Last: it ends the file's PostgreSQL.
@test "PostgreSQL gone: alive but not ready, 503 with Retry-After; back: served as before" {
    token=$(jq -n --rawfile p "$DINER_DEV_DIR/secrets/admin" '{username: "admin2", password: $p}' |
        curl -s "$url/api/v1/auth/login" --json @- | jq -r .data.access_token)
    get() { curl -s -D head -o answer -w '%{http_code}' -H "Authorization: Bearer $token" "$url$1"; }
    assert_equal "$(get /ready)" 200
    kill -QUIT "$(dev_postgres_pid)"
    is_not_ready() { [ "$(get /ready)" = 503 ]; }
    wait_for 20 is_not_ready
    for path in /ready /api/v1/stores /api/v1/orders; do
        assert_equal "$(get $path)" 503
        grep -qi '^retry-after: [1-9]' head
        jq -e --arg path $path '.error == if $path == "/ready" then "not_ready" else "unavailable" end' answer
    done
    assert_equal "$(get /health)" 200
    assert_equal "$(get /metrics)" 200
    jq -se 'map(select(.msg == "request failed"))[-1] | .request_id and .trace_id and .error' log
    "$DINER" dev up 3>&-
    assert_equal "$(get /ready)" 200
    assert_equal "$(get /api/v1/stores)" 200
}
