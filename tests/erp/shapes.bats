#!/usr/bin/env bats
# Kingdee, Odoo, ERPNext and SAP by configuration alone, against a server that answers in their
# shapes (server.py): what is asserted is that diner copes with these shapes.
load ../helper
load erp

setup_file() {
    dev_start || return 1
    shapes_start
}
teardown_file() {
    shapes_stop
    dev_stop
}
setup() {
    cd "$ERP_TESTS/pipelines" || return 1
    shapes '{"reset": true}'
    psql -X -q -d "$(dev_dsn)" -c 'set client_min_messages = error; drop schema if exists ods cascade; create schema ods;
        truncate diner.state, diner.reject, diner.intent'
}

# A connector changed for one test: the shipped one through sed.
changed_connector() { # NAME SED-SCRIPT
    mkdir -p "$BATS_TEST_TMPDIR/connectors"
    sed -e "$2" "$PROJECT/configs/connectors/$1.yaml" >"$BATS_TEST_TMPDIR/connectors/$1.yaml"
    export DINER_CONNECTOR_PATH=$BATS_TEST_TMPDIR/connectors
}

# ---- reading -------------------------------------------------------------------------------------

@test "kingdee: arrays without names, page after page, exact numbers; again, nothing" {
    diner_run ./erp_kingdee.yaml
    assert_status 0
    assert_moved kd_materials "7 7 0 0 0"
    assert_moved kd_stock "8 8 0 0 0"
    assert_moved kd_purchase_lines "3 3 0 0 0"      # approved ones
    assert_sql "select concat_ws('|', name, coalesce(spec, 'NULL'), unit, modified_at) from ods.kd_materials where material = '02.011.2001'" \
        "带皮五花肉|NULL|kg|2026-11-03 00:00:00+00"
    assert_sql "select concat_ws('|', name, modified_at) from ods.kd_materials where material = '03.020.3001'" '青椒"薄皮"|2026-11-05 00:00:00+00'
    assert_sql "select string_agg(qty::text, ' ' order by qty) from ods.kd_stock where material in ('9876', '03.020.3001')" \
        "-4.3430000000 123456789012.3456789012"
    assert_sql "select string_agg(concat_ws(' ', number, material, trim_scale(qty), trim_scale(price), ordered_on), ', ' order by line_id) from ods.kd_purchase_lines" \
        "CGDD000101 01.010.1001 500 4.2 2026-11-01, CGDD000101 01.010.1002 60.5 11.35 2026-11-01, CGDD000102 03.020.3001 22.4 5.125 2026-11-02"
    diner_run ./erp_kingdee.yaml
    assert_status 0
    assert_nothing_moved
}

@test "kingdee: a field that only one tenant has is a parameter" {
    diner_run ./erp_kingdee.yaml --only kd_shelves
    assert_status 0
    assert_sql "select string_agg(material || '=' || shelf, ' ' order by material) from ods.kd_shelves where material like '01%'" \
        "01.010.1001=A-0 01.010.1002=A-1"
    sed 's/F_DINER_Shelf"/FSalesManId"/' erp_kingdee.yaml >"$BATS_TEST_TMPDIR/wrong.yaml"
    diner_run "$BATS_TEST_TMPDIR/wrong.yaml" --only kd_shelves
    assert_status 1
    assert_stderr_has "元数据中标识为FSalesManId的字段不存在"
}

@test "kingdee: a lost session is one more login, in the midst of the pages" {
    shapes '{"set": {"expire_after": 2}}'
    diner_run ./erp_kingdee.yaml
    assert_status 0
    assert_moved kd_stock "8 8 0 0 0"
    # 16 queries were answered, two a session
    assert_equal "$(asked '[.[] | select(.path | contains("LoginBySign"))] | length')" 8
    assert_equal "$(asked '[.[] | select(.path | contains("ExecuteBillQuery"))] | length')" $((16 + 7))
    # one that is lost each time is an error, not a circle
    shapes '{"set": {"expire_after": -1}}'
    diner_run ./erp_kingdee.yaml --only kd_stock
    assert_status 4
    assert_stderr_has "会话信息已丢失，请重新登录"
}

@test "kingdee: a wrong secret or password is exit 4, in Kingdee's words" {
    KINGDEE_APP_SECRET=guess diner_run ./erp_kingdee.yaml --only kd_stock
    assert_status 4
    assert_stderr_has "用户名或密码错误"
    assert_equal "$(asked 'length')" 1
    # the login with a password, as its comment has it
    # shellcheck disable=SC2016 # names of the connector, not of the shell
    changed_connector kingdee 's/app_secret: env:KINGDEE_APP_SECRET/password: env:KINGDEE_PASSWORD/
        s/LoginBySign/ValidateUser/; /^    sign:/,/^      put:/d
        s/^    body: .*app_id.*/    body: { parameters: ["${account}", "${user}", "${password}", 2052] }/'
    diner_run ./erp_kingdee.yaml --only kd_stock
    assert_status 0
    assert_moved kd_stock "8 8 0 0 0"
    KINGDEE_PASSWORD=guess diner_run ./erp_kingdee.yaml --only kd_stock
    assert_status 4
    assert_stderr_has "用户名或密码错误"
    refute_stderr_has guess
}

