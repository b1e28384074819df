#!/usr/bin/env bats
# Two runs at once, a run with nothing to do, many buyers of the same few things.
bats_require_minimum_version 1.5.0
load e2e

setup_file() {
    e2e_up 600
    e2e_save
    "$DINER" run nightly >"$DEV/good.log" 2>&1
    e2e_snapshot "$DEV/good"
    proxy_up
    curl -fsS "$(e2e_url)/api/v1/auth/login" -H 'Content-Type: application/json' \
        -d "{\"username\": \"integration\", \"password\": \"$(cat "$DEV/secrets/integration")\"}" |
        jq -r .data.access_token >"$DEV/token"
}

teardown_file() {
    proxy_down
    e2e_down
}

setup() {
    faults '[]'
    e2e_restore
}

wait_for_request() { # PATH
    for _ in $(seq 200); do
        [ "$(proxied "[.[] | select(.path == \"$1\")] | length")" -gt 0 ] && return 0
        sleep 0.02
    done
    return 1
}

# What PostgreSQL itself says of each row: a row that is written again has another xmin or place.
versions() {
    local t
    for t in $(ask "select table_schema || '.' || table_name from information_schema.tables
                    where table_schema in ('ods', 'mart') order by 1"); do
        ask "select '$t ' || xmin || ' ' || ctid || ' ' || md5(t::text) from $t t order by 1"
    done
    ask "select 'stock ' || xmin || ' ' || ctid from app.stock order by 1"
    ask "select 'ledger ' || xmin || ' ' || ctid from app.stock_log order by 1"
}

@test "two nights at once: one works, the other exits 8 and says why" {
    faults '[{"path": "/api/v1/orders", "delay_ms": 1500, "times": 1}]'
    "$DINER" run nightly >"$DEV/first.log" 2>&1 3>&- &
    first=$!
    wait_for_request /api/v1/orders
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 8 ]
    [[ $stderr == *"'nightly' is already running"* ]]
    [ -z "$output" ]
    # A pipeline that the night is in the middle of is taken as well.
    run --separate-stderr "$DINER" run orders
    [ "$status" -eq 8 ]
    [[ $stderr == *"'orders' is already running"* ]]
    # Only reading is free.
    run --separate-stderr "$DINER" run orders --dry-run
    [ "$status" -eq 0 ]
    wait "$first"
    e2e_snapshot "$DEV/now"
    same "$DEV/good" "$DEV/now"
    # The refused ones left no run behind.
    [ "$(ask "select count(*) from diner.run where pipeline = 'nightly'")" -eq 1 ]
}

@test "ten nights started at once: one works, nine exit 8" {
    faults '[{"path": "/api/v1/orders", "delay_ms": 1500}]'
    pids=() ok=0 busy=0
    for i in $(seq 10); do
        "$DINER" run nightly >"$DEV/night.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        code=0
        wait "$pid" || code=$?
        case $code in
        0) ok=$((ok + 1)) ;;
        8) busy=$((busy + 1)) ;;
        *) echo "exit $code" >&2 && cat "$DEV"/night.* >&2 && false ;;
        esac
    done
    [ "$ok" -eq 1 ]
    [ "$busy" -eq 9 ]
    [ -z "$(e2e_applied_twice)" ]
    e2e_snapshot "$DEV/now"
    same "$DEV/good" "$DEV/now"
}

@test "a second night of unchanged input writes no row and no file" {
    "$DINER" run nightly
    versions >"$DEV/before"
    [ "$(grep -c . "$DEV/before")" -gt 3000 ]
    find "$DEV/out" -type f -printf '%P %i %T@\n' | sort >"$DEV/files.before"
    run --separate-stderr "$DINER" run nightly -o json
    [ "$status" -eq 0 ]
    [ "$(jq '[.[] | .inserted + .updated + .deleted] | add' <<<"$output")" -eq 0 ]
    versions >"$DEV/after"
    same "$DEV/before" "$DEV/after"
    find "$DEV/out" -type f -printf '%P %i %T@\n' | sort >"$DEV/files.after"
    same "$DEV/files.before" "$DEV/files.after"
    # One row that changes is one row that is written.
    ask "update app.orders set guests = guests + 1, updated_at = now() where id = (select max(id) from app.orders)"
    "$DINER" run nightly
    versions >"$DEV/after"
    [ "$(diff "$DEV/before" "$DEV/after" | grep -c '^> ods.orders ')" -eq 1 ]
    [ "$(diff "$DEV/before" "$DEV/after" | grep -c '^> mart.fact_order ')" -eq 1 ]
    [ "$(diff "$DEV/before" "$DEV/after" | grep -c '^>')" -eq 2 ]
}

# ---- over HTTP ---------------------------------------------------------------------------------

