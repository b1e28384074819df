#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# diner campaigns: list, show, create, apply, end, issue; orders with discounts and coupons.
load ../helper

setup_file() { dev_start --orders 20 --seed 3; }
teardown_file() { dev_stop; }
setup() { sql "truncate app.campaigns restart identity cascade"; }

campaign() { "$DINER" campaigns create --code "$1" --name "$1" "${@:2}" >/dev/null 2>&1; }
order() { # [OPTION...]: 2 x 38.50 + 32.00 = 109.00
    "$DINER" orders create --store S001 --item P1001=2 --item P2001=1 -o json "$@" 2>/dev/null
}

@test "create: from a file; what was asked for is what there is" {
    cat >"$BATS_TEST_TMPDIR/lunch.yaml" <<'YAML'
code: LUNCH20
name: 午市满减
kind: threshold
tiers:
  - { from: 60, off: 10 }
  - { from: 100.00, off: 20.50 }
starts_on: 2026-01-01
ends_on: 2099-12-31
weekdays: [mon, tue, wed, thu, fri, sat, sun]
dayparts: ["00:00-24:00"]
stores: [S001]
channels: [dine_in]
group: lunch
priority: 3
budget: 5000
YAML
    run --separate-stderr "$DINER" campaigns create "$BATS_TEST_TMPDIR/lunch.yaml" --dry-run
    assert_status 0
    assert_json '.tiers[1].off == "20.50" and .priority == 3'
    assert_stderr_is "dry run: nothing was sent"
    assert_sql "select count(*) from app.campaigns" 0
    run --separate-stderr "$DINER" campaigns create "$BATS_TEST_TMPDIR/lunch.yaml"
    assert_status 0
    assert_stdout_matches 'tiers +60.00=10.00, 100.00=20.50'
    assert_stdout_matches 'budget_left +5000.00'
    assert_stderr_is "campaign LUNCH20 created: active"
    # A file of JSON, as the platform gave it: the same again under another code.
    sql "select terms || '{\"code\":\"AGAIN\"}' from app.campaigns" >"$BATS_TEST_TMPDIR/again.json"
    run --separate-stderr "$DINER" campaigns create "$BATS_TEST_TMPDIR/again.json" -o json
    assert_status 0
    assert_sql "select count(distinct terms - 'code') from app.campaigns" 1
}

@test "create: all that is wrong is told, with its place or its option" {
    printf 'code: A B\nname: x\nkind: percent\npercent: 120\nfoo: 1\nweekdays: [mo]\n' >"$BATS_TEST_TMPDIR/bad.yaml"
    run --separate-stderr "$DINER" campaigns create "$BATS_TEST_TMPDIR/bad.yaml"
    assert_status 3
    assert_stderr_has "bad.yaml:4:1: 'percent' must be a number from 0.01 to 100.00"
    assert_stderr_has "bad.yaml:5:1: 'foo' is not known"
    assert_stderr_has "bad.yaml:6:1: 'weekdays' must be a list of at most 7: mon, tue"
    assert_stderr_has "bad.yaml:1:1: 'code' has 1 to 32"
    run --separate-stderr "$DINER" campaigns create --kind amount --min-amount x --tier 100=20
    assert_status 2
    for text in "--min-amount must be" "--code is missing" "--name is missing" \
        "--amount is missing: the kind amount needs it" "--tier goes only with the kind threshold"; do
        assert_stderr_has "$text"
    done
    run --separate-stderr "$DINER" campaigns create "$BATS_TEST_TMPDIR/bad.yaml" --code X
    assert_status 2
    assert_stderr_has "a file or options, not both"
    run --separate-stderr "$DINER" campaigns create --code X --name x --kind amount --amount 1 --store S999
    assert_status 1
    assert_stderr_has "unknown_store"
    assert_sql "select count(*) from app.campaigns" 0
}

@test "orders create: what campaigns take off is in the document, the table and the summary" {
    campaign OFF10 --kind percent --percent 10
    run --separate-stderr "$DINER" orders create --store S001 --item P1001=2 --item P2001=1
    assert_status 0
    assert_stdout_matches 'gross_amount +109.00'
    assert_stdout_matches 'discount_amount +10.90'
    assert_stdout_matches 'total_amount +98.10'
    assert_stdout_matches '1 +OFF10 +OFF10 +- +7.70'
    assert_stderr_has "pending, unpaid, less 10.90"
    run --separate-stderr order --pay --payment-method cash
    assert_json '.payment_status == "paid" and .total_amount == "98.10" and ([.discounts[].amount] == ["7.70", "3.20"])'
    assert_sql "select amount from app.payments order by id desc limit 1" 98.10
    assert_sql "select payload ->> 'discount_amount' from app.outbox where type = 'order.created' order by id desc limit 1" 10.90
}

