#!/usr/bin/env bats
# diner members export, erase: all about one person, and nothing about them any more.
load ../helper

PHONE=13812345678 NAME=欧阳娜娜 OPENID=oZWaCKXip5njeEiloC4oeOV1TTsk UNIONID=ounion-0123456789

setup_file() { dev_start --orders 30 --seed 3; }
teardown_file() { dev_stop; }

api() { # METHOD PATH [BODY] [HEADER]: the answer
    token=${token:-$(curl -sS "$(dev_url)/api/v1/auth/login" -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)}
    curl -sS -X "$1" "$(dev_url)/api/v1$2" -H "Authorization: Bearer $token" ${3:+-d "$3"} ${4:+-H "$4"}
}
dine() { # MEMBER REF: the number of an order paid from the wallet
    api POST /orders/checkout "{\"store\":\"S001\",\"channel\":\"dine_in\",\"payment_method\":\"wallet\",\"member\":\"$1\",\"member_ref\":\"$2\",\"items\":[{\"product\":\"P1001\",\"quantity\":1}]}" |
        jq -re .data.order_no
}
end_order() { for to in accept ready fulfill; do "$DINER" orders "$to" "$1" >/dev/null; done; }
# The lines of a dump of the whole database that have it.
traces() { pg_dump -d "$(dev_dsn)" | grep -E "$1" || true; }

# A person with two numbers, an order, a refund, words about them wherever words are kept.
person() {
    no=$(api POST /members "{\"name\":\"$NAME\",\"phone\":\"+86$PHONE\",\"unionid\":\"$UNIONID\",\"appid\":\"wx1\",\"openid\":\"$OPENID\"}" "Idempotency-Key: make-$BATS_TEST_NUMBER" | jq -re .data.member_no)
    other=$(api POST /members "{\"name\":\"$NAME\",\"phone\":\"13987654321\"}" | jq -re .data.member_no)
    api POST "/members/$no/wallet/topups" "{\"amount\":200,\"ref\":\"top-$BATS_TEST_NUMBER\",\"note\":\"$NAME 充值 138 1234 5678\"}" >/dev/null
    order=$(dine "$no" "$OPENID")
    "$DINER" orders refund "$order" --amount 8.50 --reason "$NAME: 太咸" --yes >/dev/null
    "$DINER" members merge "$no" "$other" --yes >/dev/null
}

