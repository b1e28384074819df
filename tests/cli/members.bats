#!/usr/bin/env bats
# diner members: list, show, merge, unmerge, against the reference platform.
load ../helper

setup_file() {
    dev_start --orders 5 --seed 3
    sql "insert into app.members (name, phone, unionid, level) values
         ('欧阳娜娜', '18049531999', 'ou-list-1', 'gold'), ('李四', '09157518479', null, 'normal'),
         ('王五', '1234567', null, 'normal'), ('赵', null, null, 'normal')"
    # A platform that starts hashes the phones that have no hash.
    stop_platform
    (cd "$PROJECT" && "$DINER" dev up) >/dev/null 3>&-
}
teardown_file() { dev_stop; }

is_gone() { ! is_alive "$1"; }
stop_platform() {
    local pid
    pid=$(dev_platform_pid)
    kill "$pid"
    wait_for 10 is_gone "$pid"
}
api() { # METHOD PATH [BODY]: the answer
    token=${token:-$(curl -sS "$(dev_url)/api/v1/auth/login" -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)}
    curl -sS -X "$1" "$(dev_url)/api/v1$2" -H "Authorization: Bearer $token" ${3:+-d "$3"}
}
member() { # BODY: the number of a new one
    api POST /members "$1" | jq -re .data.member_no
}
dine() { # MEMBER: the number of an order paid from the wallet
    api POST /orders/checkout "{\"store\":\"S001\",\"channel\":\"dine_in\",\"payment_method\":\"wallet\",\"member\":\"$1\",\"items\":[{\"product\":\"P1001\",\"quantity\":1}]}" |
        jq -re .data.order_no
}
balance() { api GET "/members/$1/wallet" | jq -r .data.balance; }

@test "list: masked, as lists go, with what was merged" {
    run --separate-stderr "$DINER" members list --sort member_no --limit 4 -o json
    assert_status 0
    assert_json 'map(.name) == ["欧***", "李*", "王*", "*"]'
    assert_json 'map(.phone) == ["180****1999", "0915*****79", "*******", null]'
    run --separate-stderr "$DINER" members list --status erased -o json
    assert_json '. == []'
    run --separate-stderr "$DINER" members list --status gone
    assert_status 2
}

@test "show: one member as fields or JSON; in full for who may; an unknown one is an error" {
    run --separate-stderr "$DINER" members show M00000001
    assert_status 0
    assert_stdout_has "180****1999"
    refute_stdout_has 18049531999
    run --separate-stderr "$DINER" members show M00000001 --reveal -o json
    assert_json '.member_no == "M00000001" and .name == "欧阳娜娜" and .unionid == "ou-list-1"'
    run --separate-stderr "$DINER" members show M99999999
    assert_status 1
    assert_stderr_has "unknown_member"
}

@test "show: whose phone it is, from standard input, by its hash alone" {
    assert_sql "select count(*) from app.members where phone is not null and phone_hash is null" 0
    run --separate-stderr "$DINER" members show --phone - --reveal -o json <<<+8618049531999
    assert_status 0
    assert_json '.name == "欧阳娜娜" and .phone == "18049531999"'
    assert_stderr_is "known by the phone"
    run --separate-stderr "$DINER" members show --phone - </dev/null
    assert_status 2
    assert_stderr_has "there is nothing on standard input"
    run --separate-stderr "$DINER" members show --phone 13911112222
    assert_status 1
    assert_stderr_has "unknown_member"
    refute_stderr_has 13911112222
    run --separate-stderr "$DINER" members show 13911112222
    assert_status 2
    assert_stderr_has "could be a phone"
    refute_stderr_has 13911112222
    run --separate-stderr "$DINER" members show
    assert_status 2
    assert_stderr_has "a member number is needed, or --phone"
    run --separate-stderr "$DINER" members show --openid o1
    assert_status 2
    assert_stderr_has "--openid goes with --appid"
}

