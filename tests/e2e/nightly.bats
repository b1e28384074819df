#!/usr/bin/env bats
# The night on real input: what is loaded, rejected, skipped and found, what reaches the platform,
# what the files are made of; other ERPs by configuration alone.
bats_require_minimum_version 1.5.0
load e2e

setup_file() {
    e2e_up 600
    e2e_save
    "$DINER" run nightly -o json >"$DEV/report.json" 2>"$DEV/report.err"
}

teardown_file() { e2e_down; }

counts() { # STREAM: read loaded rejected skipped findings
    jq -r --arg s "$1" '.[] | select(.stream == $s)
        | [.read, .inserted + .updated + .unchanged, .rejected, .skipped, .findings] | join(" ")' "$DEV/report.json"
}

@test "the export's rows are all accounted for: loaded, rejected, skipped" {
    # 53 records and 3 bad ones of stock, 4 of totals; 5 negative quantities are findings.
    [ "$(counts erp_stock)" = "60 53 3 4 5" ]
    [ "$(ask "select count(*) from ods.erp_stock")" -eq 53 ]
    run jq -r '[.[] | select(.status != "succeeded")] | length' "$DEV/report.json"
    [ "$output" -eq 0 ]
}

@test "exactly three rows are rejected, each with line, column, value and reason" {
    run --separate-stderr "$DINER" rejects list -o json
    [ "$status" -eq 0 ]
    [ "$(jq length <<<"$output")" -eq 3 ]
    run ask "select position, column_name, coalesce(value, '(none)'), reason <> '', origin like '%kingdee%'
             from diner.reject order by position"
    [ "${lines[0]}" = "31|qty|十二|t|t" ]
    [ "${lines[1]}" = "42|material||t|t" ]
    [ "${lines[2]}" = "53|last_in|2026/13/40|t|t" ]
    # The lines named are the lines of the file.
    iconv -f GB18030 -t UTF-8 "$ERP_STOCK_FILE" >"$DEV/utf8.csv"
    sed -n 31p "$DEV/utf8.csv" | grep -q '十二'
    sed -n 42p "$DEV/utf8.csv" | grep -q '无编码物料'
    sed -n 53p "$DEV/utf8.csv" | grep -q '2026/13/40'
}

@test "three subtotals and the total are skipped, and the total is the sum of all rows" {
    [ "$(ask "select count(*) from ods.erp_stock where store !~ '^S00' or material is null")" -eq 0 ]
    # Loaded and rejected: the rejected rows state 3.00 and 192.50, the one without amount nothing.
    [ "$(ask "select sum(amount) + 3.00 + 192.50 from ods.erp_stock")" = 5662372.54 ]
    # A total that is wrong by a cent loads nothing.
    iconv -f GB18030 -t UTF-8 "$ERP_STOCK_FILE" | sed 's/"5,662,372.54"/"5,662,372.55"/' >"$DEV/wrong.csv"
    run --separate-stderr "$DINER" run stock_sync --param file="$DEV/wrong.csv" --only erp_stock
    [ "$status" -eq 1 ]
    [[ $stderr == *"5662372.55"*"5662372.54"* ]]
    [ "$(ask "select count(*) from ods.erp_stock")" -eq 53 ]
}

@test "negative quantities are loaded, reported, never pushed" {
    [ "$(ask "select count(*) from ods.erp_stock where qty < 0")" -eq 5 ]
    [ "$(ask "select count(*) from diner.finding f join diner.run r on r.id = f.run_id
              where f.stream = 'erp_stock' and f.check_name = 'negative quantity'
                and r.id = (select min(run_id) from diner.finding)")" -eq 5 ]
    # As is said, byte for byte: 5.240- is minus 5.240.
    [ "$(ask "select trim_scale(qty) from ods.erp_stock where store = 'S001' and material = '01.010.1001'")" = -5.24 ]
    [ "$(ask "select count(*) from app.stock_log l join app.products p on p.id = l.product_id
              join app.stores s on s.id = l.store_id
              join ods.erp_stock e on e.store = s.code and e.material = p.material_code
              where l.change_type = 'erp_sync' and e.qty < 0")" -eq 0 ]
}

