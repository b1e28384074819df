#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# Orders and the payment channel: paying, closing, refunds, and what a crash leaves behind.
load ../helper

setup_file() { dev_start --orders 20 --seed 3; }
teardown_file() { dev_stop; }
setup() { script ''; }

script() { sql "update channel_local.script set rules = '$1'"; } # what the channel does otherwise
create() { # the number of a new order
    order=$("$DINER" orders create --store S001 --item P1001=1 -o json 2>/dev/null | jq -r .order_no)
}
forget_leases() { # as if the minute were over
    sql "update app.sagas set lease_until = now() - interval '1 s', next_at = now() where status in ('running', 'compensating');
         update app.refunds set next_at = now() where next_at is not null;
         update app.payments set next_at = now() where next_at is not null"
}
assert_order() { assert_sql "select status || ' ' || payment_status from app.orders where order_no = '$order'" "$1"; }
is_charging() { [ "$(sql "select count(*) from channel_local.calls where number like '$order%'")" -eq 1 ]; }
stock() { sql "select k.qty from app.stock k join app.products p on p.id = k.product_id join app.stores s on s.id = k.store_id where sku = 'P1001' and code = 'S001'"; }
api() { # METHOD PATH [CURL-OPTION...]
    token=${token:-$(curl -sS "$(dev_url)/api/v1/auth/login" -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)}
    curl -sS -X "$1" -H "Authorization: Bearer $token" "$(dev_url)/api/v1$2" "${@:3}"
}

call_back() { # PAYMENT AMOUNT: as the channel does; what becomes of it
    body="{\"event_id\":\"$1 $2\",\"kind\":\"payment.succeeded\",\"number\":\"$1\",\"amount\":\"$2\"}"
    now=$(date +%s)
    mac=$(printf '%s.%s' "$now" "$body" | openssl dgst -sha256 -hmac "$(cat "$DINER_DEV_DIR/secrets/callbacks")" -r)
    curl -sS "$(dev_url)/api/v1/payments/callbacks/local" -H "X-Diner-Timestamp: $now" -H "X-Diner-Signature: ${mac%% *}" -d "$body" |
        jq -r '.data.result // .error'
}

@test "pay goes through the channel; the saga is there to be seen" {
    create
    run --separate-stderr "$DINER" orders pay "$order"
    assert_status 0
    assert_order "paid paid"
    run --separate-stderr "$DINER" orders show "$order" --saga
    assert_status 0
    assert_stdout_matches 'take_payment +refund_payment +done'
    assert_stdout_matches 'confirm_order'
    run --separate-stderr "$DINER" orders show "$order" --saga --payments -o json
    assert_json '.sagas[0].status == "done" and .payments[0].channel == "local" and .payments[0].status == "succeeded"'
}

@test "ordered and paid in one falls as a whole when the payment is refused" {
    before=$(stock)
    script 'charge=refuse'
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=1 --pay
    assert_status 1
    assert_stderr_has payment_refused
    assert_equal "$(stock)" "$before"
    order=$(sql "select order_no from app.orders where created_at > now() - interval '1 minute' order by created_at desc limit 1")
    assert_order "cancelled unpaid"
    run --separate-stderr "$DINER" orders show "$order" --saga -o json
    assert_json '[.sagas[0].steps[] | .status] == ["undone", "undone", "failed", "waiting"]'
}

@test "a lost answer: 503, and the same request again joins the payment" {
    create
    script 'charge#1=lost'
    for want in 503 200 200; do
        run api POST "/orders/$order/pay" -o /dev/null -w '%{http_code}' -H "Idempotency-Key: $order"
        assert_equal "$output" "$want"
        forget_leases
    done
    run api POST "/orders/$order/pay" -d '{"payment_method":"cash"}' -H "Idempotency-Key: $order"
    assert_json '.error == "idempotency_key_reused"'
    assert_sql "select count(*) from app.payments p join app.orders o on o.id = p.order_id where order_no = '$order'" 1
}

