#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# diner members points and tiers, against the reference platform.
load ../helper

setup_file() {
    dev_start --orders 20 --seed 5
    {
        echo 'points:'
        echo '  tiers: { normal: 0, silver: 200 1.5, gold: 10000 2 }'
    } >>"$DINER_CONFIG"
    platform_reload
}
teardown_file() { dev_stop; }

platform_reload() { # with the configuration as it is now
    local before
    before=$(grep -c 'limits reloaded' "$DINER_DEV_DIR/serve.log" || true)
    kill -HUP "$(dev_platform_pid)"
    wait_for 5 reloaded "$before"
}
reloaded() { [ "$(grep -c 'limits reloaded' "$DINER_DEV_DIR/serve.log")" -gt "$1" ]; }
api() { # METHOD PATH [CURL-OPTION...]
    token=${token:-$(curl -sS "$(dev_url)/api/v1/auth/login" -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)}
    curl -sS -X "$1" -H "Authorization: Bearer $token" "$(dev_url)/api/v1$2" "${@:3}"
}
member() { # a new one: $member
    member=$(sql "insert into app.members (name) values ('段正淳') returning member_no")
}
points() { "$DINER" members points "$@" -o json 2>/dev/null; }
assert_balance() { assert_equal "$(points show "$member" | jq .balance)" "$1"; }
# Balances, entries and lots that do not follow from each other.
defects() {
    sql "select (select count(*) from app.points p where balance <> (select coalesce(sum(amount), 0) from app.points_log l where l.member_id = p.member_id)
                     or greatest(balance, 0) <> (select coalesce(sum(remain), 0) from app.points_lots l where l.member_id = p.member_id))
              + (select count(*) from (select amount, balance_after, coalesce(lag(balance_after) over (partition by member_id order by id), 0) as before
                                       from app.points_log) l where before + amount <> balance_after)
              + (select count(*) from app.points_lots l where remain <> amount - (select coalesce(sum(used - returned), 0) from app.points_uses u where u.lot_id = l.id) and (l.expires_at > now()) is not false)"
}

@test "earn, spend, refund: an entry each, once a reference" {
    member
    run --separate-stderr "$DINER" members points earn "$member" 10 --ref b-1 --expires-on 2098-01-02 --note 生日
    assert_status 0
    assert_stderr_has "member $member: earn of 10 points, 10 then"
    points earn "$member" 20 --ref b-2 --expires-on 2098-01-04
    points earn "$member" 50 --ref b-3 --expires-on 2098-12-31
    run --separate-stderr "$DINER" members points spend "$member" 25 --ref gift-1 --dry-run
    assert_status 0
    assert_json '. == {"points": 25, "ref": "gift-1"}'
    for _ in 1 2; do points spend "$member" 25 --ref gift-1; done
    run --separate-stderr "$DINER" members points show "$member" -o json
    assert_status 0
    assert_json '.balance == 55 and (.lots | map(.points)) == [5, 50]'
    assert_json '.next_expiry == {points: 5, expires_at: "2098-01-03T16:00:00.000000Z"}' # midnight in Shanghai
    run --separate-stderr "$DINER" members points show "$member"
    assert_stdout_matches ' 5  2098-01-03T16:00:00'
    assert_stderr_has "member $member, normal: 55 points"
    run --separate-stderr "$DINER" members points spend "$member" 56 --ref gift-2
    assert_status 1
    assert_stderr_has insufficient_points
    run --separate-stderr "$DINER" members points earn "$member" 11 --ref b-1
    assert_status 1
    assert_stderr_has ref_reused
    run --separate-stderr "$DINER" members points refund "$member" gift-1 --ref return-1 --points 16 -o json
    assert_status 0
    assert_json '.points == 16 and .of_ref == "gift-1" and .balance_after == 71'
    points refund "$member" gift-1 --ref return-2
    assert_equal "$(points show "$member" | jq -c '[.balance, (.lots[] | .points)]')" '[80,10,20,50]'
    run --separate-stderr "$DINER" members points refund "$member" gift-1 --ref return-3
    assert_status 1
    assert_stderr_has refund_exceeds_spending
    run --separate-stderr "$DINER" members points log "$member" --kind refund -o json
    assert_json 'map(.ref) == ["return-2", "return-1"]'
    run --separate-stderr "$DINER" members points show M99999999
    assert_status 1
    assert_stderr_has unknown_member
    assert_equal "$(defects)" 0
}

