#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031
# diner payments list|refund|reconcile|differences: the channels' books against ours.
load ../helper

setup_file() {
    dev_start --orders 20 --seed 3
    export DINER_RECONCILE_WECHAT_FEE=0.6%
}
teardown_file() { dev_stop; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    sql "truncate app.reconciliations, app.reconciliation_totals, app.differences restart identity;
         delete from app.refunds where refund_no ~ '^R[0-9]'; delete from app.payments where payment_no ~ '^[PX][0-9]'"
}

D=2026-11-21
N=2026-11-22

# Ours: a payment of the till, and a refund of it. Times are those of the shop.
paid() { # NUMBER AMOUNT [TIME] [TRANSACTION] [CHANNEL]
    sql "insert into app.payments (order_id, payment_no, method, channel, amount, status, is_surplus, transaction_id, paid_at)
         select min(id), '$1', '${METHOD:-wechat}', '${5:-wx}', $2, 'succeeded', true, nullif('${4:-}', ''), '${3:-$D 12:00}+08' from app.orders"
}
refunded() { # NUMBER PAYMENT AMOUNT [TIME] [STATUS]
    sql "insert into app.refunds (payment_id, order_id, refund_no, amount, status, reason, accepted_at, final_at)
         select id, order_id, '$1', $3, '${5:-succeeded}', 'cold', nullif('${4:-$D 13:00}', '-')::timestamp at time zone 'Asia/Shanghai',
                case when '${5:-succeeded}' in ('succeeded', 'failed') then now() end from app.payments where payment_no = '$2'"
}
# The channel's: lines "P NUMBER AMOUNT [FEE]" and "R NUMBER PAYMENT AMOUNT [STATE]"; the fee of 0.6 % unless said.
wechat() { # FILE [DAY] <LINES
    awk -v day="${2:-$D}" '
        function yuan(v) { return sprintf("%.2f", v) }
        BEGIN { printf "\xef\xbb\xbf交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n" }
        $1 == "P" { n++; pay += $3; fee = $4 == "" ? int($3 * 0.6 + 0.5) / 100 : $4; fees += fee
            printf "`%s 12:00:%02d,`wx1,`1900000109,`0,`,`T%s,`%s,`o1,`JSAPI,`SUCCESS,`OTHERS,`CNY,`%s,`0.00,`0,`0,`0.00,`0.00,`,`,`面,`,`%.5f,`0.60%%,`%s,`0.00,`\r\n", day, n % 60, $2, $2, yuan($3), fee, yuan($3) }
        $1 == "R" { n++; back += $4; fee = int($4 * 0.6 + 0.5) / 100; fees -= fee
            printf "`%s 13:00:%02d,`wx1,`1900000109,`0,`,`T%s,`%s,`o1,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5%s,`%s,`%s,`0.00,`ORIGINAL,`%s,`面,`,`-%.5f,`0.60%%,`0.00,`%s,`\r\n", day, n % 60, $3, $3, $2, $2, yuan($4), $5 == "" ? "SUCCESS" : $5, fee, yuan($4) }
        END { printf "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`%d,`%s,`%s,`0.00,`%.5f,`%s,`%s\r\n", n, yuan(pay), yuan(back), fees, yuan(pay), yuan(back) }' >"$1"
}
reconcile() { run --separate-stderr "$DINER" payments reconcile "$@"; }
found() { # what stands there: number class state action
    jq -r '.[] | [.number, .class, .state, .action] | map(. // "-") | join(" ")' <<<"$output"
}
kept() { # all that is kept, without times
    sql "select (to_jsonb(r) - '{created_at,updated_at}'::text[])::text from app.reconciliations r order by id;
         select to_jsonb(t)::text from app.reconciliation_totals t order by 1;
         select (to_jsonb(d) - '{created_at,updated_at}'::text[])::text from app.differences d order by id"
}

