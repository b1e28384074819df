#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031
# Bills of the payment channels: shown, and fetched from a server that verifies every signature.
load ../helper

setup_file() {
    file_dir
    (
        cd "$FILE_DIR" || exit 1
        for who in merchant channel; do
            openssl genrsa -out $who.key 2048 2>/dev/null
            openssl rsa -in $who.key -pubout -out $who.pub 2>/dev/null
        done
        chmod 0600 ./*.key
        printf key-of-v2-for-the-test >v2.key
        chmod 0600 v2.key
        # Who gives the merchant its certificate, another who does not, and the channel's own.
        for who in clients strangers; do
            openssl req -x509 -newkey rsa:2048 -nodes -keyout $who.key -out $who.pem -subj "/CN=$who" -days 2 2>/dev/null
            openssl req -new -key merchant.key -subj /CN=1900000109 2>/dev/null |
                openssl x509 -req -CA $who.pem -CAkey $who.key -CAcreateserial -out merchant_of_$who.pem -days 2 2>/dev/null
        done
        openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -subj /CN=localhost -days 2 \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
        cat tls.crt tls.key >tls.pem
    )
    "$PROJECT/tests/bill_server.py" "$FILE_DIR" 3>&- &
    echo $! >"$FILE_DIR/pid"
    wait_for 10 test -s "$FILE_DIR/port"
}
teardown_file() {
    if [ -f "$FILE_DIR/pid" ]; then kill "$(cat "$FILE_DIR/pid")"; fi
    file_dir_remove
}
setup() {
    BASE=http://127.0.0.1:$(cat "$FILE_DIR/port")
    BILLS=$PROJECT/tests/fixtures/bills
    mkdir "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here" || return 1
    export DINER_PAYMENTS_WECHAT_URL=$BASE DINER_PAYMENTS_WECHAT_MCH_ID=1900000109
    export DINER_PAYMENTS_WECHAT_APP_ID=wx0123456789abcdef DINER_PAYMENTS_WECHAT_SERIAL_NO=5157F09E
    export DINER_PAYMENTS_WECHAT_PRIVATE_KEY=file:$FILE_DIR/merchant.key
    export DINER_PAYMENTS_WECHAT_KEY=file:$FILE_DIR/v2.key
    export DINER_PAYMENTS_ALIPAY_URL=$BASE/gateway.do DINER_PAYMENTS_ALIPAY_APP_ID=2021000000000000
    export DINER_PAYMENTS_ALIPAY_PRIVATE_KEY=file:$FILE_DIR/merchant.key
    export DINER_RETRY_BASE=1ms
}

ALL=wechat_tradebill_ALL_20261121.csv
ZIP=alipay_trade_20261121.csv.zip
DAY=2026-11-21

show() { run --separate-stderr "$DINER" payments bill show "$@"; }
fetch() { run --separate-stderr "$DINER" payments bill fetch "$@"; }
wechat() { fetch --channel wechat --date $DAY "$@"; }
alipay() { fetch --channel alipay --date $DAY "$@"; }
v2() { export DINER_PAYMENTS_WECHAT_API=v2; }
verified() {
    export DINER_PAYMENTS_WECHAT_PUBLIC_KEY=$FILE_DIR/channel.pub
    export DINER_PAYMENTS_ALIPAY_PUBLIC_KEY=$FILE_DIR/channel.pub
}
script() { # API KEY:VALUE... as jq writes them
    jq -n --arg bills "$BILLS" "{\"$1\": ({$2})}" | curl -sS -X PUT "$BASE/_script" -d @- >/dev/null
}
bill() { echo "file: (\$bills + \"/$1\")"; }
asked() { curl -sS "$BASE/_log" | jq -r "$1"; }
all_signed() { assert_equal "$(asked 'all(.ok)')" true; }
nothing_here() { assert_equal "$(find . -mindepth 1 | wc -l)" 0; }

# ---- show ----------------------------------------------------------------------------------------

@test "show: the rows of WeChat's and Alipay's bills, told by their content" {
    show "$BILLS/$ALL"
    assert_status 0
    assert_stdout_matches "^LINE +KIND +TIME"
    assert_stdout_has D20261121000002
    assert_stderr_is "27 rows: 24 payments 3907.61, 3 refunds 253.47, fee 21.90; as the file's own totals"
    show "$BILLS/$ZIP" -o jsonl
    assert_status 0
    assert_equal "$(jq -sc 'map(select(.kind == "refund")) | [length, .[0].amount.amount_minor, .[0].refund_no, .[0].shop, .[0].fee]' <<<"$output")" \
        '[4,695,"RFA20261121000003-1","S002","-0.04"]'
    show - -o csv <"$BILLS/wechat_all_lf.csv.gz"
    assert_status 0
    assert_stdout_has '"牛肉面,加蛋,多`香菜""大份"'
    show "$BILLS/wechat_fundflow.csv" -o json
    assert_json '.[1] | .kind == "expense" and .amount.amount_minor == 60 and .balance.amount_minor == 109940'
}

@test "show --summary: what a bill is and its totals" {
    show "$BILLS/alipay_trade_detail_first.zip" --summary -o json
    assert_status 0
    assert_json '.[0] | .channel == "alipay" and .layout == "trade" and .account == "2088012345678901"
        and .first_day == "2026-11-21" and .last_day == "2026-11-21" and .payments == 2
        and .payment_amount.amount_minor == 12001 and .payment_settled.amount_minor == 11501
        and .refunds == 1 and .negative_refunds == 1 and .fee == "0.46" and .encoding == "GB18030"'
    show "$BILLS/wechat_no_bill.xml" --summary -o json
    assert_status 0
    assert_json '.[0] | .no_bill and .rows == 0 and .channel == "wechat"'
    assert_stderr_has "a day without trades"
    show "$BILLS/wechat_empty_day.csv" --summary
    assert_status 0
    assert_stdout_matches "no_bill +false"
}

@test "show: payers are masked unless --raw" {
    show "$BILLS/alipay_account.csv" -o jsonl
    assert_status 0
    refute_stdout_has zhangsanfeng
    refute_stdout_has 张三丰
    show "$BILLS/$ALL" -o csv
    refute_stdout_has oUpF8u
    show "$BILLS/alipay_account.csv" -o jsonl --raw
    assert_stdout_has zhangsanfeng@example.com
}

@test "show: a bill that does not add up, a statement of a person, a refusal in its place" {
    sed 's/`27,`3907.61/`27,`3907.62/' "$BILLS/$ALL" >differs.csv
    show differs.csv -o csv
    assert_status 1
    assert_stderr_has "differs.csv:30: 应结订单总金额: the file says 3907.62, its rows are 3907.61"
    head -n 20 "$BILLS/$ALL" >cut.csv
    show cut.csv --summary
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "cut.csv:20: the file ends without its totals"
    for who in wechat alipay meituan; do
        show "$BILLS/personal_$who.csv"
        assert_status 1
        assert_stderr_has "this is the statement of a person's"
        assert_stderr_has "hint: fetch the merchant's bill"
    done
    show "$BILLS/wechat_creating.xml"
    assert_status 5
    assert_stderr_has "Bill Creating"
    show "$BILLS/none.csv"
    assert_status 1
    assert_stderr_has "does not exist"
    show
    assert_status 2
}

# ---- WeChat v3 -----------------------------------------------------------------------------------

@test "wechat v3: two signed steps, the hash verified, packed for the way, one name" {
    script v3 "$(bill $ALL), gzip: true"
    verified
    wechat -o json
    assert_status 0
    assert_json '.[0] | .outcome == "fetched" and .rows == 27 and .file == "./wechat_trade_ALL_20261121.csv"'
    cmp wechat_trade_ALL_20261121.csv "$BILLS/$ALL"
    assert_equal "$(asked 'map(.path) | join(" ")')" "/v3/bill/tradebill /v3/billdownload/file"
    all_signed
    assert_equal "$(asked '.[0].asked | [.bill_date, .bill_type, .tar_type] | join(" ")')" "2026-11-21 ALL GZIP"
    wechat
    assert_status 0
    assert_stderr_has "the bill of 2026-11-21 is in ./wechat_trade_ALL_20261121.csv: 27 rows"
    assert_equal "$(ls)" wechat_trade_ALL_20261121.csv
}

@test "wechat v3: the fund flow, into a file of one's own; a server that does not pack" {
    script v3 "$(bill wechat_fundflow.csv)"
    wechat --layout flow --out-file here.csv -o json
    assert_status 0
    assert_json '.[0] | .layout == "flow" and .incomes == 1 and .expense_amount.amount_minor == 4037'
    assert_equal "$(asked '.[0] | .path + " " + .asked.account_type')" "/v3/bill/fundflowbill BASIC"
    assert_equal "$(ls)" here.csv
    wechat --layout flow --out-file none/here.csv
    assert_status 1
    assert_stderr_has "cannot create 'none/"
    assert_stdout_is ""
    wechat --layout flow --type FEES --out-file here.csv
    assert_equal "$(asked '.[-2].asked.account_type')" FEES
}

@test "wechat v3: no bill is a success with the channel's word in the file; one being made is later" {
    script v3 'answer: "{\"code\":\"NO_STATEMENT_EXIST\",\"message\":\"账单文件不存在\"}", status: 400'
    wechat -o json
    assert_status 0
    assert_json '.[0] | .outcome == "no_bill" and .rows == 0'
    assert_stderr_has "no bill: the channel says that nothing was traded on 2026-11-21"
    show wechat_trade_ALL_20261121.csv --summary -o json
    assert_json '.[0].no_bill'
    rm wechat_trade_ALL_20261121.csv
    script v3 'answer: "{\"code\":\"STATEMENT_CREATING\",\"message\":\"账单生成中\"}", status: 400'
    wechat
    assert_status 5
    assert_stderr_has "the bill is still being made: 账单生成中 (STATEMENT_CREATING)"
    assert_stderr_has "hint: fetch it later"
    nothing_here
}

@test "wechat v3: nothing is written of a bill that is not what it should be" {
    script v3 "$(bill $ALL), hash: \"0000000000000000000000000000000000000000\""
    wechat
    assert_status 1
    assert_stderr_has "and the channel says 0000000000"
    script v3 "$(bill $ALL), hash: null"
    wechat
    assert_status 1
    assert_stderr_has "does not say the SHA-1"
    script v3 "$(bill $ALL), cut: 3000"
    DINER_RETRY_MAX=1 wechat
    assert_status 5
    script v3 "$(bill $ALL)"
    fetch --channel wechat --date 2026-11-20
    assert_status 1
    assert_stderr_has "the channel gave a bill of 2026-11-21 instead"
    DINER_PAYMENTS_WECHAT_MCH_ID=1900000110 wechat
    assert_status 4
    wechat --layout flow
    assert_status 1
    assert_stderr_has "the channel gave another bill: wechat, ALL"
    sed 's/`1900000109/`1900000199/' "$BILLS/$ALL" >"$FILE_DIR/others.csv"
    script v3 "file: \"$FILE_DIR/others.csv\""
    wechat
    assert_status 1
    assert_stderr_has "the bill of the merchant '1900000199'"
    sed 's/`27,`3907.61/`27,`3907.62/' "$BILLS/$ALL" >"$FILE_DIR/differs.csv"
    script v3 "file: \"$FILE_DIR/differs.csv\""
    wechat
    assert_status 1
    assert_stderr_has "wechat bill of 2026-11-21:30: 应结订单总金额"
    nothing_here
}

@test "wechat v3: a signature goes to the channel's own host only" {
    script v3 "$(bill $ALL), download_url: \"http://localhost:${BASE##*:}/v3/billdownload/file?token=a\""
    wechat
    assert_status 1
    assert_stderr_has "which is none of the channel's hosts"
    refute_stderr_has token=
    assert_equal "$(asked length)" 1
    nothing_here
}

@test "wechat v3: an answer that is not signed, forged or old is not believed" {
    verified
    for how in unsigned forged old; do
        script v3 "$(bill $ALL), $how: true"
        wechat
        assert_status 1
        assert_stderr_matches "answer (is not believed|was signed 3[56][0-9][0-9] s ago)"
        assert_equal "$(asked length)" 1
    done
    nothing_here
}

@test "wechat v3: what may pass is tried again, a wrong key is not" {
    script v3 "$(bill $ALL), failures: 2"
    wechat
    assert_status 0
    script v3 "$(bill $ALL)"
    DINER_PAYMENTS_WECHAT_PRIVATE_KEY=file:$FILE_DIR/channel.key wechat
    assert_status 4
    assert_stderr_has "SIGN_ERROR"
    assert_stderr_has "payments.wechat_"
    assert_equal "$(asked length)" 1
}

# ---- WeChat v2 -----------------------------------------------------------------------------------

@test "wechat v2: MD5 and HMAC-SHA256, packed and not" {
    v2
    script v2 "$(bill $ALL), gzip: true"
    for sign in MD5 HMAC-SHA256; do
        DINER_PAYMENTS_WECHAT_SIGN_TYPE=$sign wechat
        assert_status 0
        cmp wechat_trade_ALL_20261121.csv "$BILLS/$ALL"
        assert_equal "$(asked '.[-1].asked | [.sign_type, .bill_date, .bill_type, .tar_type] | join(" ")')" \
            "$sign 20261121 ALL GZIP"
    done
    all_signed
    rm ./*.csv
    script v2 "$(bill wechat_success_4_totals.csv)"
    wechat --type SUCCESS
    assert_status 0
    assert_equal "$(asked '.[-1].asked.bill_type')" SUCCESS
    assert_equal "$(ls)" wechat_trade_SUCCESS_20261121.csv
}

@test "wechat v2: XML in the place of a bill is no bill, a bill that is being made, or a refusal" {
    v2
    script v2 "answer: $(jq -Rs . <"$BILLS/wechat_no_bill.xml")"
    wechat -o json
    assert_status 0
    assert_json '.[0].outcome == "no_bill"'
    cmp wechat_trade_ALL_20261121.csv "$BILLS/wechat_no_bill.xml"
    rm ./*.csv
    script v2 "answer: $(jq -Rs . <"$BILLS/wechat_creating.xml")"
    wechat
    assert_status 5
    printf wrong >"$FILE_DIR/wrong.key"
    chmod 0600 "$FILE_DIR/wrong.key"
    DINER_PAYMENTS_WECHAT_KEY=file:$FILE_DIR/wrong.key wechat
    assert_status 4
    assert_stderr_has "SIGN ERROR (20001)"
    refute_stderr_has wrong
    nothing_here
}

v2_tls() {
    v2
    DINER_PAYMENTS_WECHAT_URL=https://localhost:$(cat "$FILE_DIR/tls_port")
    export DINER_PAYMENTS_WECHAT_URL DINER_PAYMENTS_CA_FILE=$FILE_DIR/tls.crt
    export DINER_PAYMENTS_WECHAT_CERTIFICATE=$FILE_DIR/merchant_of_clients.pem
}

@test "wechat v2: the fund flow is given to who shows the merchant's certificate, signed by HMAC-SHA256 only" {
    v2_tls
    for digest in '' ', digest: "plain"' ', digest: "packed"'; do
        script v2 "$(bill wechat_fundflow.csv), gzip: true$digest"
        DINER_PAYMENTS_WECHAT_SIGN_TYPE=MD5 wechat --layout flow -o json
        assert_status 0
        assert_json '.[0] | .layout == "flow" and .outcome == "fetched" and .rows == 3 and .expense_amount.amount_minor == 4037'
        cmp wechat_flow_BASIC_20261121.csv "$BILLS/wechat_fundflow.csv"
        assert_equal "$(asked '.[-1] | [.path, .asked.account_type, .asked.sign_type, .asked.bill_date] | join(" ")')" \
            "/pay/downloadfundflow Basic HMAC-SHA256 20261121"
        all_signed
        rm ./*.csv
    done
    wechat --layout flow --type OPERATION
    assert_status 0
    assert_equal "$(asked '.[-1].asked.account_type')" Operation
    rm ./*.csv
    script v2 'answer: "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>NO_BILL_EXIST</err_code><err_code_des>no bill</err_code_des></xml>"'
    wechat --layout flow -o json
    assert_status 0
    assert_json '.[0].outcome == "no_bill"'
}

@test "wechat v2: a fund flow that was damaged, a certificate that is missing, not ours or no certificate" {
    v2_tls
    script v2 "$(bill wechat_fundflow.csv), digest: \"$(printf x | sha1sum | cut -c1-40)\""
    wechat --layout flow
    assert_status 1
    assert_stderr_has "the channel says 11f6ad8ec52a2984abaafd7c3b516503785c2072"
    script v2 "$(bill wechat_fundflow.csv)"
    DINER_PAYMENTS_WECHAT_CERTIFICATE=$FILE_DIR/merchant_of_strangers.pem wechat --layout flow
    assert_status 4
    assert_stderr_has "client certificate"
    # The trade bill needs none, and so none is shown.
    wechat
    [ "$status" -ne 0 ]
    assert_stderr_has "alert"
    DINER_PAYMENTS_WECHAT_CERTIFICATE=$FILE_DIR/clients.pem wechat --layout flow
    assert_status 3
    DINER_PAYMENTS_WECHAT_CERTIFICATE='' wechat --layout flow
    assert_status 3
    assert_stderr_has "payments.wechat_certificate is not set"
    DINER_PAYMENTS_WECHAT_CERTIFICATE=$FILE_DIR/merchant.pub wechat --layout flow
    assert_status 3
    assert_stderr_has "no certificate in PEM"
    DINER_PAYMENTS_WECHAT_CERTIFICATE=/nowhere wechat --layout flow
    assert_status 1
    DINER_PAYMENTS_CA_FILE='' wechat --layout flow
    assert_status 1
    nothing_here
}

@test "a bill that is there is not replaced by the word that there is none" {
    v2
    script v2 "$(bill $ALL)"
    wechat
    assert_status 0
    script v2 "answer: $(jq -Rs . <"$BILLS/wechat_no_bill.xml")"
    wechat
    assert_status 1
    assert_stderr_has "the channel says that there is no bill, and './wechat_trade_ALL_20261121.csv' is one"
    cmp wechat_trade_ALL_20261121.csv "$BILLS/$ALL"
}

# ---- Alipay --------------------------------------------------------------------------------------

@test "alipay: the gateway is asked with RSA2, the zip is fetched without credentials" {
    script alipay "$(bill $ZIP)"
    verified
    alipay -o json
    assert_status 0
    assert_json '.[0] | .outcome == "fetched" and .payments == 14 and .refunds == 4 and .fee == "7.22"'
    cmp alipay_trade_20261121.zip "$BILLS/$ZIP"
    all_signed
    assert_equal "$(asked 'map(.path) | join(" ")')" "/gateway.do /download"
    assert_equal "$(asked '.[0].asked.biz_content')" '{"bill_type":"trade","bill_date":"2026-11-21"}'
    script alipay "$(bill alipay_account.csv)"
    fetch --channel alipay --date 2012-12-29 --layout flow --out-file account.csv
    assert_status 0
    assert_equal "$(asked '.[0].asked.biz_content')" '{"bill_type":"signcustomer","bill_date":"2012-12-29"}'
}

@test "alipay: no bill, refusals, another day, answers that are not believed" {
    script alipay "answer: $(jq -Rs . <"$BILLS/alipay_no_bill.json")"
    alipay -o json
    assert_status 0
    assert_json '.[0].outcome == "no_bill"'
    rm ./*.zip
    script alipay "$(bill $ZIP)"
    DINER_PAYMENTS_ALIPAY_PRIVATE_KEY=file:$FILE_DIR/channel.key alipay
    assert_status 4
    assert_stderr_has "验签出错 (isv.invalid-signature)"
    fetch --channel alipay --date 2026-11-20
    assert_status 1
    assert_stderr_has "a bill of 2026-11-21 instead"
    script alipay "$(bill $ZIP), download: \"<html>expired</html>\""
    alipay
    assert_status 1
    assert_stderr_has "is no bill of a payment channel"
    verified
    for how in unsigned forged; do
        script alipay "$(bill $ZIP), $how: true"
        alipay
        assert_status 1
        assert_stderr_has "the answer is not believed"
    done
    nothing_here
}

# ---- all -----------------------------------------------------------------------------------------

@test "alipay: the bill of a month" {
    script alipay "$(bill $ZIP)"
    fetch --channel alipay --month 2026-10
    assert_status 1
    assert_stderr_has "gave a bill of 2026-11-21 instead"
    nothing_here
    python3 - "$BILLS/$ZIP" month.zip <<'P'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
    for name in old.namelist():
        text = old.read(name).decode("gb18030")
        new.writestr(name, text.replace("2026-11-21", "2026-10-21").replace("2026年11月", "2026年10月").encode("gb18030"))
P
    script alipay 'file: ($ENV.PWD + "/month.zip")'
    fetch --channel alipay --month 2026-10 -o json
    assert_status 0
    assert_json '.[0] | .outcome == "fetched" and .date == "2026-10" and .rows == 18'
    assert_equal "$(asked '.[0].asked.biz_content | fromjson | .bill_date')" 2026-10
    all_signed
    cmp month.zip alipay_trade_202610.zip
    rm ./*.zip
    this=$(TZ=Asia/Shanghai date +%Y-%m) # a month of China, where the next may have begun
    fetch --channel alipay --month "$this"
    assert_status 2
    assert_stderr_has "is made in the next"
    for wrong in 2026 2026-13 2026-1 2026-10-01; do
        fetch --channel alipay --month $wrong
        assert_status 2
    done
    fetch --channel alipay --month 2026-10 --date 2026-10-01
    assert_status 2
    fetch --month 2026-10
    assert_status 2
    fetch --channel wechat --month 2026-10
    assert_status 2
    assert_stderr_has "bills of days only"
    nothing_here
}

@test "--dry-run shows what would be asked, without secrets, and sends nothing" {
    script v3 ''
    wechat --dry-run
    assert_status 0
    assert_stdout_is "GET $BASE/v3/bill/tradebill?bill_date=2026-11-21&bill_type=ALL&tar_type=GZIP"
    assert_stderr_is "dry run: nothing was sent; the bill would go to ./wechat_trade_ALL_20261121.csv"
    v2
    DINER_PAYMENTS_WECHAT_KEY=file:$FILE_DIR/none wechat --dry-run
    assert_status 0
    assert_stdout_has "<sign>****</sign>"
    alipay --dry-run
    assert_status 0
    assert_stdout_has "biz_content=%7B"
    assert_equal "$(asked length)" 0
    nothing_here
}

@test "what is missing or asked for wrongly is told before anything is sent" {
    script v3 ''
    DINER_PAYMENTS_WECHAT_MCH_ID='' wechat
    assert_status 3
    assert_stderr_has "payments.wechat_mch_id is not set"
    DINER_PAYMENTS_ALIPAY_PRIVATE_KEY='' alipay
    assert_status 3
    assert_stderr_has "payments.alipay_private_key is not set"
    DINER_PAYMENTS_WECHAT_PRIVATE_KEY=file:$FILE_DIR/none wechat
    assert_status 3
    fetch --channel wechat --date today
    assert_status 2
    assert_stderr_has "the bill of a day is made on the next"
    fetch --channel wechat --date soon
    assert_status 2
    fetch --out-file all.csv
    assert_status 2
    assert_stderr_has "say --channel"
    wechat --type BASIC
    assert_status 2
    assert_stderr_has "--type BASIC is none of --layout trade"
    alipay --type ALL
    assert_status 2
    wechat --type RECHARGE_REFUND
    assert_status 2
    assert_stderr_has "v3 has no bill RECHARGE_REFUND"
    assert_equal "$(asked length)" 0
    nothing_here
}

@test "all channels with a merchant number; one that fails leaves the others" {
    jq -n --arg bills "$BILLS" "{v3: {$(bill $ALL)}, alipay: {$(bill $ZIP)}}" | curl -sS -X PUT "$BASE/_script" -d @- >/dev/null
    fetch --date $DAY -o json
    assert_status 0
    assert_json '[.[] | .channel + " " + (.rows | tostring)] == ["wechat 27", "alipay 18"]'
    assert_equal "$(ls)" $'alipay_trade_20261121.zip\nwechat_trade_ALL_20261121.csv'
    rm ./*
    jq -n --arg bills "$BILLS" "{v3: {answer: \"{\\\"code\\\":\\\"STATEMENT_CREATING\\\"}\", status: 400}, alipay: {$(bill $ZIP)}}" |
        curl -sS -X PUT "$BASE/_script" -d @- >/dev/null
    fetch --date $DAY -o jsonl
    assert_status 5
    assert_stderr_has "wechat: the bill is still being made"
    assert_json '.channel == "alipay"'
    assert_equal "$(ls)" alipay_trade_20261121.zip
    DINER_PAYMENTS_ALIPAY_PRIVATE_KEY=file:$FILE_DIR/channel.key fetch --date $DAY
    assert_status 4
    assert_stderr_matches "wechat: the bill is .*; and alipay: .*invalid-signature"
    DINER_PAYMENTS_WECHAT_MCH_ID='' fetch --date $DAY
    assert_status 0
    assert_stdout_matches "outcome +fetched"
    DINER_PAYMENTS_WECHAT_MCH_ID='' DINER_PAYMENTS_ALIPAY_APP_ID='' fetch
    assert_status 3
    assert_stderr_has "no channel to fetch bills from"
}

@test "keys are in no output and no log" {
    v2
    script v2 "$(bill $ALL)"
    run "$DINER" --log-level trace payments bill fetch --channel wechat --date $DAY
    assert_status 0
    refute_stdout_has key-of-v2
    unset DINER_PAYMENTS_WECHAT_API
    script v3 "$(bill $ALL)"
    run "$DINER" --log-level trace payments bill fetch --channel wechat --date $DAY
    assert_status 0
    refute_stdout_has "PRIVATE KEY"
}
