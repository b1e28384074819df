#!/usr/bin/env bats
# The platform fails in the ways APIs fail: nothing is lost, nothing doubled, or the run fails
# clearly and the old state stays.
bats_require_minimum_version 1.5.0
load e2e

setup_file() {
    e2e_up 600
    e2e_save
    "$DINER" run nightly >"$DEV/good.log" 2>&1
    e2e_snapshot "$DEV/good"
    [ "$(grep -c '^ods.orders ' "$DEV/good")" -eq 600 ]
    [ "$(grep -c '^ledger .* erp_sync ' "$DEV/good")" -gt 20 ]
    proxy_up
}

teardown_file() {
    proxy_down
    e2e_down
}

setup() {
    faults "[]"
    e2e_restore
}

hook() { # NAME SQL: a program that the proxy can run
    printf '#!/bin/sh\npsql -X -q -A -t "host=%s/pg dbname=diner user=diner" <<"SQL"\n%s\n;\nSQL\n' \
        "$DEV" "$2" >"$DEV/$1"
    chmod +x "$DEV/$1"
}

night_is_good() { # after it all, everything is as after an undisturbed night
    e2e_snapshot "$DEV/now"
    same "$DEV/good" "$DEV/now"
    [ -z "$(e2e_applied_twice)" ]
}

@test "500s that pass are repeated: the night is as if nothing had been" {
    faults '[{"path": "/api/v1/", "method": "GET", "status": 500, "times": 3}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    [ "$(proxied '[.[] | select(.status == 500)] | length')" -eq 3 ]
    night_is_good
}

@test "500s that stay: exit 5, said why, the old state stays; the next run makes it good" {
    "$DINER" run orders
    ask "update app.orders set guests = guests + 1, updated_at = now()
         where id % 2 = 0"
    e2e_snapshot "$DEV/before"
    faults '[{"path": "/api/v1/orders", "query": "cursor=", "status": 500,
              "json": {"code": 500, "error": "internal", "message": "it broke"}}]'
    run --separate-stderr "$DINER" run orders
    [ "$status" -eq 5 ]
    [[ $stderr == *"500"* ]]
    [[ $stderr == *"it broke"* ]]
    [ "$(proxied '[.[] | select(.status == 200 and .path == "/api/v1/orders")] | length')" -ge 1 ]
    e2e_snapshot "$DEV/after"
    same "$DEV/before" "$DEV/after"
    faults '[]'
    "$DINER" run orders
    [ "$(ask "select count(*), sum(guests) from ods.orders")" = \
        "$(ask "select count(*), sum(guests) from app.orders")" ]
}

@test "429 with Retry-After: it waits that long, then goes on" {
    faults '[{"path": "/api/v1/orders", "query": "cursor=", "status": 429, "times": 1,
              "headers": {"Retry-After": "1"}, "json": {"code": 429, "message": "Too many requests"}}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    run proxied '[.[] | .at_ms] as $t | [.[] | .status] | index(429) as $i | $t[$i + 1] - $t[$i]'
    [ "$output" -ge 1000 ]
    [ "$output" -lt 3000 ]
    night_is_good
}

@test "a body cut short is asked for again" {
    faults '[{"path": "/api/v1/orders", "cut": 3000, "times": 2},
             {"path": "/api/v1/stock", "method": "GET", "cut": 0, "times": 1}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    [ "$(proxied '[.[] | select(.fault)] | length')" -eq 3 ]
    night_is_good
}

@test "bodies always cut: exit 5 and nothing of the stream is there" {
    faults '[{"path": "/api/v1/orders", "query": "cursor=", "cut": 3000}]'
    run --separate-stderr "$DINER" run orders
    [ "$status" -eq 5 ]
    [[ $stderr == *"orders"* ]]
    [ "$(ask "select count(*) from diner.state where name = 'cursor'")" -eq 0 ]
    [ "$(ask "select to_regclass('ods.orders') is null")" = t ]
}

@test "a JSON body cut in the middle with the right length is no page" {
    faults '[{"path": "/api/v1/orders", "query": "cursor=", "status": 200,
              "body": "{\"code\": 200, \"data\": {\"items\": [{\"order_no\": \"S001-1\""}]'
    run --separate-stderr "$DINER" run orders
    [ "$status" -ne 0 ]
    [ -n "$stderr" ]
    [ "$(ask "select to_regclass('ods.orders') is null")" = t ]
}

@test "a cursor that comes again: exit 1 or 5, said so, nothing loaded, and it ends" {
    faults '[{"path": "/api/v1/orders", "repeat_cursor": true}]'
    run --separate-stderr timeout 20 "$DINER" run orders
    [ "$status" -eq 1 ] || [ "$status" -eq 5 ]
    [[ $stderr == *cursor* ]]
    [ "$(ask "select to_regclass('ods.orders') is null")" = t ]
    [ "$(ask "select count(*) from diner.state where name = 'cursor'")" -eq 0 ]
    [ "$(proxied length)" -lt 15 ]
}