@test "rejected, negative and missing keys keep the platform's stock; all others get the ERP's" {
    run ask "select s.code || ' ' || p.material_code
             from app.stock k join saved.stock x using (store_id, product_id)
             join app.stores s on s.id = k.store_id join app.products p on p.id = k.product_id
             where k.qty = x.qty and p.material_code is not null
               and not exists (select from ods.erp_stock e where e.store = s.code
                               and e.material = p.material_code and e.qty >= 0)
             order by 1"
    local kept=("${lines[@]}")
    for key in 'S001 01.010.1001' 'S002 02.011.1002' 'S002 04.021.1012' 'S002 02.027.1018' \
        'S003 04.013.1004' 'S003 01.010.1001'; do
        printf '%s\n' "${kept[@]}" | grep -qxF "$key" || { echo "not kept: $key" >&2; false; }
    done
    [ "$(ask "select count(*) from app.stock k join saved.stock x using (store_id, product_id)
              join app.stores s on s.id = k.store_id join app.products p on p.id = k.product_id
              where k.qty <> x.qty and not exists (select from ods.erp_stock e
                  where e.store = s.code and e.material = p.material_code and e.qty >= 0)")" -eq 0 ]
    [ -z "$(e2e_stock_not_erp)" ]
    [ "$(ask "select count(*) from app.stock_log where change_type = 'erp_sync'")" -gt 40 ]
    [ -z "$(e2e_applied_twice)" ]
    # What ods holds of the platform is what the platform has now.
    [ "$(ask "select count(*) from ods.platform_stock o join app.stores s on s.code = o.store
              join app.products p on p.sku = o.product
              join app.stock k on k.store_id = s.id and k.product_id = p.id
              where o.qty <> k.qty")" -eq 0 ]
}

@test "batches are summed before they are compared" {
    # The first material again as a second batch: the platform must get the sum of both.
    iconv -f GB18030 -t UTF-8 "$ERP_STOCK_FILE" | sed -e 's/"5,662,372.54"/"5,909,222.20"/' \
        -e '/^S001,.*03.012.1003/{p;s/,B261105,/,B261106,/;s/"1,928.513"/"71.487"/}' >"$DEV/batches.csv"
    "$DINER" run stock_sync --param file="$DEV/batches.csv"
    [ "$(ask "select count(*) from ods.erp_stock where store = 'S001' and material = '03.012.1003'")" -eq 2 ]
    [ -z "$(e2e_stock_not_erp)" ]
    [ "$(ask "select trim_scale(sum(qty)) from ods.erp_stock where store = 'S001' and material = '03.012.1003'")" -eq 2000 ]
    "$DINER" run stock_sync
    [ -z "$(e2e_stock_not_erp)" ]
}

@test "a key with one negative or one rejected batch among good ones is left alone" {
    # Totals: no amount in the added rows, so that the file's own total still holds.
    iconv -f GB18030 -t UTF-8 "$ERP_STOCK_FILE" | sed \
        -e '/^S001,.*03.016.1007/{p;s/,B261115,/,B261116,/;s/"1,942.815",215.00,"417,705.23"/5.000-,,/}' \
        -e '/^S001,.*02.019.1010/{p;s/,B261118,/,B261119,/;s/"1,324.217",398.00,"527,038.37"/abc,,/}' >"$DEV/mixed.csv"
    [ "$(grep -c 'B261116,箱,5.000-,,,\|B261119,桶,abc,,,' "$DEV/mixed.csv")" -eq 2 ]
    # Three keys differ from the ERP by one; only the one that is wholly good is put right.
    keys="('03.016.1007', '02.019.1010', '03.012.1003')"
    ask "update app.stock k set qty = k.qty + 1 from app.stores s, app.products p
         where s.id = k.store_id and p.id = k.product_id and s.code = 'S001' and p.material_code in $keys"
    at="select string_agg(p.material_code || '=' || trim_scale(k.qty), ' ' order by 1) from app.stock k
        join app.stores s on s.id = k.store_id join app.products p on p.id = k.product_id
        where s.code = 'S001' and p.material_code in ('03.016.1007', '02.019.1010')"
    before=$(ask "$at")
    run --separate-stderr "$DINER" stock sync --from "$DEV/mixed.csv" --dry-run -o json
    [ "$(jq -r '[.[].material] | join(" ")' <<<"$output")" = 03.012.1003 ] # the diff says the same
    "$DINER" run stock_sync --param file="$DEV/mixed.csv"
    [ "$(ask "select count(*) from ods.erp_stock where store = 'S001' and material = '03.016.1007'")" -eq 2 ]
    [ "$(ask "$at")" = "$before" ]
    [ "$(ask "select trim_scale(quantity) from app.stock_log where change_type = 'erp_sync' order by id desc limit 1")" = -1 ]
    "$DINER" run stock_sync # the good file again
    [ -z "$(e2e_stock_not_erp)" ]
    [ "$(ask "$at")" != "$before" ]
}

