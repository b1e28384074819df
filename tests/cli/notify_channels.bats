#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# Robots, text messages, routes, rates, dead letters, and runs that fail; the receiving side
# (notify_server.py) verifies every signature by itself.
load ../helper

setup_file() {
    file_dir
    "$PROJECT/tests/notify_server.py" "$FILE_DIR/port" "$FILE_DIR/log" 3>&- &
    echo $! >"$FILE_DIR/pid"
    dev_start --orders 2 --seed 3
    wait_for 10 test -s "$FILE_DIR/port"
}
teardown_file() {
    if [ -f "$FILE_DIR/pid" ]; then kill "$(cat "$FILE_DIR/pid")"; fi
    dev_stop
}
setup() {
    BASE=http://127.0.0.1:$(cat "$FILE_DIR/port")
    : >"$FILE_DIR/log"
    sql 'truncate app.outbox cascade; truncate app.notification_channels' >/dev/null
    export DING_SECRET=SECtestsecret DING_URL=$BASE/dingtalk?access_token=dingtoken
    export WECOM_URL=$BASE/wecom?key=wekey FEISHU_URL=$BASE/feishu/hook-id SLACK_URL=$BASE/slack/hook-id
    export SMS_KEY=smskey-of-test SMS_SECRET=smssecret-of-test HOOK_SECRET=hook-secret-of-the-test
    for name in dingtalk wecom feishu slack sms count; do script "$name" '[]'; done
}

script() { curl -sS -X PUT "$BASE/_answer/$1" -d "$2"; }
log() { cat "$FILE_DIR/log"; }
dingtalk() { export DINER_NOTIFY_DINGTALK_URL=env:DING_URL DINER_NOTIFY_DINGTALK_SECRET=env:DING_SECRET; }
feishu() { export DINER_NOTIFY_FEISHU_URL=env:FEISHU_URL DINER_NOTIFY_FEISHU_SECRET=env:DING_SECRET; }
wecom() { export DINER_NOTIFY_WECOM_URL=env:WECOM_URL; }
slack() { export DINER_NOTIFY_SLACK_URL=env:SLACK_URL; }
sms() {
    export DINER_NOTIFY_SMS_ACCESS_KEY=env:SMS_KEY DINER_NOTIFY_SMS_ACCESS_SECRET=env:SMS_SECRET
    export DINER_NOTIFY_SMS_URL=$BASE/sms DINER_NOTIFY_SMS_TO=13800001234 DINER_NOTIFY_SMS_SIGN_NAME=餐厅
}
count_hook() { export DINER_NOTIFY_WEBHOOK_URL=$BASE/count DINER_NOTIFY_WEBHOOK_SECRET=env:HOOK_SECRET; }
routes() { export DINER_NOTIFY_ROUTES=$1; }
event() { # KEY...
    for key in "$@"; do
        sql "insert into app.outbox (type, key, payload) values ('order.created', '$key',
             '{\"store\": \"S001\", \"table_no\": \"*A<1>*\", \"total_amount\": \"9.00\", \"items\": []}')" >/dev/null
    done
}
deliver() { run --separate-stderr "$DINER" notify deliver "$@"; }
due_now() { sql "update app.notifications set next_at = now() where state <> 'sent'; delete from app.notification_channels" >/dev/null; }
assert_state() { assert_sql "select string_agg(state || ' ' || attempts, ',' order by id) from app.notifications" "$1"; }

@test "test messages: signed as each vendor verifies it, secrets masked in a dry run" {
    dingtalk
    feishu
    wecom
    slack
    sms
    for name in dingtalk feishu wecom slack sms; do
        run --separate-stderr "$DINER" notify test "$name"
        assert_status 0
        run --separate-stderr "$DINER" notify test "$name" --dry-run
        assert_status 0
        for secret in SECtestsecret dingtoken wekey hook-id smssecret smskey 13800001234; do refute_stdout_has "$secret"; done
    done
    assert_equal "$(log | jq -c '[.name, .ok]' | tr '\n' ' ')" '["dingtalk",true] ["feishu",true] ["wecom",true] ["slack",true] ["sms",true] '
    run --separate-stderr "$DINER" notify test email
    assert_status 3
    assert_stderr_has "not declared"
}

@test "routes say what goes where; people's input is escaped for its channel" {
    dingtalk
    slack
    routes 'order.created=dingtalk,order.*=slack'
    event E1
    deliver
    assert_status 0
    assert_state "sent 1,sent 1"
    assert_equal "$(log | jq -r 'select(.name == "dingtalk") | .body | fromjson | .markdown.text' | grep 桌号)" '桌号：\*A&lt;1&gt;\*  '
    assert_equal "$(log | jq -r 'select(.name == "slack") | .body | fromjson | .text' | grep 桌号)" '桌号：*A&lt;1&gt;*'
    routes 'order.created=pigeon'
    deliver
    assert_status 3
    assert_stderr_has "pigeon"
}

@test "errors in HTTP 200: refused for good, later, and limited with peace for the channel" {
    dingtalk
    routes 'order.created=dingtalk'
    event E1 E2 E3 E4
    script dingtalk '[{"body": "{\"errcode\": 310000, \"errmsg\": \"sign not match\"}"}, {"body": "{\"errcode\": -1}"}, {"body": "{\"errcode\": 130101}"}]'
    DINER_NOTIFY_DINGTALK_RATE=1000/s deliver
    assert_status 7
    assert_state "dead 1,failed 1,failed 1,queued 0"
    assert_stderr_has "held back by a rate"
    assert_sql "select free_at - now() between '9 min' and '12 min' from app.notification_channels" t
    run --separate-stderr "$DINER" notify dead-letters list -o json
    assert_json 'length == 1 and .[0].key == "E1" and (.[0].last_error | contains("310000"))'
    run --separate-stderr "$DINER" notify dead-letters replay
    assert_status 2
    run --separate-stderr "$DINER" notify dead-letters replay --channel dingtalk
    assert_stderr_has "1 due again"
    due_now
    DINER_NOTIFY_DINGTALK_RATE=1000/s deliver
    assert_status 0
    assert_sql "select count(*) from app.notifications where state = 'sent'" 4
}