@test "export: everything about one person, in a file that only its owner reads" {
    person
    run --separate-stderr "$DINER" members export "$other" --out-file "$BATS_TEST_TMPDIR/out.json"
    assert_status 0
    assert_stdout_is ""
    assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/out.json")" 600
    output=$(<"$BATS_TEST_TMPDIR/out.json")
    assert_json ".member.member_no == \"$no\" and .member.phone == \"$PHONE\" and .member.redirected_from == \"$other\"
        and .member.identities == [{appid: \"wx1\", openid: \"$OPENID\"}]
        and (.merged_members | length) == 1 and (.merges | length) == 1
        and .orders[0].order_no == \"$order\" and (.orders[0].items | length) == 1
        and .payments[0].payment.amount == \"38.50\" and .refunds[0].refund.amount == \"8.50\"
        and ([.wallets[] | select(.member_no == \"$no\")][0] | .balance == \"170.00\" and (.log | length) == 3)
        and (.notifications | map(.type) | index(\"order.created\") != null)"
    run --separate-stderr "$DINER" members export M0 --out-file "$BATS_TEST_TMPDIR/none.json"
    assert_status 1
    assert_stderr_has unknown_member
    refute_exists "$BATS_TEST_TMPDIR/none.json"
}

@test "erase: refused while there is money or an order is open, and says what to do" {
    run --separate-stderr "$DINER" members erase M00000001 --dry-run
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "still has 170.00 in the wallet, 1 open orders"
    assert_stderr_has "hint: pay the balance out and say so with --pay-out"
    run --separate-stderr "$DINER" members erase M00000001 --pay-out P-1 --yes
    assert_status 1
    assert_stderr_has "0.00 in the wallet, 1 open orders"
    assert_sql "select balance from app.wallets where member_id = 1" 170.00
    run --separate-stderr "$DINER" members erase M00000001 </dev/null
    assert_status 2
    assert_stderr_has "needs --yes"
    run --separate-stderr "$DINER" members erase M0 --yes
    assert_status 1
    assert_stderr_has "there is no member 'M0'"
}

@test "erase: nothing in the whole database tells them, and the money stays" {
    order=$(sql "select order_no from app.orders where member_id = 1")
    end_order "$order"
    # Rejected rows, landed copies, answers, all ways to write a phone; and what only looks like it.
    sql "insert into diner.run (pipeline, host, pid) values ('p', 'h', 1);
         insert into diner.reject (pipeline, stream, identity, run_id, first_run_id, origin, position, value, reason, raw, key, cells)
         select 'p', 's', 'i', id, id, 'f.csv:2', 2, '+86 138-1234-5678', 'not a date', 'x,$PHONE,$NAME', '{\"phone\": \"$PHONE\"}', '{\"n\": \"$NAME\", \"p\": $PHONE}' from diner.run;
         create table ods.members (member_id text primary key, name text, phone text);
         insert into ods.members values ('M00000001', '$NAME', '$PHONE'), ('M00000777', '$NAME', '13700000000');
         create table ods.crm_links (crm_id text, member_id text); insert into ods.crm_links values ('7', 'M00000001');
         create table ods.crm_members (crm_id text, name text, phone text, unionid text, openid text, appid text);
         insert into ods.crm_members values ('7', '旧名字先生', '13766665555', null, null, null);
         create table ods.landed (id int, doc jsonb, j json, t text);
         insert into ods.landed values
             (1, '{\"a\": [$PHONE, \"tel, $PHONE, home\"], \"o\": \"$OPENID\"}', '{\"p\":8613812345678}', 'call 86$PHONE or 13766665555'),
             (2, '{\"no\": \"9$PHONE\"}', '{}', '$NAME of another table; ${PHONE}0; ${OPENID}x');" >/dev/null
    before=$(sql "select sum(total_amount), sum(refund_amount), count(*) from app.orders; select sum(amount), count(*) from app.wallet_log where kind <> 'adjust'")
    run --separate-stderr "$DINER" members erase M00000001 --pay-out P-1 --dry-run -o json
    assert_status 0
    assert_json 'map(select(.table == "diner.reject" or .table == "app.wallet_log" or .table == "ods.crm_members")) | length == 3'
    assert_stderr_is "dry run: nothing was erased"
    [ "$(traces "$PHONE|$NAME|$OPENID|$UNIONID" | wc -l)" -gt 10 ]
    run --separate-stderr "$DINER" members erase M00000001 --pay-out P-1 --yes
    assert_status 0
    sql "delete from ods.landed where id = 2; delete from ods.members where member_id = 'M00000777'" >/dev/null
    assert_equal "$(traces "$PHONE|138.?1234.?5678|$NAME|$OPENID|$UNIONID|13987654321|旧名字先生|13766665555")" ""
    assert_equal "$(sql "select sum(total_amount), sum(refund_amount), count(*) from app.orders; select sum(amount), count(*) from app.wallet_log where kind <> 'adjust'")" "$before"
    assert_sql "select sum(amount) from app.wallet_log where member_id = 1" 0.00
    assert_sql "select count(*) from app.orders where member_id = 1 and order_no = '$order'" 1
    assert_sql "select doc ->> 'a' from ods.landed" '[0, "tel, 0, home"]'
    run --separate-stderr "$DINER" members show M00000002 -o json
    assert_json '.member_no == "M00000001" and .status == "erased" and .phone == null and .unionid == null and .identities == []'
    run --separate-stderr "$DINER" members erase M00000002 --yes
    assert_status 1
    assert_stderr_has "was erased"
    run --separate-stderr "$DINER" members unmerge M00000002 --yes
    assert_status 1
    assert_stderr_has erased_member
}

@test "erase: what belongs to others stays as it was" {
    sql "create table ods.others (id int, t text, doc jsonb);
         insert into ods.others values (1, 'a1 李雷 13511112222', '{}'), (2, '李雷', '{\"n\": \"李雷\"}'), (3, '0135111122223', '{\"a\": 13511112222.5, \"b\": [1.13511112222, 13511112222e1]}')" >/dev/null
    no=$(api POST /members '{"name":"李雷","phone":"13511112222"}' | jq -re .data.member_no)
    "$DINER" members erase "$no" --yes >/dev/null
    assert_sql "select t from ods.others where id in (2, 3) order by id" $'李雷\n0135111122223'
    assert_sql "select count(*) from ods.others where t ~ '李雷' and t ~ '13511112222' and id = 1" 0
    # They may come again by their own will.
    again=$(api POST /members '{"name":"李雷","phone":"13511112222"}' | jq -re .data.member_no)
    [ "$again" != "$no" ]
    assert_sql "select count(*) from app.member_tombstones where member_id = (select id from app.members where member_no = '$no')" 0
}

@test "erase: a warehouse that is another database" {
    no=$(api POST /members '{"name":"阿碧阿碧","phone":"13522223333"}' | jq -re .data.member_no)
    sql "create database warehouse" >/dev/null
    other="postgresql:///warehouse?host=$DINER_DEV_DIR/pg&port=5432&user=diner"
    psql -X -q -d "$other" -c "create schema ods; create table ods.members (member_id text, name text, phone text);
        insert into ods.members values ('$no', '阿碧阿碧', '13522223333'); create table ods.raw (t text); insert into ods.raw values ('阿碧阿碧 13522223333')"
    sed "s|^connections:|connections:\n  platform:\n    dsn: \"$(dev_dsn | sed 's/&/\\&/g')\"|" "$DINER_CONFIG" |
        awk '/^  warehouse:/ { print; getline; sub("///diner", "///warehouse") } { print }' >"$BATS_TEST_TMPDIR/diner.yaml"
    DINER_CONFIG=$BATS_TEST_TMPDIR/diner.yaml run --separate-stderr "$DINER" members erase "$no" --yes -o json
    assert_status 0
    assert_json 'map(.table) | index("ods.raw") != null and index("app.members") != null and index("ods.members") != null'
    [ -z "$(traces '阿碧阿碧|13522223333')" ]
    [ -z "$(pg_dump -d "$other" | grep -E '阿碧阿碧|13522223333')" ]
}

@test "erase: without a key nothing is erased" {
    sed '/^members:/,/hash_key/d' "$DINER_CONFIG" >"$BATS_TEST_TMPDIR/diner.yaml"
    DINER_CONFIG=$BATS_TEST_TMPDIR/diner.yaml run --separate-stderr "$DINER" members erase M00000003 --yes
    assert_status 3
    assert_stderr_has "hint: set members.hash_key"
}