@test "HTTP 200 with an error body is an error, not an empty list" {
    "$DINER" run orders
    e2e_snapshot "$DEV/before"
    faults '[{"path": "/api/v1/products", "status": 200,
              "json": {"code": 503, "error": "unavailable", "message": "down for maintenance"}}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 1 ] || [ "$status" -eq 5 ]
    [[ $stderr == *"down for maintenance"* ]]
    # What did not come from products ran all the same; what needs orders did not.
    [ "$(ask "select count(*) from ods.products")" -eq 44 ]
    [[ $output == *"stock_sync"*"adjustments"*"succeeded"* ]]
    [[ $output == *"sales_export"*"skipped"* ]]
    faults '[]'
    "$DINER" run nightly
    night_is_good
}

@test "HTTP 200 with an error body for an adjustment: nothing applied, the next run does it once" {
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "status": 200,
              "json": {"code": 503, "error": "unavailable", "message": "down for maintenance"}}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 1 ] || [ "$status" -eq 5 ]
    [[ $stderr == *"down for maintenance"* ]]
    e2e_platform_stock >"$DEV/now"
    run ! grep -q erp_sync "$DEV/now"
    faults '[]'
    "$DINER" run nightly
    [ -z "$(e2e_applied_twice)" ]
    e2e_platform_stock >"$DEV/now"
    same <(grep -E '^(stock|ledger) ' "$DEV/good") "$DEV/now"
}

@test "an answer lost after the adjustments were applied: sent again with its key, applied once" {
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "reset_after": true,
              "times": 2}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    run proxied '[.[] | select(.path == "/api/v1/stock/adjustments") | .key] | length, (unique | length)'
    [ "${lines[0]}" -eq 3 ]
    [ "${lines[1]}" -eq 1 ]
    night_is_good
}

@test "all answers lost: exit 5; the next run sends the same key and body, applied once" {
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "reset_after": true}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 5 ]
    [ "$(ask "select count(*) from diner.intent where status = 'pending'")" -eq 1 ]
    first=$(proxied '[.[] | select(.method == "POST" and .key != "") | .key + .body] | unique | join("|")')
    [ -n "$first" ]
    faults '[]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    [[ $stderr == *"not confirmed"* ]]
    [ "$(proxied '[.[] | select(.method == "POST" and .key != "") | .key + .body] | join("|")')" = "$first" ]
    night_is_good
}

@test "a request lost before it arrived: the next run sends it" {
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "reset_before": true}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 5 ]
    faults '[]'
    "$DINER" run nightly
    night_is_good
}

@test "the database goes away while the platform answers an adjustment: applied once" {
    # Its connections are ended after the platform has done it and before diner hears of it.
    hook cut_off "select count(pg_terminate_backend(pid)) from pg_stat_activity
                  where application_name like 'diner: %' \\g $DEV/cut_off.count"
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "times": 1,
              "after": "$DEV/cut_off"}]'
    run --separate-stderr "$DINER" run nightly
    [ "$(cat "$DEV/cut_off.count")" -ge 1 ]
    [ -z "$(e2e_applied_twice)" ]
    "$DINER" run nightly
    [ -z "$(e2e_applied_twice)" ]
    night_is_good
}

@test "adjustments refused one by one: the others stand, the refused are rejects with the reason" {
    # The product is withdrawn from the store between reading and adjusting.
    hook withdraw "update app.products set sku = sku || '-OLD' where material_code = '03.012.1003'"
    faults '[{"method": "POST", "path": "/api/v1/stock/adjustments", "times": 1,
              "before": "$DEV/withdraw"}]'
    run --separate-stderr "$DINER" run nightly
    ask "update app.products set sku = replace(sku, '-OLD', '')"
    [ "$status" -eq 0 ]
    [ "$(ask "select count(*) from diner.reject where stream = 'adjustments' and reason like '%unknown_product%'")" -ge 2 ]
    [ "$(ask "select count(*) from app.stock_log where change_type = 'erp_sync'")" -ge 40 ]
    faults '[]'
    "$DINER" run nightly
    [ -z "$(e2e_applied_twice)" ]
    [ -z "$(e2e_stock_not_erp)" ]
}

