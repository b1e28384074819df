#!/usr/bin/env bats
# Sixteen clients at the points of one member, beside orders that earn, refunds and the expiry.
load ../helper

setup_file() {
    dev_start --orders 20 --seed 5
    curl -fsS "$(dev_url)/api/v1/auth/login" \
        -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" |
        jq -r .data.access_token >"$FILE_DIR/token"
}
teardown_file() { dev_stop; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    member=$(sql "insert into app.members (name) values ('段正淳') returning member_no")
    url=$(dev_url)/api/v1
    auth="Authorization: Bearer $(cat "$FILE_DIR/token")"
    points=$url/members/$member/points
}

post() { # PATH BODY [KEY]
    curl -fsS -H "$auth" ${3:+-H "Idempotency-Key: $3"} "$1" -d "$2"
}
export_all() { export auth url points member; } # for the shells of xargs
balance() { curl -fsS -H "$auth" "$points" | jq .data.balance; }
assert_sound() { # every balance is its ledger and its lots, every entry follows from the one before
    assert_sql "select count(*) from app.points p where balance <> (select coalesce(sum(amount), 0) from app.points_log l where l.member_id = p.member_id)
                or greatest(balance, 0) <> (select coalesce(sum(remain), 0) from app.points_lots l where l.member_id = p.member_id)" 0
    assert_sql "select count(*) from (select amount, balance_after, coalesce(lag(balance_after) over (partition by member_id order by id), 0) as before
                from app.points_log) l where before + amount <> balance_after" 0
    assert_sql "select count(*) from app.points_lots l where remain <> amount - (select coalesce(sum(used - returned), 0) from app.points_uses u where u.lot_id = l.id) and (l.expires_at > now()) is not false" 0
    assert_sql "select count(*) from app.points_log where kind = 'spend' and balance_after < 0" 0
}

@test "sixteen spend one balance: never more than there is, all of it, and the log adds up" {
    for lot in 1 2 3 4 5 6 7 8 9 10; do
        post "$points/earn" "{\"points\":10,\"ref\":\"lot-$lot\",\"expires_on\":\"20$((40 + lot))-01-01\"}" >/dev/null
    done
    export_all
    seq 160 | xargs -P 16 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H "$auth" "$points/spend" \
        -H "Idempotency-Key: race-{}" -d '{"points":3}' >codes
    assert_equal "$(grep -c '^201$' codes)" 33
    assert_equal "$(grep -c '^409$' codes)" 127
    assert_equal "$(balance)" 1
    assert_sound
}

@test "the same key from sixteen clients spends once" {
    post "$points/earn" '{"points":100}' >/dev/null
    export_all
    seq 16 | xargs -P 16 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H "$auth" "$points/spend" \
        -H "Idempotency-Key: one-$member" -d '{"points":3,"ref":"one"}' >codes
    assert_equal "$(sort -u codes)" 201
    seq 16 | xargs -P 16 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H "$auth" "$points/spend" \
        -d '{"points":3,"ref":"one"}' >codes
    assert_equal "$(sort -u codes)" 201
    assert_equal "$(balance)" 97
    assert_sound
}

# Ordered and paid in one, then cancelled: stock and points both ways.
dine() {
    local order
    order=$(curl -sS -H "$auth" "$url/orders/checkout" \
        -d "{\"store\":\"S001\",\"channel\":\"dine_in\",\"items\":[{\"product\":\"P1001\",\"quantity\":1}],\"payment_method\":\"cash\",\"member\":\"$member\"}")
    jq -r .code <<<"$order"
    curl -sS -o /dev/null -w '%{http_code}\n' -H "$auth" "$url/orders/$(jq -r .data.order_no <<<"$order")/cancel" -d '{"reason":"changed"}'
}
spend() {
    curl -sS -o /dev/null -w '%{http_code}\n' -H "$auth" "$points/spend" -d '{"points":11}'
}

@test "orders, refunds, spending and expiry at once: no deadlock, nothing doubled" {
    export_all
    export -f dine spend
    for _ in 1 2 3 4 5 6; do
        post "$points/earn" '{"points":20}' >/dev/null
    done
    sql "update app.points_lots set expires_at = clock_timestamp() + interval '1 s' where amount = 20 and id % 2 = 0 and remain > 0"
    (for _ in 1 2 3 4 5 6; do "$DINER" members points expire -q >/dev/null; sleep 0.3; done) &
    # shellcheck disable=SC2016 # for the shells of xargs
    seq 48 | xargs -P 16 -I{} bash -c 'if [ $(({} % 3)) -eq 0 ]; then spend; else dine; fi' >codes
    wait
    assert_equal "$(grep -cvE '^(200|201|409)$' codes)" 0
    assert_equal "$(grep -c '^200$' codes)" 32 # each of the orders was cancelled
    assert_sql "select count(*) from app.points_log where kind = 'earn' and order_id is not null and member_id = (select id from app.members where member_no = '$member')" 32
    assert_sql "select coalesce(sum(amount), 0) from app.points_log where order_id is not null and member_id = (select id from app.members where member_no = '$member')" 0
    assert_sound
}