@test "unionid before phone before openid; a phone does not tell who has another unionid" {
    x=$(member '{"name": "x", "unionid": "u-x", "phone": "13700000001"}')
    y=$(member '{"name": "y", "phone": "13700000002", "appid": "wx1", "openid": "o-y"}')
    z=$(member '{"name": "z", "appid": "wx1", "openid": "o-z"}')
    found() { api POST /members/find "$1" | jq -c '[.data.matched_by, .data.member.member_no, .data.others, .error]'; }
    assert_equal "$(found '{"unionid": "u-x", "phone": "+86 13700000002"}')" "[\"unionid\",\"$x\",[],null]"
    assert_equal "$(found '{"unionid": "u-x", "phone": "13700000002"}')" "[\"unionid\",\"$x\",[\"$y\"],null]"
    assert_equal "$(found '{"phone": "13700000002", "appid": "wx1", "openid": "o-z"}')" "[\"phone\",\"$y\",[\"$z\"],null]"
    assert_equal "$(found '{"appid": "wx1", "openid": "o-z"}')" "[\"openid\",\"$z\",[],null]"
    assert_equal "$(found '{"appid": "wx2", "openid": "o-z"}')" '[null,null,null,"unknown_member"]'
    assert_equal "$(found '{"unionid": "u-other", "phone": "13700000001"}')" '[null,null,null,"unknown_member"]'
    assert_equal "$(api POST "/members/$x/identities" '{"appid": "wx1", "openid": "o-z"}' | jq -r .error)" member_exists
    assert_equal "$(api POST "/members/$x/identities" '{"appid": "wx1", "openid": "o-x"}' | jq -r '.data.identities[0].openid')" "***"
    assert_equal "$(api POST /members '{"name": "w", "phone": "008613700000001"}' | jq -r .error)" member_exists
}

@test "merge: orders, wallet and what was missing go over; unmerge brings all of it back" {
    a=$(member '{"name": "甲", "phone": "13600000001"}')
    b=$(member '{"name": "甲二", "phone": "13600000002", "unionid": "u-b"}')
    api POST "/members/$b/wallet/topups" '{"amount": 200, "ref": "merge-1"}' >/dev/null
    order=$(dine "$b")
    assert_equal "$(balance "$b")" 161.50
    before=$(sql "select name, phone, phone_hash, unionid, status from app.members where member_no in ('$a', '$b') order by id")
    run --separate-stderr "$DINER" members merge "$a" "$b" --dry-run -o json
    assert_status 0
    assert_json '.[0].moved == "unionid" and .[0].orders == 1 and .[0].wallet.amount_minor == 16150'
    assert_equal "$(sql "select name, phone, phone_hash, unionid, status from app.members where member_no in ('$a', '$b') order by id")" "$before"
    run --separate-stderr "$DINER" members merge "$a" "$b" </dev/null
    assert_status 2
    assert_stderr_has "needs --yes"
    coupon_of() { sql "select m.member_no from app.coupons u join app.members m on m.id = u.member_id where u.code = 'OF-B'"; }
    sql "insert into app.campaigns (code, name, terms, starts_on, ends_on) values ('C1', 'x', '{}', '2000-01-01', '2000-01-02');
         insert into app.coupons (code, campaign_id, member_id) select 'OF-B', c.id, m.id from app.campaigns c, app.members m where c.code = 'C1' and m.member_no = '$b'" >/dev/null
    run --separate-stderr "$DINER" members merge "$a" "$b" --yes
    assert_status 0
    assert_equal "$(balance "$a")" 161.50
    assert_equal "$(coupon_of)" "$a"
    assert_sql "select sum(amount) from app.wallet_log l join app.members m on m.id = l.member_id where m.member_no = '$b'" 0.00
    run --separate-stderr "$DINER" members show "$b" -o json
    assert_json ".member_no == \"$a\" and .redirected_from == \"$b\" and .has_unionid"
    assert_stderr_is "$b was merged into $a"
    # Both phones are the survivor's, and the old number still orders.
    run --separate-stderr "$DINER" members show --phone - -o json <<<13600000002
    assert_json ".member_no == \"$a\""
    assert_equal "$(api GET "/orders/$(dine "$b")" | jq -r .data.member)" "$a"
    # What the order takes back goes with the order.
    run --separate-stderr "$DINER" orders refund "$order" --amount 8.50 --reason cold --yes
    assert_status 0
    run --separate-stderr "$DINER" members unmerge "$b" --yes
    assert_status 1
    assert_stderr_has "insufficient_balance"
    api POST "/members/$a/wallet/topups" '{"amount": 100, "ref": "merge-2"}' >/dev/null
    run --separate-stderr "$DINER" members unmerge "$b" --yes
    assert_status 0
    assert_equal "$(balance "$b")" 170.00
    assert_equal "$(coupon_of)" "$b"
    assert_equal "$(balance "$a")" 61.50
    assert_equal "$(sql "select name, phone, phone_hash, unionid, status from app.members where member_no in ('$a', '$b') order by id")" "$before"
    assert_equal "$(api GET "/orders/$order" | jq -r .data.member)" "$b"
    run --separate-stderr "$DINER" members unmerge "$b" --yes
    assert_status 1
    assert_stderr_has "not_merged"
    assert_sql "select bool_and(w.balance = (select sum(l.amount) from app.wallet_log l where l.member_id = w.member_id)) from app.wallets w" t
}

