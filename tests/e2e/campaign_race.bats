#!/usr/bin/env bats
# shellcheck disable=SC2016 # what each of the many runs is theirs to expand
# Sixteen clients at once over HTTP: budgets, coupons, and giving back.
load ../helper

setup_file() {
    dev_start --orders 20 --seed 3
    TOKEN=$(curl -sS "$(dev_url)/api/v1/auth/login" \
        -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)
    URL=$(dev_url)/api/v1
    export TOKEN URL
    export ORDER='{"store":"S001","channel":"takeout","items":[{"product":"P2022","quantity":2}]}'
    sql "update app.stock set policy = 'allow'"
}
teardown_file() { dev_stop; }
setup() { sql "truncate app.campaigns restart identity cascade"; }

post() { # PATH BODY [CURL-OPTION...]
    curl -sS -X POST -H "Authorization: Bearer $TOKEN" "$URL$1" -d "$2" "${@:3}"
}
# COUNT requests, sixteen at a time; {} in the path, the body and the options is the number of each.
# The HTTP statuses, counted.
race() { # COUNT PATH BODY [CURL-OPTION...]
    seq "$1" | xargs -P 16 -I{} curl -sS -X POST -H "Authorization: Bearer $TOKEN" "$URL$2" -d "$3" \
        -o /dev/null -w '%{http_code}\n' "${@:4}" | sort | uniq -c | xargs
}
books() { # what does not add up
    sql "select (select count(*) from app.campaigns c where budget is not null and spent <> (select coalesce(sum(amount), 0) from app.order_discounts d where campaign_id = c.id and returned_at is null))
              + (select count(*) from app.coupons u where uses <> (select count(distinct order_id) from app.order_discounts d where coupon_id = u.id and returned_at is null))
              + (select count(*) from app.orders o where status <> 'cancelled' and created_at > (select min(created_at) from app.campaigns) and discount_amount <> (select coalesce(sum(amount), 0) from app.order_discounts d where d.order_id = o.id and returned_at is null))"
}

@test "a budget is used up to the last order that fits, and not a fen more" {
    post /campaigns '{"code":"B","name":"b","kind":"amount","amount":"0.70","budget":"10.00"}' >/dev/null
    run race 64 /orders "$ORDER"
    assert_equal "$output" "64 201"
    assert_sql "select spent from app.campaigns" 9.80
    assert_sql "select count(distinct order_id) || ' ' || sum(amount) from app.order_discounts" "14 9.80"
    assert_equal "$(books)" 0
}

@test "a coupon is used once" {
    post /campaigns '{"code":"C","name":"c","kind":"amount","amount":1,"coupon":true}' >/dev/null
    post /coupons '{"campaign":"C","code":"ONCE"}' >/dev/null
    run race 32 /orders "${ORDER%\}},\"coupons\":[\"ONCE\"]}"
    assert_equal "$output" "1 201 31 409"
    assert_sql "select uses from app.coupons" 1
    assert_equal "$(books)" 0
}

@test "a member has so many orders of a campaign, and not one more" {
    member=$(sql "insert into app.members (name) values ('段正淳') returning member_no")
    post /campaigns '{"code":"M","name":"m","kind":"amount","amount":1,"coupon":true,"per_member":3}' >/dev/null
    post /coupons '{"campaign":"M","count":1000}' >/dev/null
    # Each with a coupon of its own: no row of theirs is locked by two.
    sql "update app.coupons set code = 'K' || id"
    # Orders that there are, priced anew; all are held up when each has seen what the member has had.
    for _ in {1..12}; do post /orders "${ORDER%\}},\"member\":\"$member\"}"; done >/dev/null
    sql "update app.orders o set order_no = 'RACE' || n.n
         from (select id, row_number() over (order by id) n from app.orders
               where member_id = (select id from app.members where member_no = '$member')) n
         where n.id = o.id"
    psql -X -q -d "$(dev_dsn)" -c "begin; lock table app.order_discounts in share mode" -c "select pg_sleep(2)" -c commit 3>&- >/dev/null &
    holder=$!
    wait_for 5 eval '[ "$(sql "select count(*) from pg_stat_activity where query like '"'select pg_sleep%'"'")" -eq 1 ]'
    run race 12 /orders/RACE{}/discounts '{"coupons":["K{}"]}'
    wait "$holder"
    assert_equal "$output" "3 200 9 422"
    post /campaigns '{"code":"N","name":"n","kind":"amount","amount":1,"per_member":5}' >/dev/null
    run race 32 /orders "${ORDER%\}},\"member\":\"$member\"}"
    assert_equal "$output" "32 201"
    assert_sql "select string_agg(c.code || ' ' || n, ' ' order by c.code) from app.campaigns c join (select campaign_id, count(distinct order_id) n from app.order_discounts where returned_at is null group by 1) d on d.campaign_id = c.id" "M 3 N 5"
    assert_equal "$(books)" 0
}

