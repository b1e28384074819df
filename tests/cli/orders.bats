#!/usr/bin/env bats
# diner orders: list, show, create, pay, cancel, sync, against the reference platform.
load ../helper
load pipelines

setup_file() { dev_start --orders 120 --seed 7; }
teardown_file() { dev_stop; }

create() { # OPTION...: the number of a new order
    run --separate-stderr "$DINER" orders create --store S001 "$@" -o json
    assert_status 0
    order=$(jq -r .order_no <<<"$output")
}
stock_of() { # PRODUCT
    "$DINER" stock show --store S001 --product "$1" -o json | jq -r '.[0].qty'
}

@test "list: filters, forms, exact money" {
    run --separate-stderr "$DINER" orders list --limit 7 -o json
    assert_status 0
    assert_json 'length == 7 and all(.[]; .total_amount.currency == "CNY" and
        (.total_amount.amount_minor | type == "number" and . == floor))'
    run --separate-stderr "$DINER" orders list --store S002 --status cancelled -o json
    assert_status 0
    assert_json 'length > 0 and all(.[]; .store == "S002" and .status == "cancelled")'
    run --separate-stderr "$DINER" orders list --limit 2 -o jsonl
    assert_equal "$(jq -s length <<<"$output")" 2
    run --separate-stderr "$DINER" orders list --limit 2 -o csv
    assert_stdout_matches '^order_no,store,channel,status,'
    run --separate-stderr "$DINER" orders list --sort=-total_amount --limit 150 -o json
    assert_status 0
    assert_json 'length == 120 and (map(.total_amount.amount_minor) | . == (sort | reverse))'
    # More than a page of the API.
    run --separate-stderr "$DINER" orders list --limit 1000 -o json
    assert_json 'length == 120 and (map(.order_no) | unique | length) == 120'
    assert_stderr_is ""
}

@test "list: since and until; what is none is misuse" {
    run --separate-stderr "$DINER" orders list --since 2000-01-01 --until 2000-01-02 -o json
    assert_status 0
    assert_json '. == []'
    run --separate-stderr "$DINER" orders list --since whenever
    assert_status 2
    assert_stderr_has "whenever"
    run --separate-stderr "$DINER" orders list --status payed
    assert_status 2
    assert_stderr_has "payed"
    assert_stderr_has "paid"
    run --separate-stderr "$DINER" orders list --sort total
    assert_status 2
    assert_stderr_has "total_amount"
}

@test "show: an order with its lines; one that is none" {
    create --item P1001=2
    run --separate-stderr "$DINER" orders show "$order"
    assert_status 0
    assert_stdout_matches "order_no +$order"
    assert_stdout_matches 'LINE_NO +PRODUCT'
    assert_stdout_matches '1 +P1001 '
    run --separate-stderr "$DINER" orders show S001-nope
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "HTTP 404"
    run --separate-stderr "$DINER" orders show ../stores
    [ "$status" -ne 0 ] # a number is no path
}

@test "create takes stock at once, cancel gives it back once" {
    before=$(stock_of P1001)
    create --item P1001=2 --item P1002=1
    assert_json '.status == "pending" and .payment_status == "unpaid" and .total_amount == "163.00"
        and (.items | length) == 2'
    assert_stderr_is "order $order created: pending, unpaid"
    taken=$(stock_of P1001)
    assert_equal "$(bc <<<"$before - $taken > 0")" 1
    run --separate-stderr "$DINER" orders cancel "$order" --reason "guest left" </dev/null
    assert_status 2
    assert_stderr_has "needs --yes"
    assert_equal "$(stock_of P1001)" "$taken"
    run --separate-stderr "$DINER" orders cancel "$order" --reason "guest left" --yes
    assert_status 0
    assert_stderr_has "$order cancelled"
    assert_equal "$(stock_of P1001)" "$before"
    run --separate-stderr "$DINER" orders cancel "$order" --reason again --yes
    assert_status 1
    assert_equal "$(stock_of P1001)" "$before"
    run --separate-stderr "$DINER" orders pay "$order"
    assert_equal "$(stock_of P1001)" "$before"
}

@test "pay: once; by what" {
    create --item P1001=1
    run --separate-stderr "$DINER" orders pay "$order" --payment-method alipay
    assert_status 0
    assert_stderr_has "$order paid: paid, paid"
    run --separate-stderr "$DINER" orders show "$order" -o json
    assert_json '.status == "paid" and .payment_method == "alipay" and .paid_at != null'
}

