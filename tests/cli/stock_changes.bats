#!/usr/bin/env bats
# diner stock: adjust, set, count, log, reorder, transfer.
load ../helper

setup_file() { dev_start --orders 60 --seed 3; }
teardown_file() { dev_stop; }

everything() { sql "select md5(string_agg(concat_ws(',', store_id, product_id, qty, par_qty, min_qty), ';' order by store_id, product_id)) from app.stock"; }
stock_of() { # STORE PRODUCT
    sql "select trim_scale(qty) from app.stock k join app.stores s on s.id = store_id join app.products p on p.id = product_id where code = '$1' and sku = '$2'"
}
api() { # METHOD PATH BODY
    curl -sS -f -X "$1" -H "Authorization: Bearer $(token)" "$(dev_url)/api/v1$2" --json "$3"
}
token() {
    jq -n --rawfile p "$DINER_DEV_DIR/secrets/integration" '{username: "integration", password: $p}' |
        curl -sS -f "$(dev_url)/api/v1/auth/login" --json @- | jq -r .data.access_token
}

@test "adjust: a dry run says before, change and after, and changes nothing" {
    before=$(everything)
    had=$(stock_of S001 P1002)
    run --separate-stderr "$DINER" stock adjust P1002 --store S001 --by -2.5 --reason waste --code expired --dry-run -o json
    assert_status 0
    assert_json "length == 1 and .[0].before == \"$had\" and .[0].change == \"-2.5\""
    assert_equal "$(bc <<<"$had - 2.5 == $(jq -r '.[0].after' <<<"$output")")" 1
    assert_stderr_is "dry run: nothing was changed"
    assert_equal "$(everything)" "$before"
    assert_sql "select count(*) from app.stock_log where reason_code is not null" 0
}

@test "adjust: in another unit, with a reason code" {
    api PUT /products/P1002/units/%E7%AE%B1 '{"base_quantity": 24}' >/dev/null
    had=$(stock_of S001 P1002)
    run --separate-stderr "$DINER" stock adjust P1002 --store S001 --by 1.5 --unit 箱 --reason receipt --code purchase --note PO-7
    assert_status 0
    assert_equal "$(stock_of S001 P1002)" "$(bc <<<"$had + 36")"
    run --separate-stderr "$DINER" stock log --store S001 --product P1002 --limit 1 -o json
    assert_json '.[0] | .change_type == "receipt" and .quantity == "36" and .entered_quantity == "1.5" and .entered_unit == "箱" and .reason_code == "purchase" and .reason == "PO-7" and .order_id == null'
}

@test "adjust: what is refused says how to mend it" {
    before=$(everything)
    while IFS='|' read -r text options; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" stock adjust P1001 --store S001 $options
        assert_status 1
        assert_stderr_has "$text"
    done <<'CASES'
hint: waste takes away: write --by -5, not 5|--by 1 --reason waste
hint: receipt adds: write --by 5, not -5|--by -1 --reason receipt
unknown_unit|--by 1 --unit 桶
unknown_reason_code|--by 1 --code theft
'diner stock count' sets what is really there|--by -9999999
CASES
    assert_equal "$(everything)" "$before"
}

@test "count: previewed, then entered; usage against the count before" {
    before=$(everything)
    run --separate-stderr "$DINER" stock count P1005=100 P1006=3 --store S002 --dry-run -o json
    assert_status 0
    assert_stderr_is "2 counted, 2 differ; dry run: nothing was changed"
    preview=$output
    assert_equal "$(everything)" "$before"
    run --separate-stderr "$DINER" stock count P1005=100 P1006=3 --store S002 -o json
    assert_status 0
    assert_equal "$output" "$preview"
    assert_equal "$(stock_of S002 P1005)" 100
    "$DINER" stock adjust P1005 --store S002 --by -4 --reason waste
    "$DINER" stock adjust P1005 --store S002 --by 10 --reason receipt
    "$DINER" orders create --store S002 --item P1005=6
    run --separate-stderr "$DINER" stock count P1005=99 --store S002 -o json
    assert_json '.[0] | .opening == "100" and .received == "10" and .theoretical_usage == "6" and .actual_usage == "11" and .variance == "5" and .waste == "4" and .unexplained == "1" and .expected == "100"'
    assert_stderr_is "1 counted, 1 differ, the stock is corrected"
}