@test "payments list: all orders, filters, refunds; refund is that of orders" {
    run --separate-stderr "$DINER" payments list --method wechat --status succeeded --limit 5 --sort=-amount -o json
    assert_status 0
    assert_json 'length > 0 and all(.[]; .method == "wechat" and .order_no != null and .store != null)'
    assert_json '[.[].amount.amount_minor] == ([.[].amount.amount_minor] | sort | reverse)'
    run --separate-stderr "$DINER" payments list --refunds -o json
    assert_json "length == $(sql 'select count(*) from app.refunds') and all(.[]; .accepted_at != null)"
    run --separate-stderr "$DINER" payments list --store S001 --limit 1000 -o json
    assert_json "length == $(sql "select count(*) from app.payments p join app.orders o on o.id = p.order_id join app.stores s on s.id = o.store_id where code = 'S001'")"
    run --separate-stderr "$DINER" payments list --status lost
    assert_status 1
    assert_stderr_has "'status' is created"
    order=$(sql "select order_no from app.orders where payment_status = 'paid' order by id limit 1")
    run --separate-stderr "$DINER" payments refund "$order" --amount 1 --reason cold --refund-no T-1 --yes -o json
    assert_status 0
    assert_json '.refund_no == "T-1" and .status == "succeeded" and .accepted_at != null'
}

@test "a day that agrees: exit 0, nothing printed but the sums" {
    paid P1 10; paid P2 20.05; refunded R1 P1 4
    printf 'P P1 10\nP P2 20.05\nR R1 P1 4\n' | wechat bill.csv
    reconcile bill.csv -o json
    assert_status 0
    assert_stdout_is "[]"
    assert_stderr_has "wechat $D: 3 rows of the bill, 3 of ours; 3 match, 0 differ"
    reconcile bill.csv --totals -o json
    assert_json '[.[] | [.kind, .class, .channel_rows, .local_amount.amount_minor]] == [["payment", "matched", 2, 3005], ["refund", "matched", 1, 400]]'
}

@test "every class has its code, its label and what to do; exit 9" {
    paid P2 20; paid P3 30; paid P5 50; paid X5 50 "$D 12:01" TP5
    sql "insert into app.payments (order_id, payment_no, method, channel, amount, status) select order_id, 'P4', 'wechat', 'wx', 40, 'sent' from app.payments where payment_no = 'P2';
         update app.payments set transaction_id = 'TP5' where payment_no = 'P5'"
    refunded R2 P2 2; refunded R3 P3 3 - requested; refunded R4 P3 4 "$D 13:00" failed
    paid P6 60; paid P7 70
    printf 'P P1 10\nP P2 20.01\nP P3 30 0.20\nP P4 40\nP P5 50\nP P6 60\nP P6 60\nR R2 P2 2\nR R3 P3 3\nR R4 P3 4\nR R9 P3 1\n' | wechat bill.csv
    reconcile bill.csv -o json --pool-days 0
    assert_status 9
    assert_stderr_has "differences are open"
    assert_equal "$(found)" "P1 channel_only open find_order
P2 amount open correct_amount
P3 fee open check_fee
P4 status open confirm_paid
P6 duplicate_channel open check_duplicate
P7 local_only open ask_channel
X5 duplicate_local open cancel_duplicate
R3 status open query_refund
R4 status open query_refund
R9 channel_only open book_refund"
    assert_equal "$(jq -r '.[].label' <<<"$output" | tr '\n' ' ')" \
        "长款 金额不符（长款） 手续费不符 掉单 渠道重复 短款 我方重复 退款状态不符 退款状态不符 渠道单边退款 "
    assert_json '.[1].difference.amount_minor == 1 and .[5].difference.amount_minor == -7000 and .[2].channel_fee == "0.20000" and .[2].local_fee == "0.18000"'
    # An order that was cancelled is refunded, not confirmed.
    sql "update app.payments set order_id = (select min(id) from app.orders where status = 'cancelled') where payment_no = 'P4'"
    reconcile bill.csv -o json
    assert_json '.[] | select(.number == "P4") | .action == "refund"'
}