@test "coupons: issued, used once, given back by a cancel, refused with a reason" {
    campaign WELCOME --kind percent --percent 20 --coupon --max-discount 15
    run --separate-stderr "$DINER" campaigns issue WELCOME --count 3 -o json
    assert_status 0
    assert_json 'length == 3 and ([.[].code | test("^[2-9A-Z]{12}$")] | all)'
    code=$(jq -r '.[0].code' <<<"$output")
    no=$(order --coupon "$code" | jq -r .order_no)
    assert_sql "select discount_amount from app.orders where order_no = '$no'" 15.00
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon "$code"
    assert_status 1
    assert_stderr_has coupon_used
    "$DINER" orders cancel "$no" --reason x --yes >/dev/null 2>&1
    run --separate-stderr "$DINER" campaigns show WELCOME --coupons -o json
    assert_json "[.[] | select(.code == \"$code\") | .uses] == [0]"
    "$DINER" campaigns issue WELCOME --code HELLO --uses 2 >/dev/null 2>&1
    "$DINER" campaigns end WELCOME --yes >/dev/null 2>&1
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon HELLO
    assert_status 1
    assert_stderr_has "coupon_refused: Coupon 'HELLO' gives nothing for this order: it is over"
}

@test "coupons: over after their last business day, which the list says" {
    campaign OLD --kind percent --percent 10 --coupon
    # The business day is that of the store: until 04:00 it is the day before.
    day=$(sql "select (now() at time zone timezone - cutoff)::date from app.stores where code = 'S001'")
    run --separate-stderr "$DINER" campaigns issue OLD --code LAST --uses 5 --expires-on "$day" -o json
    assert_status 0
    assert_json ".[0].expires_on == \"$day\""
    "$DINER" campaigns issue OLD --code FOREVER >/dev/null 2>&1
    assert_equal "$(order --coupon LAST | jq -r '.discount_amount | tostring | test("0.00") | not')" true
    sql "update app.coupons set expires_on = expires_on - 1 where code = 'LAST'"
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon LAST
    assert_status 1
    assert_stderr_has "coupon_expired"
    run --separate-stderr "$DINER" campaigns apply --store S001 --item P2001=1 --coupon LAST --dry-run
    assert_status 1
    assert_stderr_has "coupon_expired"
    run --separate-stderr "$DINER" campaigns show OLD --coupons -o json
    assert_json '[.[] | [.code, .expired, .uses]] == [["LAST", true, 1], ["FOREVER", false, 0]] and .[1].expires_on == null'
    run --separate-stderr "$DINER" campaigns issue OLD --expires-on tomorrowish
    assert_status 1
    assert_stderr_has "'expires_on' is a day"
    # An order of that day, priced anew later, still has it.
    no=$(order | jq -r .order_no)
    sql "update app.orders set created_at = created_at - interval '1 day' where order_no = '$no'"
    run --separate-stderr "$DINER" campaigns apply "$no" --coupon LAST -o json
    assert_status 0
}

@test "per member: so many orders of one, however many coupons; what is cancelled or of another does not count" {
    campaign TWICE --kind amount --amount 1 --coupon --per-member 2
    run --separate-stderr "$DINER" campaigns show TWICE -o json
    assert_json '.per_member == 2'
    "$DINER" campaigns issue TWICE --code MANY --uses 50 >/dev/null 2>&1
    one=$(sql "insert into app.members (name) values ('段正淳') returning member_no")
    other=$(sql "insert into app.members (name) values ('段延庆') returning member_no")
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon MANY
    assert_status 1
    assert_stderr_has "only for members"
    first=$(order --coupon MANY --member-no "$one" | jq -r .order_no)
    order --coupon MANY --member-no "$one" >/dev/null
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon MANY --member-no "$one"
    assert_status 1
    assert_stderr_has "coupon_refused"
    assert_stderr_has "as often as it is given"
    run --separate-stderr "$DINER" campaigns apply --store S001 --item P2001=1 --member-no "$one" --dry-run -o json
    assert_json '.campaigns[] | select(.campaign == "TWICE") | .reason == "coupon"'
    order --coupon MANY --member-no "$other" >/dev/null
    "$DINER" orders cancel "$first" --reason x --yes >/dev/null 2>&1
    order --coupon MANY --member-no "$one" >/dev/null
    assert_sql "select uses from app.coupons where code = 'MANY'" 3
    # Two who are one have had it together.
    "$DINER" members merge "$one" "$other" --yes >/dev/null 2>&1
    run --separate-stderr "$DINER" orders create --store S001 --item P2001=1 --coupon MANY --member-no "$other"
    assert_status 1
    assert_stderr_has "as often as it is given"
    # Without coupons as well: it is left out, the order is made.
    campaign ONCE --kind amount --amount 2 --per-member 1
    third=$(sql "insert into app.members (name) values ('木婉清') returning member_no")
    assert_equal "$(order --member-no "$third" | jq -r '[.discounts[] | select(.campaign == "ONCE")] != []')" true
    assert_equal "$(order --member-no "$third" | jq -r '[.discounts[] | select(.campaign == "ONCE")] != []')" false
    assert_equal "$(order | jq -r '[.discounts[] | select(.campaign == "ONCE")] != []')" false
    "$DINER" campaigns end ONCE --yes >/dev/null 2>&1
}