@test "merge: chains lead to the end and are undone from there; what cannot be is refused" {
    a=$(member '{"name": "a", "phone": "13500000001"}') b=$(member '{"name": "b"}') c=$(member '{"name": "c"}')
    "$DINER" members merge "$b" "$a" --yes >/dev/null
    while IFS='|' read -r expect text options; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DINER" members $options
        assert_status "$expect"
        assert_stderr_has "$text"
    done <<CASES
1|same_member|merge $b $b --yes
1|member_merged|merge $c $a --yes
1|member_merged|merge $a $c --yes
1|unknown_member|merge $c M0 --yes
1|unknown_member|merge M0 $c --yes
1|unknown_member|unmerge M0 --yes
1|not_merged|unmerge $b --yes
CASES
    "$DINER" members merge "$c" "$b" --yes >/dev/null
    run --separate-stderr "$DINER" members show "$a" --reveal -o json
    assert_json ".member_no == \"$c\" and .redirected_from == \"$a\" and .phone == \"13500000001\""
    run --separate-stderr "$DINER" members unmerge "$a" --yes
    assert_status 1
    assert_stderr_has "member_merged"
    "$DINER" members unmerge "$b" --yes >/dev/null
    "$DINER" members unmerge "$a" --yes >/dev/null
    run --separate-stderr "$DINER" members show "$a" --reveal -o json
    assert_json ".member_no == \"$a\" and .redirected_from == null and .phone == \"13500000001\""
    # A number that was merged away is no longer changed by itself.
    "$DINER" members merge "$b" "$a" --yes >/dev/null
    assert_equal "$(api PATCH "/members/$a" '{"version": 1, "name": "x"}' | jq -r '.error + " " + .details.merged_into')" "member_merged $b"
}