@test "orders change while their pages are read: none lost, none doubled" {
    # Between pages every third order changes: those not read yet leave the window of this run.
    hook touch "update app.orders set guests = guests + 1, updated_at = clock_timestamp() where id % 3 = 0"
    faults '[{"path": "/api/v1/orders", "query": "cursor=", "skip": 1, "times": 1,
              "before": "$DEV/touch"}]'
    run --separate-stderr "$DINER" run orders
    [ "$status" -eq 0 ]
    [ "$(proxied '[.[] | select(.fault)] | length')" -eq 1 ]
    [ "$(ask "select count(*) from ods.orders")" -lt 600 ]
    [ "$(ask "select count(*) from app.orders a join ods.orders o using (order_no) where a.id % 3 <> 0")" -eq \
        "$(ask "select count(*) from app.orders where id % 3 <> 0")" ]
    faults '[]'
    "$DINER" run orders
    [ "$(ask "select count(*), count(distinct order_no) from ods.orders")" = "600|600" ]
    [ -z "$(ask "select order_no from app.orders a full join ods.orders o using (order_no)
                 where (a.guests, a.status, a.updated_at) is distinct from (o.guests, o.status, o.updated_at)")" ]
}

@test "a sale while the stock is read and another before it is adjusted: both still count" {
    token=$(curl -fsS "$(e2e_url)/api/v1/auth/login" -H 'Content-Type: application/json' \
        -d "{\"username\": \"integration\", \"password\": \"$(cat "$DEV/secrets/integration")\"}" |
        jq -r .data.access_token)
    # A product of the export with plenty on both sides.
    read -r store product <<<"$(ask "select s.code || ' ' || p.sku
        from app.stock k join app.stores s on s.id = k.store_id join app.products p on p.id = k.product_id
        where s.code = 'S001' and p.material_code = '03.012.1003'")"
    ask "update app.stock set qty = qty + 100000
         where product_id = (select id from app.products where sku = '$product')"
    cat >"$DEV/sell" <<SH
curl -fsS "$(e2e_url)/api/v1/orders" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: \$(cat /proc/sys/kernel/random/uuid)" \
    -d '{"store": "$store", "channel": "takeout", "items": [{"product": "$product", "quantity": "3"}]}'
SH
    faults '[{"path": "/api/v1/stock", "method": "GET", "query": "cursor=", "times": 1,
              "before": "bash $DEV/sell"},
             {"path": "/api/v1/stock/adjustments", "times": 1, "before": "bash $DEV/sell"}]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    [ "$(ask "select count(*) from app.orders o where not exists (select from saved.orders x where x.id = o.id)")" -eq 2 ]
    [ -z "$(e2e_stock_not_erp)" ]
    [ -z "$(e2e_applied_twice)" ]
}

@test "the platform's quota of an integration account is enough for a night" {
    unset DINER_PLATFORM_URL
    "$DINER" dev seed --dir "$DEV" --orders 12000 --as-of "$BIZ_DATE 23:30:00+08" >/dev/null 2>&1
    export DINER_PLATFORM_URL=$PROXY
    faults '[]'
    run --separate-stderr "$DINER" run nightly
    [ "$status" -eq 0 ]
    [ "$(proxied length)" -gt 120 ]
    [ "$(proxied '[.[] | select(.status == 429)] | length')" -eq 0 ]
    [ "$(ask "select count(*) from ods.orders")" -eq 12000 ]
}

@test "a client of the default quota gets 429 with Retry-After; a run through it waits or exits 5" {
    token=$(curl -fsS "$(e2e_url)/api/v1/auth/login" -H 'Content-Type: application/json' \
        -d "{\"username\": \"admin\", \"password\": \"$(cat "$DEV/secrets/admin")\"}" |
        jq -r .data.access_token)
    for _ in $(seq 130); do
        printf 'url = "%s/api/v1/stores"\noutput = "/dev/null"\n' "$(e2e_url)"
    done >"$DEV/many"
    curl -sS -K "$DEV/many" -H "Authorization: Bearer $token" -w '%{http_code} %header{retry-after}\n' >"$DEV/codes"
    [ "$(grep -c '^200 ' "$DEV/codes")" -ge 100 ]
    [ "$(grep -c '^200 ' "$DEV/codes")" -le 115 ]
    [ "$(grep -cE '^429 [1-9][0-9]*$' "$DEV/codes")" -ge 15 ]
    run ! grep -vE '^(200|429) ' "$DEV/codes"
    export DINER_PLATFORM_USER=admin DINER_PLATFORM_PASSWORD=file:$DEV/secrets/admin
    faults '[]'
    # What comes back into the bucket while a slow machine starts the run is taken by the client before.
    for _ in $(seq 20); do cat "$DEV/many"; done >"$DEV/more"
    timeout 4 curl -sS -K "$DEV/more" -H "Authorization: Bearer $token" >/dev/null 2>&1 3>&- &
    run --separate-stderr timeout 60 "$DINER" run orders --only products
    [ "$(proxied '[.[] | select(.status == 429)] | length')" -ge 1 ]
    if [ "$status" -eq 0 ]; then
        [ "$(ask "select count(*) from ods.products")" -eq 44 ]
    else
        [ "$status" -eq 5 ]
        [[ $stderr == *"Too many requests"* ]]
    fi
}