@test "a robot's rate holds for all deliverers together" {
    wecom
    routes 'order.created=wecom'
    event E1 E2 E3
    deliver --wait 0s
    deliver --wait 0s
    assert_stderr_has "held back by a rate"
    assert_state "sent 1,queued 0,queued 0"
    DINER_NOTIFY_WECOM_RATE=10/s deliver --wait 5s
    assert_state "sent 1,sent 1,sent 1"
}

@test "4096 bytes for WeCom: cut, and no character in two" {
    wecom
    routes 'order.created=wecom'
    sql "insert into app.outbox (type, key, payload) values ('order.created', 'L1', jsonb_build_object('table_no', repeat('鱼', 3000)))" >/dev/null
    deliver
    assert_status 0
    assert_equal "$(log | jq -r '.ok')" true
    run log
    refute_stdout_has $'\xef\xbf\xbd'
    assert_stdout_has …
}

@test "a text message that may have left is asked about, and sent again only when it never did" {
    sms
    routes 'order.created=sms'
    event E1
    script sms '[{"drop": true}]' # it arrived, its answer did not
    deliver
    assert_status 7
    assert_state "unknown 1"
    due_now
    deliver
    assert_status 0
    assert_state "sent 1"
    assert_equal "$(log | jq -r 'select(.body | contains("Action=SendSms")) | .ok')" true
    event E2
    script sms '[{"lost": true}]'
    deliver
    assert_status 7
    sql "update app.notifications set tried_at = now() - interval '2 min'" >/dev/null
    due_now
    deliver
    assert_stderr_has "1 sent"
    assert_equal "$(log | grep -c 'Action=SendSms')" 2
    assert_state "sent 1,sent 2"
    refute_stderr_has 13800001234
}

@test "isv.BUSINESS_LIMIT_CONTROL is for good, isp.SYSTEM_ERROR for now" {
    sms
    routes 'order.created=sms'
    event E1 E2
    script sms '[{"body": "{\"Code\": \"isv.BUSINESS_LIMIT_CONTROL\"}"}, {"body": "{\"Code\": \"isp.SYSTEM_ERROR\"}"}]'
    deliver
    assert_status 7
    assert_state "dead 1,failed 1"
}

@test "killed while delivering: nothing lost, nothing told under a second key" {
    count_hook
    sql "insert into app.outbox (type, key, payload) select 'order.paid', 'K' || i, '{}' from generate_series(1, 1500) i" >/dev/null
    for at in 0.15 0.3 0.6; do
        "$DINER" notify deliver >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$at"
        kill -KILL "$pid" || true
        wait "$pid" || true
        sql "update app.notifications set lease_until = now() - interval '1 s' where state = 'sending'" >/dev/null
    done
    deliver
    assert_status 0
    assert_sql "select count(*) from app.notifications where state = 'sent'" 1500
    run curl -sS "$BASE/count"
    assert_json 'length == 1500'
}

@test "a robot behind a proxy that gave up waiting: in doubt; 503 is for later" {
    slack
    routes 'order.created=slack'
    event E1 E2
    script slack '[{"status": 504, "body": "gateway timeout"}, {"status": 503, "body": "busy"}]'
    DINER_NOTIFY_SLACK_RATE=1000/s deliver
    assert_state "unknown 1,failed 1"
}

@test "stopped while a robot has the message: in doubt, not told twice" {
    slack
    routes 'order.created=slack'
    event E1
    script slack '[{"delay_ms": 5000}]'
    "$DINER" notify deliver 3>&- &
    pid=$!
    wait_for 10 test -s "$FILE_DIR/log"
    kill -TERM "$pid"
    wait "$pid" || true
    assert_state "unknown 1"
    due_now
    deliver
    assert_equal "$(log | wc -l)" 1
}

@test "a run that fails is told, with the database there and without; no personal data" {
    slack
    mkdir -p "$BATS_TEST_TMPDIR/pipelines" && cd "$BATS_TEST_TMPDIR"
    printf 'code,qty\nzhang@example.com 13800001234,x\n' >in.csv
    cat >pipelines/stock.yaml <<'YAML'
version: 1
name: stock
defaults: { target: { connection: warehouse, schema: ods } }
streams:
  stock:
    source: { file: ../in.csv }
    mode: append
    columns: { code: text, qty: int }
    on_error: { max_rejects: 0 }
YAML
    export DINER_RUN_NOTIFY_ON_FAILURE=slack DINER_PIPELINE_PATH=pipelines
    run --separate-stderr "$DINER" run stock
    [ "$status" -ne 0 ]
    assert_stderr_has "channel 'slack' was told"
    run log
    assert_stdout_has "任务失败：stock"
    assert_stdout_has "diner runs show"
    refute_stdout_has 13800001234
    refute_stdout_has zhang@
    : >"$FILE_DIR/log"
    DINER_DSN=postgresql://nobody@127.0.0.1:1/none run --separate-stderr "$DINER" run stock
    assert_status 6
    assert_stderr_has "channel 'slack' was told"
    run log
    assert_stdout_has "未经数据库直接发送"
}
