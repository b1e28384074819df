#!/usr/bin/env bats
# ERP and CRM against a real Tryton server, by configuration alone.
load ../helper
load erp

setup_file() {
    dev_start || return 1
    tryton_start
}
teardown_file() {
    tryton_stop
    dev_stop
}
setup() {
    cd "$ERP_TESTS/pipelines" || return 1
    psql -X -q -d "$(dev_dsn)" -c 'set client_min_messages = error; drop schema if exists ods cascade; create schema ods;
        truncate diner.state, diner.reject, diner.intent'
}

@test "materials and the stock of each store arrive as they are there" {
    diner_run ./tryton_stock.yaml
    assert_status 0
    assert_moved tryton_materials "6 6 0 0 0"
    assert_moved tryton_stock "12 12 0 0 0"
    assert_sql "select string_agg(store || ' ' || material || ' ' || trim_scale(qty), ', ' order by store, material) from ods.tryton_stock where qty <> 0" \
        "S001 01.010.1001 1250.5, S001 01.010.1002 96.25, S001 02.011.2001 63.12, S001 02.011.2002 118, S001 03.020.3001 22.4, S002 01.010.1001 80, S002 01.010.1002 40, S002 02.011.2002 36"
    assert_sql "select name || ' ' || unit || ' ' || list_price || ' ' || cost_price from ods.tryton_materials where material = '04.030.4001'" \
        "打包盒 u 1.0000 0.3333"
    # the server's clock, read from its parts
    assert_sql "select count(*) from ods.tryton_materials where created_at between now() - interval '1 hour' and now()" 6
    # before the stock came
    diner_run ./tryton_stock.yaml --param day=2026-10-31
    assert_status 0
    assert_sql "select sum(qty) from ods.tryton_stock" 0.000000
    diner_run ./tryton_stock.yaml
    diner_run ./tryton_stock.yaml
    assert_nothing_moved
}

@test "pages follow each other by the last id, and a lost session is logged in again" {
    mkdir -p "$BATS_TEST_TMPDIR/connectors"
    sed -e 's/size: 500/size: 1/' -e 's,^rate: .*,rate: 2/s,' "$PROJECT/configs/connectors/tryton.yaml" \
        >"$BATS_TEST_TMPDIR/connectors/tryton.yaml"
    "$ERP_TESTS/tryton.sh" restart "$FILE_DIR/tryton" 2 3>&-
    DINER_CONNECTOR_PATH=$BATS_TEST_TMPDIR/connectors diner_run ./tryton_stock.yaml --only tryton_materials
    local logins
    logins=$(grep -c '" 401 ' "$FILE_DIR/tryton/server.log")
    "$ERP_TESTS/tryton.sh" restart "$FILE_DIR/tryton" 86400 3>&-
    assert_status 0
    assert_moved tryton_materials "6 6 0 0 0"
    [ "$logins" -ge 1 ] || fail "no session was lost"
}

@test "a wrong password is exit 4, and is not shown" {
    TRYTON_PASSWORD=not-the-password diner_run ./tryton_stock.yaml --only tryton_materials
    assert_status 4
    refute_stderr_has not-the-password
}

@test "an error inside HTTP 200 is an error" {
    mkdir -p "$BATS_TEST_TMPDIR/connectors"
    sed 's/template.name, type/template.name, no_such_field/' "$PROJECT/configs/connectors/tryton.yaml" \
        >"$BATS_TEST_TMPDIR/connectors/tryton.yaml"
    DINER_CONNECTOR_PATH=$BATS_TEST_TMPDIR/connectors diner_run ./tryton_stock.yaml --only tryton_materials
    assert_status 1
    assert_stderr_has "'no_such_field'"
}

sales_tables() {
    sql "create table ods.sales (store text, day date, material text, qty numeric, price numeric(12,4));
         insert into ods.sales values ('S001', '2026-11-21', '01.010.1001', 12.5, 6.5000), ('S001', '2026-11-21', '02.011.2002', 3, 45),
                                      ('S002', '2026-11-21', '01.010.1001', 0.5, 6.5000);
         create table ods.tryton_ids (material text, id bigint, unit_id bigint);
         insert into ods.tryton_ids values ('01.010.1001', $(id_of '.products["01.010.1001"]'), $(id_of .units.kg)),
                                           ('02.011.2002', $(id_of '.products["02.011.2002"]'), $(id_of .units.u))"
}