@test "accept, ready, fulfill: in this order only" {
    create --item P1001=1
    run --separate-stderr "$DINER" orders accept "$order"
    assert_status 1
    assert_stderr_has "order_state"
    "$DINER" orders pay "$order" --payment-method cash
    run --separate-stderr "$DINER" orders accept "$order" -o json
    assert_status 0
    assert_json '.status == "accepted" and .fulfilment_status == "preparing"'
    run --separate-stderr "$DINER" orders ready "$order" -o json
    assert_json '.status == "accepted" and .fulfilment_status == "ready"'
    run --separate-stderr "$DINER" orders fulfill "$order"
    assert_status 0
    assert_stderr_is "order $order fulfilled: fulfilled, paid"
    run --separate-stderr "$DINER" orders show "$order" --history -o json
    assert_json '[.history[].status] == ["pending", "paid", "accepted", "accepted", "fulfilled"]'
    run --separate-stderr "$DINER" orders show "$order" --history
    assert_stdout_matches 'FROM_STATUS +STATUS'
}

@test "refund: in part, once a number, all that is left; the list finds it" {
    create --item P1001=2
    "$DINER" orders pay "$order" --payment-method cash
    "$DINER" orders accept "$order"
    taken=$(stock_of P1001)
    run --separate-stderr "$DINER" orders refund "$order" --amount 7.50 --reason cold --refund-no "$order-a" </dev/null
    assert_status 2
    assert_stderr_has "needs --yes"
    for _ in 1 2; do
        run --separate-stderr "$DINER" orders refund "$order" --amount 7.50 --reason cold --refund-no "$order-a" --yes
        assert_status 0
        assert_stderr_is "refund $order-a of 7.50 for order $order: succeeded"
    done
    run --separate-stderr "$DINER" orders list --payment-status partially_refunded --limit 1000 -o json
    assert_json "any(.[]; .order_no == \"$order\")"
    run --separate-stderr "$DINER" orders refund "$order" --amount 70 --reason cold --yes
    assert_status 1
    assert_stderr_has "refund_exceeds_payment"
    run --separate-stderr "$DINER" orders refund "$order" --amount -1 --reason cold --yes
    assert_status 2
    run --separate-stderr "$DINER" orders refund "$order" --reason cold --yes -o json
    assert_json '.amount == "69.50" and .status == "succeeded"'
    run --separate-stderr "$DINER" orders show "$order" --payments -o json
    assert_json '.payment_status == "refunded" and .refund_amount == "77.00" and .status == "accepted" and
        (.payments | length) == 1 and [.refunds[].amount] == ["7.50", "69.50"]'
    assert_equal "$(stock_of P1001)" "$taken"
    assert_sql "select count(*) from app.orders o where total_amount - refund_amount <>
        coalesce((select sum(p.amount) from app.payments p where p.order_id = o.id), total_amount)
        - coalesce((select sum(r.amount) from app.refunds r where r.order_id = o.id and status = 'succeeded'), 0)" 0
}

@test "--dry-run sends nothing" {
    before=$(sql "select count(*) from app.orders")
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=2 --dry-run
    assert_status 0
    assert_json '.store == "S001" and .items == [{product: "P1001", quantity: 2}]'
    assert_stderr_has "dry run: nothing was sent"
    assert_sql "select count(*) from app.orders" "$before"
    create --item P1001=1
    run --separate-stderr "$DINER" orders pay "$order" --dry-run
    assert_status 0
    run --separate-stderr "$DINER" orders cancel "$order" --reason x --dry-run
    assert_status 0
    assert_sql "select status from app.orders where order_no = '$order'" pending
}

@test "create: what cannot be is refused, and takes nothing" {
    before=$(stock_of P1001)
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=0
    assert_status 2
    assert_stderr_has "--item 'P1001=0': expected PRODUCT=QUANTITY"
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=1 --item NOPE=1
    assert_status 1
    assert_stderr_has "unknown_product"
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=99999
    assert_status 1
    assert_stderr_has "insufficient_stock"
    run --separate-stderr "$DINER" orders create --item P1001=1
    assert_status 2
    assert_stderr_has "option '--store' is required"
    assert_equal "$(stock_of P1001)" "$before"
}

@test "sync is the pipeline 'orders': what changed since, each once" {
    run --separate-stderr "$DINER" orders sync -o json
    assert_status 0
    assert_json '[.[].stream] | sort == ["orders", "products", "stores"]'
    assert_sql "select count(*) = (select count(*) from app.orders) from ods.orders" t
    create --item P1001=1
    run --separate-stderr "$DINER" orders sync -o json
    assert_status 0
    assert_json '.[] | select(.stream == "orders") | .inserted == 1 and .updated == 0'
    run --separate-stderr "$DINER" orders sync --dry-run -o json
    assert_status 0
    assert_stderr_has "(dry run: nothing was written)"
    run --separate-stderr "$DINER" orders sync --full-refresh -o json
    assert_json '.[] | select(.stream == "orders") | .inserted == 0 and .updated == 0 and
        .unchanged == .read - .superseded'
    run --separate-stderr "$DINER" orders sync --from garbage
    assert_status 2
}