@test "merge: points go over with their ends, and what is left of them comes back" {
    whole() { # every account: its ledger's sum, and what its lots hold
        sql "select count(*) from app.points p
             where p.balance <> (select coalesce(sum(l.amount), 0) from app.points_log l where l.member_id = p.member_id)
                or greatest(p.balance, 0) <> (select coalesce(sum(t.remain), 0) from app.points_lots t where t.member_id = p.member_id)"
    }
    points() { api GET "/members/$1/points" | jq -c '[.data.balance, (.data.lots | map(.points))]'; }
    a=$(member '{"name": "a"}') b=$(member '{"name": "b"}') c=$(member '{"name": "c"}')
    api POST "/members/$a/points/earn" '{"points": 100, "ref": "p-a", "expires_on": "2099-01-01"}' >/dev/null
    api POST "/members/$b/points/earn" '{"points": 50, "ref": "p-b", "expires_on": "2098-01-01"}' >/dev/null
    api POST "/members/$b/points/spend" '{"points": 10, "ref": "p-b-spent"}' >/dev/null
    run --separate-stderr "$DINER" members merge "$a" "$b" --yes -o json
    assert_json '.[0].points == 40'
    assert_equal "$(points "$a")" "[140,[40,100]]"
    assert_equal "$(points "$b")" "[140,[40,100]]" # the number leads to the survivor
    # What the other spent comes back to where the lot is now; the lot that ends first is spent first.
    api POST "/members/$a/points/refund" '{"points": 5, "ref": "p-back", "of_ref": "p-b-spent"}' >/dev/null
    api POST "/members/$a/points/spend" '{"points": 15, "ref": "p-a-spent"}' >/dev/null
    assert_equal "$(points "$a")" "[130,[30,100]]"
    assert_equal "$(whole)" 0
    "$DINER" members unmerge "$b" --yes >/dev/null
    assert_equal "$(points "$a") $(points "$b")" "[100,[100]] [30,[30]]"
    assert_equal "$(whole)" 0
    # A debt is paid by the other's points, and is a debt again afterwards.
    sql "do \$\$ declare e app.points_log; begin
             perform app.points_open((select id from app.members where member_no = '$c'));
             e.member_id := (select id from app.members where member_no = '$c'); e.kind := 'transfer'; e.ref := 'debt'; e.amount := -20;
             perform app.points_note(e); end \$\$" >/dev/null
    for into in "$a $c" "$c $a"; do
        # shellcheck disable=SC2086
        "$DINER" members merge $into --yes >/dev/null
        assert_equal "$(points "$a")" "[80,[80]]"
        assert_equal "$(whole)" 0
        "$DINER" members unmerge "${into#* }" --yes >/dev/null
        assert_equal "$(points "$a") $(points "$c")" "[100,[100]] [-20,[]]"
        assert_equal "$(whole)" 0
    done
}

@test "no phone, openid or name in any log, at any level" {
    stop_platform
    "$DINER" --log-level trace serve --listen 127.0.0.1:0 --port-file "$DINER_DEV_DIR/serve.port" 2>"$FILE_DIR/trace.log" 3>&- &
    server=$!
    wait_for 10 grep -q listening "$FILE_DIR/trace.log"
    DINER_PLATFORM_URL=$(dev_url)
    export DINER_PLATFORM_URL
    token=
    a=$(member '{"name": "慕容复复", "phone": "13312340001", "unionid": "u-logged-0001", "appid": "wx1", "openid": "o-logged-0001"}')
    b=$(member '{"name": "慕容复复", "phone": "13312340002"}')
    for body in '{"phone": "13312340001"}' '{"unionid": "u-logged-0001"}' '{"appid": "wx1", "openid": "o-logged-0001"}'; do
        api POST /members/find "$body" >/dev/null
    done
    assert_equal "$(api PATCH "/members/$b" '{"version": 1, "phone": "13312340001"}' | jq -r .error)" member_exists
    assert_equal "$(api POST /members '{"name": "慕容复复", "phone": "13312340001"}' | jq -r .error)" member_exists
    assert_equal "$(api POST "/members/$b/identities" '{"appid": "wx1", "openid": "o-logged-0001"}' | jq -r .error)" member_exists
    api GET "/members?phone=13312340001" >/dev/null
    run --separate-stderr "$DINER" --log-level trace members show --phone - --reveal <<<13312340001
    assert_status 0
    refute_stderr_has 1331234
    "$DINER" members merge "$a" "$b" --yes >/dev/null
    run --separate-stderr "$DINER" --log-level trace members erase "$b" --yes
    assert_status 0
    refute_stderr_has 1331234
    refute_stderr_has 慕容复复
    refute_stderr_has logged-0001
    kill "$server"
    grep -q 'has [0-9]* bytes' "$FILE_DIR/trace.log" # it did log
    run grep -Eh '1331234|慕容复复|logged-0001' "$FILE_DIR/trace.log" "$DINER_DEV_DIR/pg/log"
    assert_stdout_is ""
}