@test "what was spent is gone for ever: no expiry takes it again" {
    member
    points earn "$member" 10 --ref e-1 --expires-on 2098-01-02
    points earn "$member" 20 --ref e-2 --expires-on 2098-01-04
    points spend "$member" 30 --ref e-3
    for day in 2098-01-01 2098-01-03 2098-01-05; do # as if it were that day
        sql "update app.points_lots set expires_at = expires_at - ('$day'::date - '2097-12-31'::date + 26000) * interval '1 day'
             where member_id = (select id from app.members where member_no = '$member')"
        assert_balance 0
        "$DINER" members points expire
        assert_balance 0
    done
    run --separate-stderr "$DINER" members points spend "$member" 30 --ref e-4
    assert_status 1
    assert_stderr_has insufficient_points
    assert_equal "$(points log "$member" | jq -c 'map(.points)')" '[-30,20,10]'
    assert_equal "$(defects)" 0
}

@test "expire: dry run, two machines at once, nothing twice" {
    for i in 1 2 3 4 5 6; do
        member
        points earn "$member" $((10 * i)) --ref "x-$i"
    done
    sql "update app.points_lots set expires_at = now() - interval '1 s' where log_id in (select id from app.points_log where ref like 'x-%')"
    assert_balance 0 # before anything ran
    run --separate-stderr "$DINER" members points expire --dry-run -o json
    assert_status 0
    assert_json '.[0] == {members: 6, lots: 6, points: 210}'
    for i in 1 2 3; do "$DINER" members points expire --batch 1 -o json >"$BATS_TEST_TMPDIR/$i" & done
    wait
    run jq -s 'map(.[0]) | [(map(.lots) | add), (map(.points) | add)] == [6, 210]' "$BATS_TEST_TMPDIR"/[123]
    assert_equal "$output" true
    run --separate-stderr "$DINER" members points expire --api
    assert_status 0
    assert_stderr_has "0 points of 0 members expired"
    assert_sql "select count(*) || ' ' || sum(amount) from app.points_log where kind = 'expire'" "6 -210"
    assert_equal "$(defects)" 0
}

@test "an order earns once it is paid, however often the channel says so; its refund takes that back" {
    member
    order=$("$DINER" orders create --store S001 --item P1001=2 --member-no "$member" -o json 2>/dev/null | jq -r .order_no)
    total=$(sql "select floor(total_amount) from app.orders where order_no = '$order'")
    assert_balance 0
    run --separate-stderr "$DINER" orders pay "$order" --code -o json
    assert_status 0
    payment=$(jq -r .payment_no <<<"$output")
    sql "update channel_local.payments set status = 'paid', transaction_id = 'T0' where payment_no = '$payment'" # the guest did
    secret=$(cat "$DINER_DEV_DIR/secrets/callbacks")
    for i in 1 2 3; do
        body="{\"event_id\":\"once-$i\",\"kind\":\"payment.succeeded\",\"number\":\"$payment\",\"transaction_id\":\"T$i\",\"amount\":\"$(sql "select total_amount from app.orders where order_no = '$order'")\"}"
        at=$(date +%s)
        signature=$(printf '%s.%s' "$at" "$body" | openssl dgst -sha256 -hmac "$secret" -r | cut -d' ' -f1)
        curl -sS -f "$(dev_url)/api/v1/payments/callbacks/local" -d "$body" -H "X-Diner-Timestamp: $at" -H "X-Diner-Signature: $signature" >/dev/null
    done
    assert_balance "$total"
    points spend "$member" "$total" --ref "gift-$order"
    run --separate-stderr "$DINER" orders cancel "$order" --reason cold --yes
    assert_status 0
    "$DINER" orders settle
    assert_balance "-$total"
    run --separate-stderr "$DINER" members points log "$member" -o json
    assert_json "map(.kind) == [\"clawback\", \"spend\", \"earn\"] and .[0].order_no == \"$order\" and .[0].of_ref == \"$order\""
    assert_equal "$(defects)" 0
}

