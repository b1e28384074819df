#!/usr/bin/env bats
# Reads from a cache in Redis, with a stated age; and that it may stop, hang or lose everything.
load ../helper

setup_file() {
    file_dir
    command -v redis-server >/dev/null || return 0
    redis_start
    dev_start --orders 30 --seed 3
    # A second server over the same database, with a cache.
    DINER_CACHE_URL=unix:$FILE_DIR/redis.sock "$DINER" serve --db "$(dev_dsn)" --listen 127.0.0.1:0 \
        --port-file "$FILE_DIR/serve.port" 2>"$FILE_DIR/serve.log" 3>&- &
    echo $! >"$FILE_DIR/serve.pid"
    wait_for 20 test -s "$FILE_DIR/serve.port"
    DINER_PLATFORM_URL=http://127.0.0.1:$(cat "$FILE_DIR/serve.port")
    export DINER_PLATFORM_URL
}
teardown_file() {
    if [ -f "$FILE_DIR/serve.pid" ]; then kill "$(cat "$FILE_DIR/serve.pid")"; fi
    redis_stop
    dev_stop
}
setup() { command -v redis-server >/dev/null || skip "no redis-server"; }

redis_start() {
    redis-server --port 0 --unixsocket "$FILE_DIR/redis.sock" --unixsocketperm 777 --save '' --daemonize no \
        >"$FILE_DIR/redis.log" 2>&1 3>&- &
    echo $! >"$FILE_DIR/redis.pid"
    wait_for 10 redis ping
}
redis_stop() {
    [ -f "$FILE_DIR/redis.pid" ] || return 0
    kill -CONT "$(cat "$FILE_DIR/redis.pid")" 2>/dev/null || true
    kill "$(cat "$FILE_DIR/redis.pid")" 2>/dev/null || true
    rm -f "$FILE_DIR/redis.pid"
}
redis() { redis-cli -s "$FILE_DIR/redis.sock" "$@"; }
show() { # MAX-AGE [PRODUCT]: of S001
    run --separate-stderr "$DINER" stock show --store S001 --product "${2:-P1002}" --max-age "$1" -o json
    assert_status 0
}
# Reads until it comes from the cache: the first learns the address, the second fills.
warm() { # [PRODUCT]
    for _ in 1 2 3; do show 600s "${1:-P1002}"; done
    assert_json '.[0].source == "cache" and .[0].degraded == false'
}

@test "within its age it comes from the cache, under stock:ID; without a max-age never" {
    warm
    id=$(sql "select id from app.products where sku = 'P1002'")
    assert_equal "$(redis exists "stock:$id")" 1
    [ "$(redis pttl "stock:$id")" -gt 3500000 ]
    # What lies there is what is told, so a lie is seen where the cache is read, and only there.
    sql "update app.stock set qty = qty + 1000 where store_id = 1 and product_id = $id" >/dev/null
    old=$(jq -r '.[0].qty' <<<"$output")
    show 600s
    assert_json ".[0].qty == \"$old\""
    run --separate-stderr "$DINER" stock show --store S001 --product P1002 -o json
    assert_json ".[0].qty != \"$old\""
    sleep 1.1
    show 1s # too old now
    assert_json '.[0].source == "database" and .[0].age_s == 0'
    sql "update app.stock set qty = qty - 1000 where store_id = 1 and product_id = $id" >/dev/null
    run --separate-stderr "$DINER" stock show --max-age 5s
    assert_status 2
}

@test "every change drops it: order, cancel, adjust, count, transfer, reservation, set" {
    warm P1004
    check() { # the cache must not know better than the database
        show 600s P1004
        assert_equal "$(jq -r '.[0].qty + "/" + .[0].reserved' <<<"$output")" \
            "$(sql "select trim_scale(qty) || '/' || trim_scale(reserved) from app.stock where store_id = 1 and product_id = (select id from app.products where sku = 'P1004')")"
        warm P1004
    }
    order=$("$DINER" orders create --store S001 --item P1004=2 -o json | jq -r .order_no)
    check
    "$DINER" orders cancel "$order" --reason x --yes
    check
    "$DINER" stock adjust P1004 --store S001 --by 3
    check
    "$DINER" stock count P1004=50 --store S001
    check
    id=$("$DINER" stock transfer send P1004=4 --from S001 --to S002 -o json | jq -r .id)
    check
    "$DINER" stock transfer cancel "$id"
    check
    "$DINER" stock set P1004 --store S001 --policy flag
    check
}

@test "a reader that was overtaken by a change cannot put back what was true before" {
    warm P1005
    id=$(sql "select id from app.products where sku = 'P1005'")
    redis del "stock:$id"
    show 600s P1005 # a lease is taken, the answer is put
    redis hset "stock:$id" lease:1 somebody >/dev/null
    redis hdel "stock:$id" 1 >/dev/null
    "$DINER" stock adjust P1005 --store S001 --by 1
    assert_equal "$(redis hexists "stock:$id" lease:1)" 0
}

@test "Redis stopped: reads and writes go on, from the database, and its return brings no old values" {
    warm P1006
    had=$(jq -r '.[0].qty' <<<"$output")
    kill -STOP "$(cat "$FILE_DIR/redis.pid")"
    "$DINER" stock adjust P1006 --store S001 --by 5
    show 600s P1006
    assert_json ".[0].source == \"database\" and .[0].qty == \"$(bc <<<"$had + 5")\""
    kill -CONT "$(cat "$FILE_DIR/redis.pid")"
    show 600s P1006
    assert_json ".[0].qty == \"$(bc <<<"$had + 5")\""
}

@test "Redis slow: nobody waits for it beyond the limit, and what it does late brings no old values" {
    warm P1008
    had=$(jq -r '.[0].qty' <<<"$output")
    redis client pause 3000 all # answers everything after that, commands of clients that left as well
    show 600s P1008
    assert_json ".[0].source == \"database\" and .[0].qty == \"$had\""
    "$DINER" stock adjust P1008 --store S001 --by 5
    show 600s P1008
    assert_json ".[0].source == \"database\" and .[0].qty == \"$(bc <<<"$had + 5")\""
    assert_equal "$(redis ping)" PONG # once it goes on
    for _ in 1 2 3; do
        show 600s P1008
        assert_json ".[0].qty == \"$(bc <<<"$had + 5")\""
    done
}

@test "Redis gone: the breaker leaves it alone, nothing fails" {
    redis_stop
    for _ in 1 2 3 4 5 6 7; do
        show 600s P1007
        assert_json '.[0].source == "database"'
    done
    "$DINER" stock adjust P1007 --store S001 --by 1
    redis_start
}