@test "ours alone waits for later bills; what one has is closed on both days, else it is missing" {
    paid P1 10 "$D 23:59:30"; paid P2 20 "$D 23:59:40"
    printf '' | wechat empty.csv
    reconcile --no-bill --channel wechat --date $D -o json
    assert_status 0
    assert_stderr_has "0 open, 2 wait for later bills"
    assert_equal "$(found)" "P1 local_only pending wait
P2 local_only pending wait"
    printf 'P P1 10\n' | wechat next.csv $N
    reconcile next.csv -o json
    assert_status 0
    assert_json '.[] | select(.class == "other_day") | .number == "P1" and .date == "2026-11-22" and .other_date == "2026-11-21" and .state == "closed"'
    run --separate-stderr "$DINER" payments differences list --state all --to $D -o json
    assert_equal "$(found)" "P1 local_only closed -
P2 local_only pending wait"
    assert_json '.[0].other_date == "2026-11-22" and .[0].label == "跨日已对"'
    reconcile --no-bill --channel wechat --from 2026-11-23 --to 2026-11-24 -o json
    assert_status 9
    assert_equal "$(found)" "P2 local_only open ask_channel"
    assert_json '.[0].age_days == 3 and .[0].label == "短款"'
}

@test "in whatever order the days come, the end is the same" {
    paid P1 10 "$D 23:59:30"; paid P2 20 "$N 00:00:10"
    printf 'P P2 20\n' | wechat today.csv
    printf 'P P1 10\n' | wechat next.csv $N
    reconcile today.csv next.csv
    assert_status 0
    states=$(sql "select bill_date, number, class, state from (select *, app.difference_state(class, false, closed_on, age_days, 3) state from app.difference_rows) d order by 1, 2, 3")
    sql "truncate app.reconciliations, app.reconciliation_totals, app.differences"
    reconcile next.csv
    reconcile today.csv
    assert_status 0
    assert_sql "select bill_date, number, class, state from (select *, app.difference_state(class, false, closed_on, age_days, 3) state from app.difference_rows) d order by 1, 2, 3" "$states"
    # The same payment in the bills of two days is one too many.
    printf 'P P1 10\nP P2 20\n' | wechat next.csv $N
    reconcile next.csv -o json
    assert_status 9
    assert_json 'any(.[]; .number == "P2" and .class == "duplicate_channel" and .other_date == "2026-11-21")'
}

@test "another number at the till: found by the channel's; recorded ones only when asked for" {
    paid X1 10 "$D 12:00" TP1
    paid X2 20 "$D 12:00" '' none
    printf 'P P1 10\n' | wechat bill.csv
    reconcile bill.csv -o json
    assert_status 0
    assert_stdout_is "[]"
    DINER_RECONCILE_RECORDED=true reconcile bill.csv -o json
    assert_equal "$(found)" "X2 local_only pending wait"
}

@test "a refund's state in the bill changes nothing of ours; two of one payment stay two" {
    METHOD=alipay paid P1 100 "$D 10:00"
    METHOD=alipay refunded R1 P1 10; METHOD=alipay refunded R2 P1 10 "$D 13:30" accepted
    python3 - "$D" <<'PY'
import sys
day = sys.argv[1]
head = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
def row(kind, amount, refund, fee):
    return "\t,".join(["2088T1", "P1", kind, "面", f"{day} 10:00:00", f"{day} 13:00:00", "S001", "店", "", "", "*杨(137****2600)",
                       amount, amount, "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00", refund, fee, "0.00", ""])
y, m, d = day.split("-")
lines = ["#支付宝业务明细查询", "#账号：[20880123456789010156]", f"#起始日期：[{y}年{m}月{d}日 00:00:00]   终止日期：[{y}年{m}月{int(d) + 1}日 00:00:00]",
         "#-----业务明细列表-----", head, row("交易", "100.00", "", "-0.60"), row("退款", "-10.00", "R1", "0.06"), row("退款", "-10.00", "R2", "0.06"),
         "#-----业务明细列表结束-----", "#交易合计：1笔，商家实收共100.00元，商家优惠共0.00元", "#退款合计：2笔，商家实收退款共-20.00元，商家优惠退款共0.00元",
         f"#导出时间：[{y}年{m}月{int(d) + 1}日 09:00:00]"]
open("bill.csv", "wb").write("\r\n".join(lines + [""]).encode("gb18030"))
PY
    reconcile bill.csv -o json
    assert_status 0
    assert_stdout_is "[]"
    assert_stderr_has "alipay $D: 3 rows of the bill, 3 of ours; 3 match"
    assert_sql "select status from app.refunds where refund_no = 'R2'" accepted
    METHOD=wechat paid P2 50; refunded R3 P2 5 "$D 13:00" accepted
    printf 'P P2 50\nR R3 P2 5 PROCESSING\n' | wechat w.csv
    reconcile w.csv
    assert_status 0
    assert_sql "select status from app.refunds where refund_no = 'R3'" accepted
}