@test "apply --dry-run: line by line, which campaign counts, which does not and why" {
    campaign NIGHT --kind amount --amount 5 --daypart 22:00-02:00 --ends-on 2026-12-31
    campaign TEA --kind percent --percent 50 --category 饮品
    campaign DINE --kind threshold --tier 100=10 --channel dine_in
    run --separate-stderr "$DINER" campaigns apply --store S001 --item P1001=2 --item P2001 --at 2027-01-01T03:59:00+08:00 --dry-run
    assert_status 0
    assert_stdout_matches 'NIGHT +NIGHT +- +no +0.00 +not at this time of the day'
    assert_stdout_matches 'TEA +TEA +- +no +0.00 +nothing of what it is for is in the basket'
    assert_stdout_matches 'DINE +DINE +- +yes +10.00 +applied'
    assert_stderr_has "109.00 less 10.00 is 99.00, on 2026-12-31 at 03:59; nothing was taken"
    # Midnight in Shanghai, then the cut-off: another business day.
    for at in "2026-12-31T23:59:59+08:00 true applied" "2027-01-01T00:00:00+08:00 true applied" \
        "2027-01-01T04:00:00+08:00 false ended"; do
        read -r when applied reason <<<"$at"
        run --separate-stderr "$DINER" campaigns apply --store S001 --item P1001=2 --at "$when" --dry-run -o json
        assert_json "[.campaigns[] | select(.campaign == \"NIGHT\") | [.applied, .reason]] == [[$applied, \"$reason\"]]"
    done
    run --separate-stderr "$DINER" campaigns apply --store S001 --item P1001=2
    assert_status 2
    assert_stderr_has "a basket is only explained: --dry-run"
}

@test "apply ORDER: an unpaid order gets the coupon after all; a paid one does not" {
    campaign C --kind amount --amount 9 --coupon --budget 9
    "$DINER" campaigns issue C --code HI >/dev/null 2>&1
    no=$(order | jq -r .order_no)
    run --separate-stderr "$DINER" campaigns apply "$no" --coupon HI --dry-run -o json
    assert_json '.total_amount == "100.00"'
    assert_sql "select discount_amount from app.orders where order_no = '$no'" 0.00
    for _ in 1 2; do # again: its own coupon and budget are its own
        run --separate-stderr "$DINER" campaigns apply "$no" --coupon HI
        assert_status 0
        assert_stderr_is "order $no priced anew: pending, unpaid, less 9.00"
        assert_sql "select spent || ' ' || (select uses from app.coupons) from app.campaigns" "9.00 1"
    done
    run --separate-stderr "$DINER" campaigns apply "$no" --coupon HI --dry-run -o json
    assert_json '.total_amount == "100.00"'
    "$DINER" orders pay "$no" --payment-method cash >/dev/null 2>&1
    run --separate-stderr "$DINER" campaigns apply "$no"
    assert_status 1
    assert_stderr_has order_state
}

@test "show: what it cost and what it brought, store by store; list, end" {
    campaign A --kind amount --amount 4 --budget 10
    campaign B --kind amount --amount 1 --starts-on 2099-01-01
    for store in S001 S002; do
        "$DINER" orders create --store "$store" --item P2001=1 >/dev/null 2>&1
    done
    run --separate-stderr "$DINER" campaigns show A
    assert_status 0
    assert_stdout_matches 'S001 +1 +32.00 +4.00 +28.00 +0 +0.00'
    assert_stdout_matches 'S002 +1 +32.00 +4.00 +28.00'
    assert_stderr_is "campaign A: 2 orders of 64.00, 8.00 off them, 56.00 left to pay; left of the budget: 2.00"
    run --separate-stderr "$DINER" campaigns list --status active -o json
    assert_json 'length == 1 and .[0].code == "A" and .[0].budget_left.amount_minor == 200'
    run --separate-stderr "$DINER" campaigns end A
    assert_status 2
    assert_stderr_has "needs --yes"
    run --separate-stderr "$DINER" campaigns end A --yes -o json
    assert_status 0
    assert_json '.status == "ended"'
    run --separate-stderr "$DINER" campaigns list --sort=-code --store S001 -o json
    assert_json '[.[] | [.code, .status]] == [["B", "scheduled"], ["A", "ended"]]'
    run --separate-stderr "$DINER" campaigns end A --yes
    assert_status 1
    assert_stderr_has campaign_ended
    run --separate-stderr "$DINER" campaigns show NONE
    assert_status 1
    assert_stderr_has unknown_campaign
}