@test "without debt only what is there is taken back" {
    echo '  debt: refuse' >>"$DINER_CONFIG"
    platform_reload
    member
    order=$("$DINER" orders create --store S001 --item P1001=2 --member-no "$member" --payment-method cash --pay -o json 2>/dev/null | jq -r .order_no)
    earned=$(points show "$member" | jq .balance)
    [ "$earned" -gt 1 ]
    points spend "$member" $((earned - 1)) --ref "gift-$order"
    "$DINER" orders refund "$order" --reason cold --yes
    assert_balance 0
    assert_equal "$(points log "$member" --kind clawback | jq -c 'map([.points, .forgone])')" "[[-1,$((earned - 1))]]"
    assert_equal "$(defects)" 0
    sed -i '/debt: refuse/d' "$DINER_CONFIG"
    platform_reload
}

@test "tiers: up at once, down by night, by hand for ever" {
    run --separate-stderr "$DINER" members tiers list -o json
    assert_status 0
    assert_json '. == [{tier: "normal", from_points: 0, rate: "1"}, {tier: "silver", from_points: 200, rate: "1.5"}, {tier: "gold", from_points: 10000, rate: "2"}]'
    member
    points earn "$member" 199 --ref t-1
    run --separate-stderr "$DINER" members tiers show "$member" -o json
    assert_json '.level == "normal" and .earned == 199 and .next == {level: "silver", missing: 1} and .history == []'
    points earn "$member" 1 --ref t-2
    run --separate-stderr "$DINER" members tiers show "$member"
    assert_status 0
    assert_stderr_has "member $member: silver by 200 points, 9800 more to gold"
    assert_stdout_matches 'normal +silver'
    order=$("$DINER" orders create --store S001 --item P1001=1 --member-no "$member" --payment-method cash --pay -o json 2>/dev/null | jq -r .order_no)
    assert_sql "select g.amount = floor(o.total_amount * 1.5) from app.points_log g join app.orders o on o.id = g.order_id where order_no = '$order'" t
    by_hand=$(sql "insert into app.members (name, level) values ('木婉清', 'staff') returning member_no")
    sql "alter table app.points_log disable trigger points_log_stays;
         update app.points_log set created_at = now() - interval '13 months' where member_id = (select id from app.members where member_no = '$member');
         alter table app.points_log enable trigger points_log_stays"
    run --separate-stderr "$DINER" members tiers evaluate --dry-run -o json
    assert_json '.[0] == {raised: 0, lowered: 1}'
    run --separate-stderr "$DINER" members tiers evaluate --api
    assert_status 0
    assert_stderr_has "0 rose, 1 fell"
    assert_sql "select level from app.members where member_no = '$member'" normal
    assert_sql "select level from app.members where member_no = '$by_hand'" staff
}

@test "tiers: two who are one have earned it together, and apart no more" {
    member; one=$member
    member; other=$member
    points earn "$one" 120 --ref together-1 >/dev/null
    points earn "$other" 150 --ref together-2 >/dev/null
    assert_sql "select string_agg(level, ' ') from app.members where member_no in ('$one', '$other')" "normal normal"
    "$DINER" members merge "$one" "$other" --yes >/dev/null 2>&1
    assert_sql "select level from app.members where member_no = '$one'" silver
    assert_equal "$("$DINER" members tiers show "$one" -o json 2>/dev/null | jq .earned)" 270
    run --separate-stderr "$DINER" members tiers evaluate --dry-run -o json
    assert_json '.[0] | .raised == 0 and .lowered == 0'
    run "$DINER" members tiers evaluate
    assert_sql "select level from app.members where member_no = '$one'" silver
    "$DINER" members unmerge "$other" --yes >/dev/null 2>&1
    assert_equal "$("$DINER" members tiers show "$one" -o json 2>/dev/null | jq .earned)" 120
    run "$DINER" members tiers evaluate
    assert_sql "select string_agg(level, ' ') from app.members where member_no in ('$one', '$other')" "normal normal"
}

@test "tiers that do not make sense are refused before anything starts" {
    run --separate-stderr env DINER_POINTS_TIERS='silver=100' "$DINER" config check
    assert_status 3
    assert_stderr_has "points.tiers: no tier starts at 0 points"
    run --separate-stderr env DINER_POINTS_TIERS='normal=0,silver=many' "$DINER" members tiers evaluate
    assert_status 3
    assert_stderr_has "silver: many"
    run --separate-stderr env DINER_POINTS_PER_YUAN=lots "$DINER" config check
    assert_status 3
    assert_stderr_has "points.per_yuan"
}