@test "a refund is in the books of the day on which the channel accepted it" {
    paid P1 10
    refunded R1 P1 4 "$N 00:10"
    sql "update app.refunds set created_at = '$D 23:50+08', final_at = '2026-11-25 09:00+08' where refund_no = 'R1'"
    printf 'P P1 10\n' | wechat today.csv
    printf 'R R1 P1 4\n' | wechat next.csv $N
    reconcile today.csv next.csv -o json
    assert_status 0
    assert_stdout_is "[]"
    assert_stderr_has "wechat $N: 1 rows of the bill, 1 of ours; 1 match"
}

@test "with the fund bill, what each payment comes to is compared as well" {
    paid P1 100; paid P2 50; paid P3 20
    printf 'P P1 100\nP P2 50\nP P3 20\n' | wechat bill.csv
    flows() { # lines "NUMBER NAME DIRECTION AMOUNT"
        awk -v day="$D" 'BEGIN { b = 1000; print "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号" }
            { n[$3]++; s[$3] += $4; b += $3 == "收入" ? $4 : -$4
              printf "`%s 12:00:02,`%s,`%d,`%s,`%s,`%s,`%.2f,`%.2f,`system,`,`x\n", day, $1, NR, $2, $2, $3, $4, b }
            END { printf "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`%d.0,`%d.0,`%.2f,`%d.0,`%.2f\n", NR, n["收入"], s["收入"], n["支出"], s["支出"] }'
    }
    printf '%s\n' 'TP1 交易 收入 100' 'TP1 扣除交易手续费 支出 0.60' 'TP2 交易 收入 50' 'TP2 扣除交易手续费 支出 0.31' 'W1 提现 支出 5' 'TP1 退款 支出 9' | flows >flow.csv
    reconcile bill.csv flow.csv -o json
    assert_status 9
    assert_equal "$(found)" "P2 flow open check_fee
P3 flow open check_fee"
    assert_json '.[0].channel_amount.amount_minor == 4970 and .[0].local_amount.amount_minor == 4969 and .[0].label == "资金账单不符"'
    assert_json '.[1].local_amount == null'
    assert_stderr_has "3 rows of the bill, 3 of ours; 3 match, 2 differ"
}

@test "again is the same, to the id; what was dealt with is never touched" {
    paid P2 20; paid P3 30
    printf 'P P1 10\nP P2 20.01\nP P3 30\n' | wechat bill.csv
    reconcile bill.csv
    before=$(kept)
    reconcile bill.csv
    assert_equal "$(kept)" "$before"
    id=$(sql "select id from app.differences where number = 'P1'")
    run --separate-stderr "$DINER" payments differences handle "$id" --note '补单' --dry-run
    assert_status 0
    assert_equal "$(kept)" "$before"
    run --separate-stderr "$DINER" payments differences handle "$id" --note '补单'
    assert_status 0
    dealt=$(sql "select to_jsonb(d)::text from app.differences d where id = $id")
    reconcile bill.csv -o json
    assert_status 9
    assert_equal "$(found)" "P1 channel_only handled -
P2 amount open correct_amount"
    # A corrected bill takes the place of the bill; the same difference stays dealt with, another one does not.
    printf 'P P1 10\nP P2 20\nP P3 30\n' | wechat bill.csv
    reconcile bill.csv -o json
    assert_status 0
    assert_equal "$(found)" "P1 channel_only handled -"
    printf 'P P1 10.50\nP P2 20\nP P3 30\n' | wechat bill.csv
    reconcile bill.csv -o json
    assert_status 9
    assert_equal "$(found)" "P1 channel_only handled -
P1 channel_only open find_order"
    assert_sql "select to_jsonb(d)::text from app.differences d where id = $id" "$dealt"
    run --separate-stderr "$DINER" payments differences handle "$id" --note again
    assert_status 1
    assert_stderr_has "was dealt with before"
    run --separate-stderr "$DINER" payments differences handle 999999 --note x
    assert_status 1
    assert_stderr_has "there is no difference '999999'"
    run --separate-stderr "$DINER" payments differences handle 1x --note x
    assert_status 2
}