@test "sales are pushed, exact to the cent, and once" {
    sales_tables
    diner_run ./tryton_sales.yaml
    assert_status 0
    assert_moved push "2 2 0 0 0"
    diner_run ./tryton_sales.yaml
    assert_status 0
    assert_moved push "0 0 0 0 0"
    assert_sql "select string_agg(reference || ' ' || total, ', ' order by reference) from ods.tryton_sales" \
        "DINER-S001-2026-11-21 216.25, DINER-S002-2026-11-21 3.25"
    assert_equal "$(tryton_count sale.sale '[["reference", "like", "DINER-%"]]')" 2
    # one document that Tryton refuses is a reject; the other is there
    sql "insert into ods.sales values ('S003', '2026-11-21', '01.010.1001', 1, 6.5), ('S999', '2026-11-21', '01.010.1001', 1, 6.5)"
    diner_run ./tryton_sales.yaml
    assert_moved push "2 1 0 0 1"
    assert_equal "$(tryton_count sale.sale '[["reference", "like", "DINER-%"]]')" 3
    run --separate-stderr "$DINER" rejects list --pipeline tryton_sales
    assert_stdout_has "refused"
}

@test "suppliers and purchase orders arrive, their lines add up" {
    diner_run erp_purchase
    assert_status 0
    assert_moved erp_suppliers "2 2 0 0 0"
    assert_moved erp_purchase_orders "1 1 0 0 0"
    assert_sql "select string_agg(concat_ws(' ', number, supplier, store, ordered_on, status, untaxed_amount), ', ') from ods.erp_purchase_orders" \
        "1 V001 S001 2026-11-01 quotation 3786.58"
    assert_sql "select string_agg(concat_ws(' ', material, trim_scale(qty), unit, trim_scale(unit_price), amount), ', ' order by line_id) from ods.erp_purchase_lines" \
        "01.010.1001 500 kg 4.2 2100.00, 01.010.1002 60.5 l 11.35 686.68, 04.030.4001 3000 u 0.3333 999.90"
    # what was changed there since, and nothing else, comes next time
    tryton_call model.purchase.purchase.draft "[[$(id_of .purchase)], {}]" >/dev/null
    diner_run erp_purchase
    assert_moved erp_purchase_orders "1 0 1 0 0"
    assert_sql "select status from ods.erp_purchase_orders" draft
    diner_run erp_purchase
    assert_nothing_moved
    # one that was never changed after it was made has no write date, and is not missed
    tryton_call model.purchase.purchase.create "[[{\"party\": $(id_of '.suppliers[1]'), \"company\": 1, \"currency\": 1, \"reference\": \"PO-2\"}], {}]" >/dev/null
    diner_run erp_purchase
    assert_status 0
    assert_sql "select count(*) || ' ' || count(*) filter (where reference = 'PO-2') from ods.erp_purchase_orders" "2 1"
}

# ---- members -------------------------------------------------------------------------------------