@test "odoo: pages by the last id, false is null, links are pairs" {
    diner_run ./erp_odoo.yaml
    assert_status 0
    assert_moved odoo_materials "7 7 0 0 0"
    assert_moved odoo_stock "8 8 0 0 0"
    assert_sql "select string_agg(coalesce(phone, 'NULL'), '|' order by id) from ods.odoo_suppliers" "13900000001|NULL|+49 30 1234"
    assert_sql "select concat_ws('|', material, unit, list_price, active, modified_at) from ods.odoo_materials where id = 4" \
        "02.011.2002|只|45.1234567890|t|2026-11-04 08:00:00+00"
    assert_sql "select count(*) filter (where lot is null) || ' ' || max(qty) from ods.odoo_stock" "8 123456789012.3456789012"
    assert_equal "$(asked '[.[] | select(.path | contains("quant")) | .body | fromjson | .domain[0][2]] | tostring')" "[0,3,6,8]"
    diner_run ./erp_odoo.yaml
    assert_nothing_moved
    ODOO_API_KEY=guess diner_run ./erp_odoo.yaml --only odoo_stock
    assert_status 4
    assert_stderr_has "Invalid apikey"
}

@test "odoo: JSON-RPC with a session, its errors inside HTTP 200" {
    shapes '{"set": {"expire_after": 2}}'
    diner_run ./erp_odoo_rpc.yaml
    assert_status 0
    assert_moved rpc_materials "7 7 0 0 0"
    assert_moved rpc_stock "8 8 0 0 0"
    shapes '{"set": {"expire_after": 0}}'
    diner_run ./erp_odoo_rpc.yaml
    assert_nothing_moved
    changed_connector odoo_rpc 's/lot_id, quantity/no_such_field, quantity/'
    diner_run ./erp_odoo_rpc.yaml --only rpc_stock
    assert_status 1
    ODOO_PASSWORD=guess diner_run ./erp_odoo_rpc.yaml --only rpc_stock
    assert_status 4
    assert_stderr_has "Access Denied"
}

@test "erpnext: all rows, although a listing ends after 20 by itself" {
    shapes '{"set": {"frappe_default": 2}}'
    changed_connector erpnext 's/size: 500/size: 3/'
    diner_run ./erp_erpnext.yaml
    assert_status 0
    assert_moved next_materials "7 7 0 0 0"
    assert_moved next_stock "8 8 0 0 0"
    assert_moved next_purchase_lines "3 3 0 0 0"
    assert_sql "select concat_ws('|', name, unit, disabled, modified_at) from ods.next_materials where material = '04.030.4001'" \
        "打包盒, 大|只|0|2026-11-06 00:00:00.123456+00"
    assert_sql "select string_agg(coalesce(phone, 'NULL'), '|' order by supplier) from ods.next_suppliers" "13900000001|NULL|+49 30 1234"
    diner_run ./erp_erpnext.yaml
    assert_nothing_moved
    ERPNEXT_TOKEN="token a:b" diner_run ./erp_erpnext.yaml --only next_stock
    assert_status 4
    refute_stderr_has "token a:b"
}

@test "sap: V2 and V4 along their links; dates, decimals and padded codes" {
    diner_run ./erp_sap.yaml
    assert_status 0
    assert_moved sap_materials "7 7 0 0 0"
    assert_moved sap_materials_v4 "7 7 0 0 0"
    assert_moved sap_stock "8 8 0 0 0"
    assert_sql "select string_agg(material || ' ' || modified_at, ', ' order by material) from ods.sap_materials where material in ('9876', '01.010.1001')" \
        "01.010.1001 2026-11-01 08:00:00+00, 9876 2026-11-07 08:00:00+00"
    assert_sql "select string_agg(qty::text, ' ' order by qty) from ods.sap_stock where qty < 0 or qty > 100000" "-4.3430000000 123456789012.3456789012"
    assert_sql "select string_agg(supplier || ' ' || created_on, ', ' order by supplier) from ods.sap_suppliers" "V001 2026-10-01, V002 2026-10-02, V003 2026-10-03"
    assert_sql "select string_agg(concat_ws(' ', number, l->>'Material', l->>'OrderQuantity'), ', ' order by number, l->>'PurchaseOrderItem')
        from ods.sap_purchase_orders, jsonb_array_elements(lines) l where number = 'CGDD000101'" \
        "CGDD000101 01.010.1001 500.0000000000, CGDD000101 01.010.1002 60.5000000000"
    diner_run ./erp_sap.yaml
    assert_nothing_moved
}