@test "a bill that is not right is refused and leaves nothing" {
    paid P1 10
    printf 'P P1 10\n' | wechat bill.csv
    sed 's/`1,`10.00,`0.00/`2,`10.00,`0.00/' bill.csv >count.csv
    sed '$s/`10.00,`0.00\r$/`10.01,`0.00\r/' bill.csv >sum.csv
    head -n 2 bill.csv >cut.csv
    for file in count sum cut; do
        reconcile "$file.csv"
        assert_status 1
        assert_stdout_is ""
        assert_stderr_has "$file.csv"
    done
    reconcile bill.csv --sha256 "$(printf x | sha256sum | cut -d' ' -f1)"
    assert_status 1
    assert_stderr_has "is not the file it should be"
    assert_sql "select count(*) from app.reconciliations" 0
    reconcile bill.csv --sha256 "$(sha256sum bill.csv | cut -d' ' -f1)"
    assert_status 0
}

@test "what is no bill of one day is refused with advice" {
    reconcile
    assert_status 2
    assert_stderr_has "--date yesterday"
    reconcile --no-bill
    assert_status 2
    reconcile "$PROJECT/tests/fixtures/bills/wechat_success_7_totals.csv"
    assert_status 1
    assert_stderr_has "no refunds"
    reconcile "$PROJECT/tests/fixtures/bills/wechat_fundflow.csv"
    assert_status 1
    assert_stderr_has "has no payments"
    reconcile "$PROJECT/tests/fixtures/bills/alipay_account.csv"
    assert_status 1
    assert_stderr_has "not of trades"
    printf 'P P1 10\n' | wechat bill.csv
    reconcile bill.csv bill.csv
    assert_status 2
    assert_stderr_has "given twice"
    reconcile bill.csv --channel alipay
    assert_status 1
    assert_stderr_has "is a bill of wechat"
    sed "2s/$D/$N/" <(printf 'P P1 10\nP P2 10\n' | wechat /dev/stdout) >days.csv
    reconcile days.csv
    assert_status 1
    assert_stderr_has "rows of other days"
    assert_sql "select count(*) from app.reconciliations" 0
}

@test "dry run keeps nothing; several bills of a day count as one" {
    paid P1 10; paid P2 20
    printf 'P P1 10\n' | wechat one.csv
    printf 'P P2 20\n' | wechat two.csv
    reconcile one.csv two.csv --dry-run
    assert_status 0
    assert_stderr_has "2 rows of the bill, 2 of ours; 2 match"
    assert_sql "select count(*) from app.reconciliations" 0
    reconcile two.csv one.csv
    hash=$(sql "select bill_hash from app.reconciliations")
    reconcile one.csv two.csv
    assert_sql "select bill_hash from app.reconciliations" "$hash"
}

@test "bills that were fetched are found by channel and day" {
    export DINER_OUTPUT_DIR=$PWD
    paid P1 10; paid P2 20 "$N 12:00"
    printf 'P P1 10\n' | wechat wechat_trade_ALL_20261121.csv
    printf 'P P2 20\n' | wechat wechat_trade_ALL_20261122.csv $N
    reconcile --channel wechat --from $D --to $N
    assert_status 0
    assert_stderr_has "wechat $N: 1 rows of the bill, 1 of ours; 1 match"
    reconcile --channel wechat --date 2026-11-23
    assert_status 1
    assert_stderr_has "wechat_trade_ALL_20261123.csv"
    assert_stderr_has "bill fetch"
    printf '<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[No Bill Exist]]></return_msg><error_code><![CDATA[20002]]></error_code></xml>' >wechat_trade_ALL_20261123.csv
    paid P3 30 "2026-11-23 12:00"
    reconcile --channel wechat --date 2026-11-23 -o json
    assert_status 0
    assert_equal "$(found)" "P3 local_only pending wait"
    # Of all channels: those that bills are fetched from, by their day alone.
    reconcile --date $D
    assert_status 3
    export DINER_PAYMENTS_WECHAT_MCH_ID=1900000109
    reconcile --date $D
    assert_status 0
    assert_stderr_has "wechat $D: 1 rows of the bill, 1 of ours; 1 match"
    DINER_PAYMENTS_ALIPAY_APP_ID=2021 reconcile --date $D
    assert_status 1
    assert_stderr_has "alipay_trade_20261121.zip"
    cp wechat_trade_ALL_20261121.csv wechat_trade_ALL_20261124.csv
    reconcile --channel wechat --date 2026-11-24
    assert_status 1
    assert_stderr_has "rows of other days"
}