stock_for() { # SKU QTY at S001
    ask "update app.stock set qty = $2 where store_id = (select id from app.stores where code = 'S001')
         and product_id = (select id from app.products where sku = '$1')"
}

stock_of() { # SKU at S001
    ask "select trim_scale(k.qty) from app.stock k join app.stores s on s.id = k.store_id
         join app.products p on p.id = k.product_id where s.code = 'S001' and p.sku = '$1'"
}

# CLIENTS REQUESTS ITEMS [ITEMS]: each client sends its orders one after the other; odd ones the
# second list. All status codes go to $DEV/codes.
buy() {
    local c r items url token
    url=$(e2e_url)/api/v1/orders token=$(cat "$DEV/token")
    rm -rf "$DEV/clients"
    mkdir "$DEV/clients"
    for c in $(seq "$1"); do
        items=$3
        [ $((c % 2)) -eq 1 ] && items=${4:-$3}
        for r in $(seq "$2"); do
            [ "$r" -eq 1 ] || echo next
            printf 'url = "%s"\nsilent\nshow-error\noutput = "%s/clients/%d.%d"\n' "$url" "$DEV" "$c" "$r"
            printf 'header = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\n' "$token"
            printf 'header = "Idempotency-Key: buy-%s-%d-%d"\n' "$BATS_TEST_NUMBER" "$c" "$r"
            printf 'data = "{\\"store\\": \\"S001\\", \\"channel\\": \\"takeout\\", \\"items\\": [%s]}"\n' "${items//\"/\\\"}"
            printf 'write-out = "%%{http_code}\\n"\n'
        done >"$DEV/clients/$c"
    done
    seq "$1" | xargs -P "$1" -I{} curl -K "$DEV/clients/{}" >"$DEV/codes" 3>&-
}

@test "40 clients order from 500 units: exactly 500 are sold" {
    stock_for P1001 500
    buy 40 20 '{"product": "P1001", "quantity": "1"}'
    [ "$(wc -l <"$DEV/codes")" -eq 800 ]
    [ "$(grep -c '^201$' "$DEV/codes")" -eq 500 ]
    [ "$(grep -cE '^(409|422)$' "$DEV/codes")" -eq 300 ]
    [ "$(stock_of P1001)" -eq 0 ]
    new="o.id not in (select id from saved.orders)"
    [ "$(ask "select count(*), sum(i.quantity)::int from app.orders o join app.order_items i on i.order_id = o.id where $new")" = "500|500" ]
    [ "$(ask "select count(*), sum(l.quantity)::int from app.stock_log l join app.orders o on o.id = l.order_id where $new")" = "500|-500" ]
    grep -lq insufficient "$DEV"/clients/*.20
}

@test "40 clients with different appetites: never more than there is" {
    stock_for P1001 500
    buy 40 20 '{"product": "P1001", "quantity": "3"}' '{"product": "P1001", "quantity": "0.5"}'
    run ! grep -vE '^(201|409|422)$' "$DEV/codes"
    [ "$(ask "select 500 - coalesce(sum(i.quantity), 0) = $(stock_of P1001) and $(stock_of P1001) >= 0
              from app.orders o join app.order_items i on i.order_id = o.id
              where o.id not in (select id from saved.orders)")" = t ]
}

@test "the same order sent by 40 clients with one key is one order" {
    stock_for P1001 500
    for i in $(seq 40); do echo "$i"; done | xargs -P 40 -I{} curl -sS -o "$DEV/same.{}" -w '%{http_code}\n' \
        "$(e2e_url)/api/v1/orders" -H "Authorization: Bearer $(cat "$DEV/token")" \
        -H 'Content-Type: application/json' -H 'Idempotency-Key: one-and-the-same' \
        -d '{"store": "S001", "channel": "takeout", "items": [{"product": "P1001", "quantity": "2"}]}' >"$DEV/codes" 3>&-
    [ "$(sort "$DEV/codes" | uniq -c | xargs)" = "40 201" ]
    [ "$(cat "$DEV"/same.* | jq -r .data.order_no | sort -u | wc -l)" -eq 1 ]
    [ "$(stock_of P1001)" -eq 498 ]
}

@test "two dishes in opposite order by 20 clients: all served, no deadlock" {
    stock_for P1001 10000
    stock_for P1008 10000
    before=$(ask "select deadlocks from pg_stat_database where datname = 'diner'")
    buy 20 20 '{"product": "P1001", "quantity": "1"}, {"product": "P1008", "quantity": "2"}' \
        '{"product": "P1008", "quantity": "2"}, {"product": "P1001", "quantity": "1"}'
    [ "$(sort "$DEV/codes" | uniq -c | xargs)" = "400 201" ]
    [ "$(stock_of P1001)" -eq 9600 ]
    [ "$(stock_of P1008)" -eq 9200 ]
    [ "$(ask "select deadlocks from pg_stat_database where datname = 'diner'")" -eq "$before" ]
}