@test "the same Idempotency-Key takes once" {
    post /campaigns '{"code":"I","name":"i","kind":"amount","amount":1,"budget":50}' >/dev/null
    run race 32 /orders "$ORDER" -H "Idempotency-Key: same-$BATS_TEST_NUMBER"
    assert_equal "$output" "32 201"
    assert_sql "select spent || ' ' || (select count(distinct order_id) from app.order_discounts) from app.campaigns" "1.00 1"
    assert_equal "$(books)" 0
}

@test "cancelled by many and timed out at once: given back once" {
    post /campaigns '{"code":"R","name":"r","kind":"amount","amount":1,"budget":50,"coupon":true}' >/dev/null
    post /coupons '{"campaign":"R","code":"BACK"}' >/dev/null
    for _ in 1 2 3; do
        no=$(post /orders "${ORDER%\}},\"coupons\":[\"BACK\"]}" | jq -r .data.order_no)
        assert_sql "select spent || ' ' || (select uses from app.coupons) from app.campaigns" "1.00 1"
        sql "update app.orders set created_at = now() - interval '2 hours' where order_no = '$no'"
        "$DINER" orders auto-cancel >/dev/null 2>&1 3>&- &
        race 16 "/orders/$no/cancel" '{"reason":"changed"}' >/dev/null
        wait
        assert_sql "select status from app.orders where order_no = '$no'" cancelled
        assert_sql "select spent || ' ' || (select uses from app.coupons) from app.campaigns" "0.00 0"
    done
    assert_sql "select count(*) from app.order_discounts where returned_at is null" 0
    assert_equal "$(books)" 0
}

@test "ordered, refunded and cancelled by all, while the campaign is ended: the books are right" {
    post /campaigns '{"code":"X","name":"x","kind":"percent","percent":"12.5","budget":"6.00","priority":1}' >/dev/null
    post /campaigns '{"code":"Y","name":"y","kind":"threshold","tiers":[{"from":5,"off":1}],"budget":20}' >/dev/null
    (sleep 1; post /campaigns/Y/end '{}' >/dev/null) 3>&- &
    seq 48 | xargs -P 16 -I{} bash -c '
        no=$(curl -sS -X POST -H "Authorization: Bearer $TOKEN" "$URL/orders" -d "$ORDER" | jq -r .data.order_no)
        [ $(({} % 3)) -eq 0 ] || exit 0
        curl -sS -o /dev/null -X POST -H "Authorization: Bearer $TOKEN" "$URL/orders/$no/pay" -d "{\"payment_method\":\"cash\"}"
        curl -sS -o /dev/null -X POST -H "Authorization: Bearer $TOKEN" "$URL/orders/$no/$([ $(({} % 2)) -eq 0 ] && echo cancel || echo refunds)" -d "{\"reason\":\"x\"}"'
    wait
    assert_sql "select count(*) from app.orders where created_at > (select min(created_at) from app.campaigns)" 48
    assert_sql "select count(*) from app.orders where created_at > (select min(created_at) from app.campaigns) and status = 'cancelled'" 16
    assert_equal "$(books)" 0
    assert_sql "select bool_and(spent <= budget) from app.campaigns" t
}