@test "a key is for one order and one thing to do with it, also while the channel is silent" {
    create
    other=$order
    create
    script 'charge#1=lost'
    key="Idempotency-Key: one-$order"
    run api POST "/orders/$order/pay" -H "$key"
    assert_json '.error == "payment_pending"'
    run api POST "/orders/$other/pay" -H "$key" # the same body: none
    assert_json '.error == "idempotency_key_reused"'
    forget_leases
    run "$DINER" orders settle
    run api POST "/orders/$other/pay" -H "$key"
    assert_json '.error == "idempotency_key_reused"'
    run api POST "/orders/$order/pay" -H "$key"
    assert_json ".data.order_no == \"$order\" and .data.status == \"paid\""
    assert_sql "select status from app.orders where order_no = '$other'" pending
    assert_sql "select count(*) from app.sagas g join app.orders o on o.id = g.order_id where order_no = '$other'" 0
}

@test "cancelling by the key of another order's cancelling is refused" {
    body='{"reason":"mistake"}'
    numbers=()
    for _ in 1 2; do
        create
        numbers+=("$order")
        api POST "/orders/$order/prepay" -d '{"payment_method":"wechat"}' >/dev/null
    done
    script 'close#1=lost'
    key="Idempotency-Key: close-$order"
    run api POST "/orders/${numbers[0]}/cancel" -d "$body" -H "$key"
    assert_json '.error == "payment_pending"'
    forget_leases
    run "$DINER" orders settle
    assert_sql "select status from app.orders where order_no = '${numbers[0]}'" cancelled
    run api POST "/orders/${numbers[1]}/cancel" -d "$body" -H "$key"
    assert_json '.code == 409 and .error == "idempotency_key_reused"'
    assert_sql "select status from app.orders where order_no = '${numbers[1]}'" pending
    run api POST "/orders/${numbers[0]}/cancel" -d "$body" -H "$key"
    assert_json '.data.status == "cancelled"'
}

@test "the server is killed while the channel is charged: settle ends it, once" {
    create
    script 'charge#1=slow:3s'
    api POST "/orders/$order/pay" -H "Idempotency-Key: k-$order" >/dev/null 2>&1 3>&- &
    wait_for 10 is_charging
    kill -KILL "$(dev_platform_pid)"
    wait || true
    "$DINER" dev up 3>&- >/dev/null 2>&1
    assert_order "pending unpaid"
    run --separate-stderr "$DINER" orders settle -o json # somebody may still be at it
    assert_json '.[0].sagas_done == 0'
    forget_leases
    run --separate-stderr "$DINER" orders settle -o json
    assert_status 0
    assert_order "paid paid"
    token=
    run api POST "/orders/$order/pay" -H "Idempotency-Key: k-$order"
    assert_json '.code == 200 and .data.status == "paid"'
    assert_sql "select count(*) from channel_local.payments where payment_no like '$order%' and status = 'paid'" 1
}

@test "auto-cancel: looks first, cancels, closes the channel first, says what waits" {
    sql "update app.orders set created_at = now() where status = 'pending'"
    create; unsent=$order
    create; sent=$order
    create; silent=$order
    for order in $sent $silent; do
        run --separate-stderr "$DINER" orders pay "$order" --code -o json
        assert_json '.code_url != null'
    done
    sql "update app.orders set created_at = now() - interval '31 minutes' where order_no in ('$unsent', '$sent', '$silent')"
    run --separate-stderr "$DINER" orders auto-cancel --dry-run -o json
    assert_status 0
    assert_json '.[0] == {would_cancel: 1, would_ask_channel: 2}'
    script "close#1@${silent#*-}-P1=fail"
    run --separate-stderr "$DINER" orders auto-cancel -o json
    assert_status 7
    assert_json '.[0] == {cancelled: 2, paid: 0, waiting: 1}'
    assert_stderr_has "did not answer"
    run --separate-stderr "$DINER" orders pay "$silent" --payment-method cash
    assert_status 1
    assert_stderr_has order_busy
    forget_leases
    "$DINER" orders settle
    for order in $unsent $sent $silent; do assert_order "cancelled unpaid"; done
    run --separate-stderr "$DINER" orders auto-cancel --older-than 30m
    assert_status 0
    assert_stderr_has "0 cancelled"
}