@test "count: from a file, in its units, all lines or none" {
    cd "$BATS_TEST_TMPDIR"
    printf 'product,quantity,unit\nP1005,2,公斤\nP1001,7,\n' >count.csv
    run --separate-stderr "$DINER" stock count --file count.csv --store S001
    assert_status 0
    assert_equal "$(stock_of S001 P1005)" 4 # 2 kg are 4 斤
    before=$(everything)
    printf 'P1001,1,\nP1004,x,\n' | cat <(echo product,quantity,unit) - >bad.csv
    run --separate-stderr "$DINER" stock count --file bad.csv --store S001
    assert_status 1
    assert_stderr_is "diner: bad.csv:3: 'x' of 'P1004' is not a quantity"
    printf 'sku,count\n' >head.csv
    run --separate-stderr "$DINER" stock count --file head.csv --store S001
    assert_stderr_is "diner: 'head.csv' has no header with 'product' and 'quantity'"
    run --separate-stderr "$DINER" stock count P1001=1 PNONE=2 --store S001
    assert_status 1
    assert_stderr_has "line 2, 'PNONE': unknown_product"
    run --separate-stderr "$DINER" stock count P1001=1 --at '2 days ago' --store S001
    assert_status 1
    assert_stderr_has "corrected_since"
    for bad in P1001 =5 P1001=-1 P1001=; do
        run --separate-stderr "$DINER" stock count "$bad" --store S001
        assert_status 2
        assert_stderr_has "is not a product and a quantity"
    done
    run --separate-stderr "$DINER" stock count --store S001
    assert_status 2
    assert_stderr_has "nothing was counted"
    assert_equal "$(everything)" "$before"
}

@test "log: by order, kind and time; newest first, the whole ledger in pages" {
    order=$("$DINER" orders create --store S003 --item P2001=2 --item P2022=1 -o json | jq -r .order_no)
    "$DINER" orders cancel "$order" --reason test --yes
    run --separate-stderr "$DINER" stock log --order "$order" -o json
    assert_status 0
    assert_json 'length == 4 and (map(.change_type) == ["restore","restore","sale","sale"]) and (map(.order_id) | unique | length == 1) and all(.[]; .product_id > 0)'
    assert_json 'map(.quantity | tonumber) | add == 0'
    run --separate-stderr "$DINER" stock log --type restore --store S003 --since today --limit 1 -o json
    assert_json 'length == 1 and .[0].change_type == "restore"'
    run --separate-stderr "$DINER" stock log --limit 100000 --oldest-first -o json
    assert_equal "$(jq length <<<"$output")" "$(sql "select count(*) from app.stock_log")"
    assert_json '(map(.id) | . == sort) and (map(.id) | unique | length) == length'
    run --separate-stderr "$DINER" stock log --until 2000-01-01 -o json
    assert_stdout_is "[]"
    run --separate-stderr "$DINER" stock log --type theft
    assert_status 2
}

@test "set and reorder: proposals in whole packs" {
    api PUT /products/P1010/units/%E7%AE%B1 '{"base_quantity": 4}' >/dev/null
    "$DINER" stock count P1010=7 P1011=50 --store S001
    run --separate-stderr "$DINER" stock set P1010 --store S001 --par 20 --min 8 --pack 箱 --dry-run
    assert_status 0
    assert_sql "select count(*) from app.stock where par_qty is not null" 0
    "$DINER" stock set P1010 --store S001 --par 20 --min 8 --pack 箱
    "$DINER" stock set P1011 --store S001 --par 60 --min 8
    run --separate-stderr "$DINER" stock reorder --store S001 -o json
    assert_status 0
    assert_json 'length == 1 and (.[0] | .product == "P1010" and .packs == "4" and .pack_unit == "箱" and .order_qty == "16")'
    run --separate-stderr "$DINER" stock show --below min -o json
    assert_json 'map(.product) == ["P1010"]'
    "$DINER" stock set P1010 --store S001 --par none --min none --pack none
    "$DINER" stock set P1011 --store S001 --par none --min none
    run --separate-stderr "$DINER" stock reorder --store S001 -o json
    assert_stdout_is "[]"
    while IFS='|' read -r expect text options; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" stock set P1010 --store S001 $options
        assert_status "$expect"
        assert_stderr_has "$text"
    done <<'CASES'
2|nothing to set|
2|--par 'x' is not a quantity|--par x
1|bad_levels|--par 5 --min 6
1|unknown_unit|--par 5 --pack 桶桶
CASES
}

