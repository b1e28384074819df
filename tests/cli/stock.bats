#!/usr/bin/env bats
# diner stock: show, adjust, sync, against the reference platform.
load ../helper
load pipelines

ERP=$PROJECT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv

setup_file() { dev_start --orders 60 --seed 3; }
teardown_file() { dev_stop; }

stock_of() { # PRODUCT
    "$DINER" stock show --store S001 --product "$1" -o json | jq -r '.[0].qty'
}
everything() { sql "select md5(string_agg(concat_ws(',', store_id, product_id, qty), ';' order by store_id, product_id)) from app.stock"; }

@test "show: filters and forms" {
    run --separate-stderr "$DINER" stock show --store S001 --product P1001 -o json
    assert_status 0
    assert_json 'length == 1 and .[0].store == "S001" and .[0].product == "P1001" and (.[0].qty | type == "string")'
    run --separate-stderr "$DINER" stock show -o json
    assert_json 'length > 100 and (map([.store, .product]) | unique | length) == length'
    run --separate-stderr "$DINER" stock show --limit 3 -o csv
    assert_equal "${#lines[@]}" 4
}

@test "adjust: by a signed quantity, logged once" {
    before=$(stock_of P1001)
    run --separate-stderr "$DINER" stock adjust P1001 --store S001 --by -1.5 --reason waste --note broken
    assert_status 0
    after=$(stock_of P1001)
    assert_equal "$(bc <<<"$before - 1.5 == $after")" 1
    assert_stderr_is "stock of P1001 in S001 is now $after"
    run --separate-stderr "$DINER" stock adjust P1001 --store S001 --by 1.5
    assert_status 0
    assert_equal "$(stock_of P1001)" "$before"
}

@test "adjust: what cannot be changes nothing" {
    before=$(everything)
    while IFS='|' read -r expect text options; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" stock adjust $options
        assert_status "$expect"
        assert_stderr_has "$text"
    done <<'CASES'
2|--by 'abc' is not a quantity other than zero|P1001 --store S001 --by abc
2|--by '0' is not a quantity other than zero|P1001 --store S001 --by 0
2|option '--store' is required|P1001 --by 1
2|expected one of adjust, count, waste, receipt, supplier_return, found 'foo'|P1001 --store S001 --by 1 --reason foo
1|insufficient_stock|P1001 --store S001 --by -9999999
1|unknown_product|NOPE --store S001 --by 1
1|unknown_store|P1001 --store S999 --by 1
CASES
    run --separate-stderr "$DINER" stock adjust P1001 --store S001 --by -1 --dry-run
    assert_status 0
    assert_stderr_has "dry run: nothing was changed"
    assert_equal "$(everything)" "$before"
}

@test "sync: a diff first, then the corrections, then nothing" {
    before=$(everything)
    run --separate-stderr "$DINER" stock sync --from "$ERP" --dry-run -o json
    assert_status 0
    diff=$output
    assert_json 'length > 0 and all(.[]; (.delta | tonumber) == ((.erp_qty | tonumber) + (.moved_qty | tonumber) - (.platform_qty | tonumber) | . * 1000000 | round / 1000000))'
    assert_equal "$(everything)" "$before"
    assert_sql "select to_regclass('ods.erp_stock') is null" t
    assert_sql "select count(*) from diner.run" 0
    run --separate-stderr "$DINER" stock sync --from "$ERP" -o json
    assert_status 0
    assert_equal "$output" "$diff"
    assert_stderr_has "$(jq length <<<"$diff") adjusted, 3 rows rejected, 5 negative quantities left alone"
    assert_stderr_has "0 differences left"
    after=$(everything)
    [ "$after" != "$before" ]
    run --separate-stderr "$DINER" stock sync --from "$ERP"
    assert_status 0
    assert_stderr_has "stock sync: 0 adjusted"
    assert_equal "$(everything)" "$after"
    assert_sql "select count(*) = count(distinct id) and count(*) filter (where status <> 'done') = 0 from diner.intent" t
}

@test "sync: a bad export changes nothing" {
    before=$(everything)
    run --separate-stderr "$DINER" stock sync --from nope.csv
    assert_status 1
    assert_stderr_has "there is no file 'nope.csv'"
    cd "$BATS_TEST_TMPDIR"
    head -c 1500 "$ERP" >cut.csv
    run --separate-stderr "$DINER" stock sync --from cut.csv
    assert_status 1
    assert_stderr_has "ends without its total"
    iconv -f GB18030 -t UTF-8 "$ERP" | sed 's/库存数量/库存/' >header.csv
    run --separate-stderr "$DINER" stock sync --from header.csv
    assert_status 1
    assert_stderr_has "no header with '仓库编码'"
    assert_equal "$(everything)" "$before"
}