@test "auto-cancel and settle through the API alone, in requests of 1000" {
    "$DINER" orders auto-cancel --older-than 1ms
    sql "insert into app.orders (order_no, store_id, channel, gross_amount, total_amount, business_date, created_at)
        select 'API-' || n, 1, 'takeout', 1, 1, current_date, now() - interval '1 hour' from generate_series(1, 2100) n"
    run --separate-stderr "$DINER" orders auto-cancel --api --dry-run -o json
    assert_status 0
    assert_json '.[0] == {would_cancel: 2100, would_ask_channel: 0}'
    run --separate-stderr "$DINER" orders auto-cancel --api --limit 50 -o json
    assert_json '.[0].cancelled == 50'
    printf 'platform:\n  url: %s\n  user: integration\n  password: "file:%s"\n' "$(dev_url)" \
        "$DINER_DEV_DIR/secrets/integration" >"$BATS_TEST_TMPDIR/diner.yaml" # and no database
    run --separate-stderr env -u DINER_DSN -u DINER_DSN_PLATFORM "$DINER" --config "$BATS_TEST_TMPDIR/diner.yaml" orders auto-cancel -o json
    assert_status 0
    assert_json '.[0] == {cancelled: 2050, paid: 0, waiting: 0}'
    assert_sql "select count(*) from app.orders where order_no like 'API-%' and status = 'cancelled' and cancel_reason = 'Payment timeout'" 2100
    run --separate-stderr "$DINER" orders settle --api -o json
    assert_status 0
    assert_json '.[0].waiting == 0'
}

@test "a connection that cannot be read is an error: neither another database nor the API" {
    run --separate-stderr env DINER_DSN_PLATFORM=env:NOT_THERE "$DINER" orders settle
    assert_status 3
    assert_stderr_has "NOT_THERE"
}

@test "auto-cancel by four at once cancels each order once" {
    "$DINER" orders auto-cancel --older-than 1ms # whatever other tests left
    before=$(stock)
    for _ in 1 2 3 4 5 6 7 8; do create; done
    "$DINER" orders pay "$order" --code >/dev/null 2>&1
    sql "update app.orders set created_at = now() - interval '1 hour' where status = 'pending'"
    for i in 1 2 3 4; do
        "$DINER" orders auto-cancel --batch 1 -o json >"$BATS_TEST_TMPDIR/$i" 2>"$BATS_TEST_TMPDIR/$i.err" 3>&- &
    done
    wait
    assert_equal "$(jq -s 'map(.[0].cancelled) | add >= 8' "$BATS_TEST_TMPDIR"/[1-4])" true
    assert_equal "$(stock)" "$before"
    assert_sql "select count(*) from app.orders where status = 'pending'" 0
    assert_sql "select count(*) from (select order_id from app.order_status_history where to_status = 'cancelled' and from_status = 'pending' group by 1 having count(*) > 1) x" 0
}

@test "refund: accepted is not done; settle follows it to its end" {
    create
    "$DINER" orders pay "$order"
    script 'refund=pending'
    run --separate-stderr "$DINER" orders cancel "$order" --reason 'sold out' --yes -o json
    assert_status 0
    assert_json '.status == "cancelled" and .payment_status == "refunding"'
    for _ in 1 2 3; do forget_leases; "$DINER" orders settle; done
    assert_order "cancelled refunded"
    create
    "$DINER" orders pay "$order"
    "$DINER" orders accept "$order"
    script ''
    run --separate-stderr "$DINER" orders refund "$order" --amount 1 --reason cold --yes
    assert_status 0
    assert_stderr_has succeeded
    assert_order "accepted partially_refunded"
}