@test "orders, lines and marts say the same as the platform" {
    [ "$(ask "select count(*), sum(total_amount), sum(refund_amount) from ods.orders")" = \
        "$(ask "select count(*), sum(total_amount), sum(refund_amount) from app.orders")" ]
    [ "$(ask "select count(*), sum(quantity), sum(amount) from mart.fact_order_item")" = \
        "$(ask "select count(*), sum(quantity), sum(amount) from app.order_items")" ]
    [ "$(ask "select count(*), sum(gross_amount) from mart.fact_order")" = \
        "$(ask "select count(*), sum(gross_amount) from app.orders")" ]
    [ "$(ask "select count(*) from mart.dim_product")" -eq "$(ask "select count(*) from app.products")" ]
}

@test "the sales file is GB18030 with CR LF, one line a store and material, its sums the day's" {
    f=$DEV/out/erp/sales_$BIZ_DATE.csv
    iconv -f GB18030 -t UTF-8 "$f" >"$DEV/sales.csv"
    run ! iconv -f UTF-8 -t UTF-8 "$f"
    [ "$(wc -l <"$f")" -eq "$(grep -c $'\r$' "$f")" ]
    head -n 1 "$DEV/sales.csv" | grep -qF '业务日期,门店编码,门店名称,物料编码,物料名称,单位,销售数量,销售金额,订单数'
    grep -q '大米\|牛肉\|馄饨' "$DEV/sales.csv"
    python3 - "$DEV/sales.csv" "$BIZ_DATE" >"$DEV/sums" <<'PY'
import csv, decimal, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert len({(r["门店编码"], r["物料编码"]) for r in rows}) == len(rows)
assert {r["业务日期"] for r in rows} == {sys.argv[2]}
print(sum(decimal.Decimal(r["销售数量"]) for r in rows).normalize(),
      sum(decimal.Decimal(r["销售金额"]) for r in rows))
PY
    [ "$(cat "$DEV/sums")" = "$(ask "select trim_scale(sum(i.quantity)) || ' ' || sum(i.amount)
        from app.orders o join app.order_items i on i.order_id = o.id
        where o.business_date = '$BIZ_DATE' and o.status <> 'cancelled'
          and o.payment_status in ('paid', 'partially_refunded')")" ]
}

@test "BI files begin with a BOM, end lines with CR LF, and have all rows" {
    for f in fact_order fact_order_item dim_store dim_product dim_date; do
        [ "$(head -c 3 "$DEV/out/bi/$f.csv" | od -An -tx1)" = " ef bb bf" ]
        [ "$(wc -l <"$DEV/out/bi/$f.csv")" -eq "$(grep -c $'\r$' "$DEV/out/bi/$f.csv")" ]
        iconv -f UTF-8 -t UTF-8 "$DEV/out/bi/$f.csv" >/dev/null
        [ "$(wc -l <"$DEV/out/bi/$f.csv")" -eq $(($(ask "select count(*) from mart.$f") + 1)) ]
    done
}

@test "an Odoo export loads by configuration alone" {
    run --separate-stderr "$DINER" run "$ROOT/tests/fixtures/pipelines/stock_odoo.yaml" -o json
    [ "$status" -eq 0 ]
    [ "$(jq -r '.[0] | [.read, .inserted, .rejected, .findings] | join(" ")' <<<"$output")" = "24 24 0 1" ]
    [ "$(ask "select location || ':' || count(*) from ods.odoo_stock group by location order by 1" | xargs)" = \
        "WH/S001:8 WH/S002:8 WH/S003:8" ]
    [ "$(ask "select trim_scale(qty) from ods.odoo_stock where location = 'WH/S001' and material = '03.016.1007'")" = -4.46 ]
    [ "$(ask "select name from ods.odoo_stock where location = 'WH/S003' and material = '04.013.1004'")" = '生抽 "金标"' ]
    [ "$(ask "select trim_scale(sum(qty)) from ods.odoo_stock")" = 626.68 ]
}

@test "an SAP list in UTF-16 with decimal comma loads by configuration alone" {
    run --separate-stderr "$DINER" run "$ROOT/tests/fixtures/pipelines/stock_sap.yaml" -o json
    [ "$status" -eq 0 ]
    [ "$(jq -r '.[0] | [.read, .inserted, .rejected, .findings] | join(" ")' <<<"$output")" = "12 12 0 2" ]
    [ "$(ask "select material, trim_scale(qty), value from ods.sap_stock where name = '大米,东北长粒香'")" = \
        "000000000000009878|-3684.546|-471621.89" ]
    [ "$(ask "select name from ods.sap_stock where material like '%9879'")" = '生抽 "金标"' ]
    [ "$(ask "select plant || location from ods.sap_stock group by 1")" = 10000001 ]
}