@test "a bill that is missing or refused leaves other channels and days in peace" {
    export DINER_OUTPUT_DIR=$PWD DINER_PAYMENTS_WECHAT_MCH_ID=1900000109 DINER_PAYMENTS_ALIPAY_APP_ID=2021
    paid P1 10; METHOD=alipay paid P2 20; paid P3 30 "2026-11-23 12:00"
    printf 'P P1 10\n' | wechat wechat_trade_ALL_20261121.csv
    reconcile --date $D
    assert_status 1
    assert_stderr_has "wechat $D: 1 rows of the bill, 1 of ours; 1 match"
    assert_stderr_has "alipay_trade_20261121.zip"
    assert_stderr_has "payments bill fetch"
    assert_sql "select string_agg(channel || ' ' || bill_date, ',') from app.reconciliations" "wechat $D"
    # What differs is told all the same, and the worst is the exit status: 1 before 9.
    printf 'P P1 10\nP P9 9\n' | wechat wechat_trade_ALL_20261121.csv
    reconcile --date $D -o json
    assert_status 1
    assert_equal "$(found)" "P9 channel_only open find_order"
    assert_stderr_matches "alipay_trade_20261121.zip.*; and 1 differences are open"
    # Days: 22 is missing, 23 does not add up, 24 is as it should be; in a dry run as well.
    printf 'P P3 30\n' | wechat wechat_trade_ALL_20261123.csv 2026-11-23
    sed -i 's/^`1,`30.00/`2,`30.00/' wechat_trade_ALL_20261123.csv
    printf 'P P4 40\n' | wechat wechat_trade_ALL_20261124.csv 2026-11-24
    for dry in --dry-run ''; do
        reconcile --channel wechat --from $D --to 2026-11-24 -o json $dry
        assert_status 1
        assert_stderr_matches "wechat_trade_ALL_20261122.csv.*; and .*wechat_trade_ALL_20261123.csv.*; and 2 differences are open"
        assert_equal "$(found)" "P9 channel_only open find_order
P4 channel_only open find_order"
    done
    assert_sql "select string_agg(bill_date::text, ',' order by bill_date) from app.reconciliations where is_current" "$D,2026-11-24"
    # None of them: its own error, and nothing printed.
    reconcile --channel alipay --date $D -o json
    assert_status 1
    assert_stdout_is ""
}

@test "table, CSV, and a page for printing with nothing from elsewhere" {
    paid P2 20
    printf 'P P1<b> 10\n' | wechat bill.csv
    reconcile bill.csv --html page.html
    assert_status 9
    assert_stdout_has "长款"
    assert_stdout_has "待对账"
    grep -q '<h1>支付渠道对账单</h1>' page.html
    grep -q 'P1&lt;b&gt;' page.html
    run grep -cE 'https?:|<script|<link|<img' page.html
    assert_stdout_is 0
    reconcile bill.csv -o csv
    assert_stdout_has "id,date,channel,kind,number,class,label,state,channel_amount"
    reconcile bill.csv --html /nowhere/page.html
    assert_status 1
}

@test "one at a time in a channel: the second exits 8" {
    printf 'P P1 10\n' | wechat bill.csv
    psql -X -q -d "$(dev_dsn)" -c "select pg_advisory_lock(hashtextextended('diner:reconcile:wechat', 0)); select pg_sleep(20)" 3>&- >/dev/null &
    wait_for 10 eval '[ "$(sql "select count(*) from pg_locks where locktype = '"'advisory'"'")" -ge 1 ]'
    reconcile bill.csv
    kill $!
    assert_status 8
    assert_sql "select count(*) from app.reconciliations" 0
}