@test "a surplus payment whose refund failed is refunded again, by its number" {
    create
    payment=$(api POST "/orders/$order/prepay" -d '{"payment_method":"wechat"}' | jq -r .data.payment_no)
    "$DINER" orders pay "$order" --payment-method cash
    script 'refund=refuse'
    sql "select channel_local.pay('$payment')"
    assert_equal "$(call_back "$payment" 38.50)" recorded
    forget_leases
    "$DINER" orders settle
    assert_sql "select count(*) from app.outbox where type = 'order.refund_failed' and key = '$order'" 1
    script ''
    run --separate-stderr "$DINER" orders refund "$order" --payment "$payment-" --reason again --yes
    assert_status 1
    assert_stderr_has unknown_payment
    run --separate-stderr "$DINER" orders refund "$order" --payment "$payment" --reason again --yes
    assert_status 0
    assert_stderr_is "refund $payment-R2 of 38.50 for order $order: succeeded"
    assert_order "paid paid"
}

@test "nobody takes the number of another's refund" {
    create
    first=$order
    "$DINER" orders pay "$first"
    create
    "$DINER" orders pay "$order"
    "$DINER" orders accept "$order"
    run --separate-stderr "$DINER" orders refund "$order" --amount 0.01 --reason x --refund-no "$first-P1-R1" --yes
    assert_status 1
    assert_stderr_has reserved_refund_no
    run --separate-stderr "$DINER" orders cancel "$first" --reason x --yes
    assert_status 0
    assert_sql "select refund_no from app.refunds r join app.orders o on o.id = r.order_id where order_no = '$first'" "$first-P1-R1"
}

@test "a callback whose amount is no money is refused" {
    create
    payment=$(api POST "/orders/$order/prepay" -d '{"payment_method":"wechat"}' | jq -r .data.payment_no)
    for amount in NaN Infinity 1e99 0 -38.50 38.505; do
        assert_equal "$(call_back "$payment" "$amount")" bad_parameter
    done
    assert_order "pending unpaid"
}

@test "a wallet is topped up once, pays at once, and no channel hears of it" {
    member=$(api POST /members -d '{"name":"段正淳"}' | jq -r .data.member_no)
    for want in null true; do
        run api POST "/members/$member/wallet/topups" -d '{"amount":"100"}' -H "Idempotency-Key: top-$member" -i
        assert_stdout_has '"balance_after" : "100.00"'
        [ $want = null ] || assert_stdout_has 'Idempotency-Replayed: true'
    done
    calls=$(sql "select count(*) from channel_local.calls")
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=1 --member-no "$member" --payment-method wallet --pay -o json
    assert_status 0
    order=$(jq -r .order_no <<<"$output") total=$(jq -r .total_amount <<<"$output")
    assert_json ".member == \"$member\" and .payment_status == \"paid\""
    assert_sql "select balance + $total from app.wallets" 100.00
    run --separate-stderr "$DINER" orders cancel "$order" --reason 'sold out' --yes -o json
    assert_status 0
    assert_json '.status == "cancelled" and .payment_status == "refunded"'
    assert_sql "select balance || ' ' || (select sum(amount) from app.wallet_log) from app.wallets" "100.00 100.00"
    before=$(sql "select count(*) from app.orders")
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=9 --member-no "$member" --payment-method wallet --pay
    assert_status 1
    assert_stderr_has insufficient_balance
    assert_sql "select count(*) from app.orders" "$before"
    assert_sql "select count(*) from channel_local.calls" "$calls"
}

@test "an order takes the stock of a reservation" {
    id=$(api POST /stock/reservations -d '{"store":"S001","items":[{"product":"P1001","quantity":2}]}' | jq -r .data.id)
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=1 --reservation "$id" -o json
    assert_status 0
    assert_sql "select r.status || ' ' || o.order_no from app.reservations r join app.orders o on o.id = r.order_id" "sold $(jq -r .order_no <<<"$output")"
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=1 --reservation "$id"
    assert_status 1
    assert_stderr_has reservation_ended
}

@test "at the end the books agree" {
    assert_sql "select count(*) from app.payments p full join channel_local.payments c using (payment_no)
        where coalesce(p.channel, '') not in ('none', 'wallet') and (p.status = 'succeeded') is distinct from (c.status = 'paid') and (p.status = 'succeeded' or c.status = 'paid')" 0
    assert_sql "select count(*) from app.refunds r join channel_local.refunds c using (refund_no) where (r.status = 'succeeded') <> (c.status = 'succeeded')" 0
}