@test "sap: a service that ignores paging and gives no link loses no row in silence" {
    shapes '{"set": {"sap_ignores_paging": true}}'
    diner_run ./erp_sap.yaml --only sap_stock
    assert_status 1
    assert_stderr_has "the source says it has 8 rows, 3 came"
    run sql "select count(*) from ods.sap_stock"
    [ "$output" != 3 ] || fail "three rows of eight were taken for all"
    # asked by $skip, the first page comes again: that is seen too
    # shellcheck disable=SC2016 # names of OData, not of the shell
    changed_connector sap_odata 's/paginate: .*/paginate: { type: offset, param: $skip, size_param: $top, size: 3 }/; s/expect_total: .*/single: false/'
    diner_run ./erp_sap.yaml --only sap_stock
    assert_status 1
    assert_stderr_has "the very same records came before"
}

# ---- writing -------------------------------------------------------------------------------------

sales_table() {
    sql "create table ods.sales (reference text, store text, day date, material text, qty numeric, price numeric);
         insert into ods.sales values ('DINER-1', 'S001', '2026-11-21', '9876', 12.50, 6.5000), ('DINER-2', 'S999', '2026-11-21', '9876', 1, 1),
                                      ('DINER-3', 'S002', '2026-11-21', '01.010.1001', 0.001, 19.90)"
}

# Pushes three documents, the second of which is refused; then again; then with answers lost.
push_thrice() { # NAME VENDOR JQ-OF-A-REFERENCE REFUSAL
    sales_table
    diner_run "./push_$1.yaml"
    assert_moved push "3 2 0 0 1"
    assert_equal "$(written "[.$2[] | $3] | sort | tostring")" '["DINER-1","DINER-3"]'
    run --separate-stderr "$DINER" rejects list --pipeline "push_$1"
    assert_stdout_has "$4"
    diner_run "./push_$1.yaml"
    assert_moved push "1 0 0 0 1"
    # carried out, its answer lost: the next run sees it there, and does not write it again
    sql "insert into ods.sales values ('DINER-4', 'S001', '2026-11-22', '9876', 1, 1), ('DINER-5', 'S001', '2026-11-22', '9876', 2, 1); delete from ods.sales where store = 'S999'"
    shapes '{"set": {"drop_after_write": 1}}'
    diner_run "./push_$1.yaml"
    assert_status 5
    diner_run "./push_$1.yaml"
    assert_status 0
    assert_equal "$(written "[.$2[] | $3] | sort | tostring")" '["DINER-1","DINER-3","DINER-4","DINER-5"]'
    diner_run "./push_$1.yaml"
    assert_moved push "0 0 0 0 0"
    assert_sql "select count(*) from diner.intent where status = 'pending'" 0
}

@test "kingdee: sales are saved once, also when an answer is lost" {
    push_thrice kingdee kingdee .Model.FBillNo 客户
    assert_equal "$(written '.kingdee[1].Model | [.FSaleOrderEntry[0].FQty, .FSaleOrderEntry[0].FTaxPrice] | tostring')" "[0.001,19.9]"
}

@test "a push of which all is refused stops, and is a failure" {
    sql "create table ods.sales as select 'DINER-' || i as reference, 'S999' as store, date '2026-11-21' as day, '9876' as material, 1 as qty, 1 as price
         from generate_series(1, 40) i"
    diner_run ./push_kingdee.yaml
    assert_status 1
    assert_stderr_has "11 of 40 rows rejected"
    assert_stderr_has "what was accepted stays, nothing more was sent; first: refused: "
    assert_equal "$(asked '[.[] | select(.path | contains(".Save."))] | length')" 11
    assert_sql "select count(*) from diner.reject where stream = 'push'" 11
    # the next run sends none of the old ones by itself, and finds the mended ones
    sql "update ods.sales set store = 'S001'"
    diner_run ./push_kingdee.yaml
    assert_status 0
    assert_moved push "40 40 0 0 0"
    assert_equal "$(written '[.kingdee[].Model.FBillNo] | length, (unique | length) | tostring' | tr '\n' ' ')" "40 40 "
}

@test "erpnext: sales are made once, also when an answer is lost" {
    push_thrice erpnext erpnext .name "customer"
}

@test "sap: sales are made once, with a token; a lost session gets another one" {
    push_thrice sap sap .PurchaseOrderByCustomer "Enter the sold-to party"
    sql "insert into ods.sales values ('DINER-6', 'S001', '2026-11-23', '9876', 1, 1)"
    shapes '{"lose_sessions": true}'
    diner_run ./push_sap.yaml
    assert_status 0
    assert_equal "$(written '.sap | length')" 5
}

@test "odoo: sales are made, a refused one is a reject; JSON-RPC too" {
    for name in odoo odoo_rpc; do
        sql "drop table if exists ods.sales"
        sales_table
        shapes '{"reset": true}'
        diner_run ./push_$name.yaml
        assert_moved push "3 2 0 0 1"
        assert_equal "$(written '[.odoo[][] | .client_order_ref] | tostring')" '["DINER-1","DINER-3"]'
        run --separate-stderr "$DINER" rejects list --pipeline push_$name
        assert_stdout_has "missing value for 'partner_id'"
    done
}