@test "policy flag: sold below zero, and marked" {
    "$DINER" stock count P2024=1 --store S002
    "$DINER" stock set P2024 --store S002 --policy flag
    "$DINER" orders create --store S002 --item P2024=3
    run --separate-stderr "$DINER" stock log --flagged -o json
    assert_json 'length == 1 and .[0].stock_after == "-2" and .[0].flagged == true'
    run --separate-stderr "$DINER" stock show --below zero -o json
    assert_json 'length == 1 and .[0].qty == "-2"'
    run --separate-stderr "$DINER" stock set P2024 --store S002 --policy forbid
    assert_status 1
    assert_stderr_has "below zero"
}

@test "transfer: sent, received in parts, the rest lost; cancelled" {
    from=$(stock_of S001 P1003) to=$(stock_of S003 P1003)
    run --separate-stderr "$DINER" stock transfer send P1003=10 --from S001 --to S003 --note 借 -o json
    assert_status 0
    id=$(jq -r .id <<<"$output")
    assert_stderr_is "transfer $id from S001 to S003: in_transit"
    assert_equal "$(stock_of S001 P1003)" "$(bc <<<"$from - 10")"
    "$DINER" stock transfer receive "$id" P1003=6
    run --separate-stderr "$DINER" stock transfer receive "$id" P1003=6
    assert_status 1
    assert_stderr_has "over_received"
    run --separate-stderr "$DINER" stock transfer receive "$id" P1003=1 --close -o json
    assert_json '.status == "received" and .lines[0].lost == "3"'
    assert_equal "$(stock_of S003 P1003)" "$(bc <<<"$to + 7")"
    id=$("$DINER" stock transfer send P1003=10 --from S001 --to S003 -o json | jq -r .id)
    run --separate-stderr "$DINER" stock transfer list --status in_transit -o json
    assert_json "length == 1 and .[0].id == $id"
    "$DINER" stock transfer cancel "$id"
    assert_equal "$(stock_of S001 P1003)" "$(bc <<<"$from - 10")"
    run --separate-stderr "$DINER" stock transfer show 999999
    assert_status 1
    assert_stderr_has "unknown_transfer"
}

@test "a dish with a recipe: stock of its ingredients" {
    api PUT /products/P2001/recipe '{"lines": [{"product": "P1005", "quantity": 4, "unit": "两", "yield": 0.8}, {"product": "P1017", "quantity": 10, "unit": "g"}]}' >/dev/null
    beef=$(stock_of S003 P1005) herb=$(stock_of S003 P1017) dish=$(stock_of S003 P2001)
    order=$("$DINER" orders create --store S003 --item P2001=3 -o json | jq -r .order_no)
    assert_equal "$(stock_of S003 P1005)" "$(bc <<<"$beef - 3 * 0.5")"
    assert_equal "$(stock_of S003 P1017)" "$(bc <<<"scale=6; x = $herb - 0.06; x")"
    assert_equal "$(stock_of S003 P2001)" "$dish"
    api PUT /products/P2001/recipe '{"lines": [{"product": "P1019", "quantity": 1}]}' >/dev/null
    "$DINER" orders cancel "$order" --reason test --yes
    assert_equal "$(stock_of S003 P1005) $(stock_of S003 P1017)" "$beef $herb"
    assert_sql "select count(*) from app.stock k where qty <> (select sum(quantity) from app.stock_log l where l.store_id = k.store_id and l.product_id = k.product_id)" 0
}