party_of() { # CODE: name, and its mechanisms as type:name=value
    tryton_call model.party.party.search_read "[[[\"code\", \"=\", \"$1\"]], 0, 9, null,
        [\"name\", \"contact_mechanisms.type\", \"contact_mechanisms.name\", \"contact_mechanisms.value\"], {}]" |
        jq -r '.[] | .name + " " + (."contact_mechanisms." | map(.type + ":" + (.name // "") + "=" + .value) | sort | join(" "))'
}

@test "members: pulled, merged by column, pushed, and then there is nothing to do" {
    run --separate-stderr "$DINER" pipeline plan crm_members
    assert_status 0
    diner_run crm_members
    assert_status 0
    assert_sql "select string_agg(concat_ws(' ', member_id, name, phone, unionid), ', ' order by member_id) from ods.members" \
        "crm:10 Zoë oU-0004, crm:11 陈\"引号\" 13800000005, crm:7 王小明 13800000001 oU-0001, crm:8 李 雷 13800000002 oU-0002, crm:9 韩梅梅 13800000003"
    diner_run crm_members
    assert_nothing_moved
    # both sides go on: the CRM wins for names and phones, the platform for points
    sql "update ods.members set points = 120, name = '不作数', updated_at = now() where member_id = 'crm:7';
         update ods.members set phone = '13700000004', updated_at = now() where member_id = 'crm:10';
         insert into ods.members (member_id, name, phone, unionid, points) values
             ('P1', '赵六', '13900009999', null, 50), ('P2', '钱七', null, 'oU-0077', null)"
    tryton_call model.party.party.write "[[$(id_of '.members[1]')], {\"name\": \"李雷雷\"}, {}]" >/dev/null
    local before
    before=$(tryton_count party.party '[]')
    # a plan tells all of it and does none of it
    run --separate-stderr "$DINER" pipeline plan crm_members -o json
    assert_status 0
    assert_json '[.[] | select(.stream | IN("crm_create", "crm_update", "crm_changes", "members")) | .inserted + .updated] == [6, 2, 2, 2]'
    run --separate-stderr "$DINER" pipeline plan crm_members --diff
    assert_status 0
    assert_stdout_has "> code: P1  name: 赵六"
    assert_stdout_has 'side: crm  field: phone  was: null  becomes: 137****0004'
    refute_stdout_has 13900009999
    refute_stdout_has 13700000004
    assert_equal "$(tryton_count party.party '[]')" "$before"
    assert_sql "select count(*) from ods.crm_changes where member_id = 'P1'" 0
    diner_run crm_members
    assert_status 0
    assert_moved crm_create "2 2 0 0 0"
    assert_moved crm_update "2 2 0 0 0"
    assert_equal "$(party_of M0001)" "王小明 mobile:=13800000001 other:points=120 other:unionid=oU-0001"
    assert_equal "$(party_of M0004)" "Zoë mobile:=13700000004 other:unionid=oU-0004"
    assert_equal "$(party_of P1)" "赵六 mobile:=13900009999 other:points=50"
    assert_equal "$(party_of P2)" "钱七 other:unionid=oU-0077"
    assert_sql "select string_agg(name, ' ' order by member_id) from ods.members where member_id in ('crm:7', 'crm:8')" "王小明 李雷雷"
    # what was changed can be read, and nobody's number in it
    assert_sql "select string_agg(concat_ws(' ', member_id, side, field, was, becomes), ', ' order by member_id, field)
        from ods.crm_changes where member_id in ('P1', 'crm:7', 'crm:8', 'crm:10') and _run_id = (select max(_run_id) from ods.crm_changes)" \
        "P1 crm member new, crm:10 crm phone 137****0004, crm:7 platform name 不** 王**, crm:7 crm points 120, crm:8 platform name 李** 李**"
    diner_run crm_members
    assert_nothing_moved
    assert_equal "$(tryton_count party.party '[]')" "$((before + 2))"
}

@test "members: the rule of a column is a parameter" {
    diner_run crm_members
    sql "update ods.members set name = '王总', updated_at = '2020-01-01' where member_id = 'crm:7'"
    diner_run crm_members --param name=newest        # the CRM was written later
    assert_moved crm_update "0 0 0 0 0"
    assert_sql "select name from ods.members where member_id = 'crm:7'" 王小明
    sql "update ods.members set name = '王总', updated_at = now() + interval '1 hour' where member_id = 'crm:7'"
    diner_run crm_members --param name=newest
    assert_moved crm_update "1 1 0 0 0"
    assert_equal "$(party_of M0001)" "王总 mobile:=13800000001 other:points=120 other:unionid=oU-0001"
    diner_run crm_members --param name=newest
    assert_nothing_moved
    sql "update ods.members set name = '王小明', phone = '13800000066', updated_at = '2020-01-01' where member_id = 'crm:7'"
    diner_run crm_members --param name=platform --param phone=platform
    assert_equal "$(party_of M0001)" "王小明 mobile:=13800000066 other:points=120 other:unionid=oU-0001"
    diner_run crm_members
    assert_nothing_moved
}

@test "members: matched by code, unionid, phone; a doubtful one is left to a person" {
    diner_run crm_members --only members_table
    sql "insert into ods.members (member_id, name, phone, unionid) values
             ('A', 'by unionid', '13600000001', 'oU-0002'),       -- M0002, whatever its phone
             ('B', 'by phone', '13800000003', null),               -- M0003
             ('C', 'a family', '13800000066', 'oU-9999')           -- the phone of M0001, another person
             , ('D', 'two of one', '13800000005', null), ('E', 'two of one', '13800000005', null)"
    diner_run crm_members
    assert_status 0
    assert_sql "select string_agg(concat_ws(' ', c.code, l.member_id, l.matched_by), ', ' order by c.code)
        from ods.crm_links l join ods.crm_members c using (crm_id) where c.code like 'M%' or l.member_id in ('A', 'B', 'C', 'D', 'E')" \
        "M0002 A unionid, M0003 B phone, M0004 crm:10 new"
    assert_sql "select string_agg(concat_ws(' ', crm_id, name, phone, shares_a_key_with), ', ' order by crm_id) from ods.crm_ambiguous" \
        "11 陈** 138****0005 D E, 7 王** 138****0066 C"
    # nobody of them was made a second time, here or there
    assert_sql "select count(*) from ods.members where member_id like 'crm:%' and phone in ('13800000066', '13800000005')" 0
    assert_equal "$(tryton_count party.party '[["code", "in", ["A", "B", "C", "D", "E"]]]')" 0
}
