#!/usr/bin/env bats
# Merges that meet each other, orders and wallets that are at work meanwhile.
load ../helper

setup_file() {
    dev_start --orders 5 --seed 3
    curl -fsS "$(dev_url)/api/v1/auth/login" \
        -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" |
        jq -r .data.access_token >"$FILE_DIR/token"
}
teardown_file() { dev_stop; }

api() { # METHOD PATH [BODY]: the answer
    curl -sS -X "$1" "$(dev_url)/api/v1$2" -H "Authorization: Bearer $(cat "$FILE_DIR/token")" ${3:+-d "$3"}
}
member() { api POST /members '{"name": "x"}' | jq -re .data.member_no; }
# What always holds of wallets, and of members that lead elsewhere.
assert_whole() {
    assert_sql "select count(*) from app.wallets w where w.balance <> (select coalesce(sum(l.amount), 0) from app.wallet_log l where l.member_id = w.member_id)" 0
    assert_sql "select count(*) from app.points p where p.balance <> (select coalesce(sum(l.amount), 0) from app.points_log l where l.member_id = p.member_id) or greatest(p.balance, 0) <> (select coalesce(sum(t.remain), 0) from app.points_lots t where t.member_id = p.member_id)" 0
    assert_sql "select count(*) from app.members m where app.member_root(m.id) is null" 0
    assert_sql "select count(*) from app.orders o join app.members m on m.id = o.member_id where m.status = 'merged'" 0
}

@test "two that merge one member at once: one wins, the other is told into whom" {
    for _ in 1 2 3 4 5 6; do
        a=$(member) b=$(member) c=$(member)
        api POST "/members/$a/merge" "{\"other\": \"$c\"}" >"$BATS_TEST_TMPDIR/1" &
        api POST "/members/$b/merge" "{\"other\": \"$c\"}" >"$BATS_TEST_TMPDIR/2" &
        wait %1 %2
        assert_equal "$(cat "$BATS_TEST_TMPDIR"/[12] | jq -r '.error // "merged"' | sort | tr '\n' ' ')" "member_merged merged "
        winner=$(cat "$BATS_TEST_TMPDIR"/[12] | jq -r '.data.survivor // empty')
        assert_equal "$(cat "$BATS_TEST_TMPDIR"/[12] | jq -r '.details.merged_into // empty')" "$winner"
        # Each into the other: one direction, no circle.
        api POST "/members/$a/merge" "{\"other\": \"$b\"}" >"$BATS_TEST_TMPDIR/3" &
        api POST "/members/$b/merge" "{\"other\": \"$a\"}" >"$BATS_TEST_TMPDIR/4" &
        wait %1 %2
        assert_equal "$(cat "$BATS_TEST_TMPDIR"/[34] | jq -r '.error // "merged"' | sort | tr '\n' ' ')" "member_merged merged "
    done
    assert_whole
}

@test "members merged and unmerged while they order, pay, top up and are refunded: nothing is lost" {
    a=$(member) b=$(member)
    api POST "/members/$b/wallet/topups" '{"amount": 2000, "ref": "race-start"}' >/dev/null
    api POST "/members/$a/wallet/topups" '{"amount": 2000, "ref": "race-start-2"}' >/dev/null
    spend() { # NAME: ten orders of b, each refunded in part, each with a top-up
        for i in $(seq 10); do
            order=$(api POST /orders/checkout "{\"store\":\"S001\",\"channel\":\"dine_in\",\"payment_method\":\"wallet\",\"member\":\"$b\",\"items\":[{\"product\":\"P1001\",\"quantity\":1}]}" | tee -a "$BATS_TEST_TMPDIR/answers" | jq -r .data.order_no)
            api POST "/orders/$order/refunds" '{"amount": 1, "reason": "x"}' >>"$BATS_TEST_TMPDIR/answers"
            api POST "/members/$b/wallet/topups" "{\"amount\": 3, \"ref\": \"race-$1-$i\"}" >>"$BATS_TEST_TMPDIR/answers"
        done
    }
    spend 1 & spend 2 &
    for _ in $(seq 10); do
        api POST "/members/$a/merge" "{\"other\": \"$b\"}" >>"$BATS_TEST_TMPDIR/merges"
        api POST "/members/$b/unmerge" >>"$BATS_TEST_TMPDIR/merges"
    done
    wait %1 %2
    assert_equal "$(jq -r '.error // empty' "$BATS_TEST_TMPDIR"/answers "$BATS_TEST_TMPDIR"/merges | sort | uniq -c)" ""
    assert_whole
    # 4000 and 60 came in, 20 orders of 38.50 less 20 refunds of 1 went out.
    assert_sql "select sum(w.balance) from app.wallets w join app.members m on m.id = w.member_id where m.member_no in ('$a', '$b')" 3310.00
    assert_sql "select count(*) from app.orders o join app.members m on m.id = o.member_id where m.member_no in ('$a', '$b')" 20
}
