#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# The outbox told by e-mail and webhook, where the other side fails: once, again when that is safe, never in doubt.
# (With a mail server that does not: notify_mail.bats.)
load ../helper

setup_file() {
    file_dir
    /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || return 0
    mkdir "$FILE_DIR/mail"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.test \
        -addext 'subjectAltName=IP:127.0.0.1' -keyout "$FILE_DIR/key.pem" -out "$FILE_DIR/cert.pem" 2>/dev/null
    "$PROJECT/tests/smtp_server.py" "$FILE_DIR/mail" "$FILE_DIR/cert.pem" "$FILE_DIR/key.pem" \
        >"$FILE_DIR/mail.log" 2>&1 3>&- &
    echo $! >"$FILE_DIR/mail.pid"
    "$PROJECT/tests/http_server.py" >"$FILE_DIR/hook.port" 2>/dev/null 3>&- &
    echo $! >"$FILE_DIR/hook.pid"
    dev_start --orders 5 --seed 3
    wait_for 10 test -s "$FILE_DIR/mail/port" -a -s "$FILE_DIR/hook.port"
    export DINER_NOTIFY_SMTP_CA_FILE=$FILE_DIR/cert.pem
    export DINER_NOTIFY_FROM='餐厅 <shop@example.com>' DINER_NOTIFY_TO=kitchen@example.com
    export HOOK_SECRET=hook-secret-of-the-test DINER_NOTIFY_WEBHOOK_SECRET=env:HOOK_SECRET
}
teardown_file() {
    for server in mail hook; do
        if [ -f "$FILE_DIR/$server.pid" ]; then kill "$(cat "$FILE_DIR/$server.pid")"; fi
    done
    dev_stop
}
setup() {
    /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip "no python3-aiosmtpd"
    mode ok
    rm -f "$FILE_DIR"/mail/*.eml "$FILE_DIR"/mail/*.json
    sql 'truncate app.outbox cascade' >/dev/null
    DINER_NOTIFY_SMTP_URL=smtp://127.0.0.1:$(cat "$FILE_DIR/mail/port")
    export DINER_NOTIFY_SMTP_URL
}

mode() { echo "$1" >"$FILE_DIR/mail/mode"; }
hook() { # SCRIPT: what the webhook answers; it is a channel of this test
    HOOK=http://127.0.0.1:$(head -n 1 "$FILE_DIR/hook.port")
    export DINER_NOTIFY_WEBHOOK_URL=$HOOK/events
    curl -sS -X PUT "$HOOK/_script" -d "$1" >/dev/null
}
hook_log() { curl -sS "$HOOK/_log"; }
create() { order=$("$DINER" orders create --store S001 --item P1001=2 --item P1002=1 -o json 2>/dev/null | jq -r .order_no); }
# An event as an order writes it, without the order.
event() { # KEY...
    for key in "$@"; do
        sql "insert into app.outbox (type, key, payload) values ('order.created', '$key',
             '{\"store\": \"S001\", \"currency\": \"CNY\", \"total_amount\": \"9.00\", \"items\": []}')" >/dev/null
    done
}
deliver() { run --separate-stderr "$DINER" notify deliver "$@"; }
has_mail() { [ "$(mails)" -ge 1 ]; }
has_post() { [ "$(hook_log | jq length)" -ge 1 ]; }
mails() { find "$FILE_DIR/mail" -name '*.eml' | wc -l; }
due_now() { sql "update app.notifications set next_at = now() where state = 'failed'" >/dev/null; }
assert_state() { assert_sql "select string_agg(state || ' ' || attempts, ',' order by id) from app.notifications" "$1"; }

@test "a server that says later: again 60 s after, dead after 3 repeats, and then on request" {
    event E1
    mode temporary
    deliver
    assert_status 7
    assert_state "failed 1"
    assert_sql "select next_at - updated_at between '59 s' and '67 s' from app.notifications" t
    deliver # nothing is due
    assert_status 0
    for want in "failed 2" "failed 3" "dead 4"; do
        due_now
        deliver
        assert_status 7
        assert_state "$want"
    done
    due_now
    deliver
    assert_status 0
    run --separate-stderr "$DINER" notify status -o json
    assert_json '.counts == [{channel: "email", state: "dead", count: 1, oldest: .counts[0].oldest}] and .messages[0].attempts == 4 and (.messages[0].last_error | contains("451"))'
    mode ok
    deliver --retry-dead
    assert_status 0
    assert_state "sent 1"
    assert_equal "$(mails)" 1
}

@test "no server there: nothing is lost, and the rest waits for another run" {
    event E1 E2 E3
    DINER_NOTIFY_SMTP_URL=smtp://127.0.0.1:1 DINER_BREAKER_FAILURES=2 deliver
    assert_status 7
    assert_stderr_has "the mail server does not answer"
    assert_state "failed 1,failed 1,queued 0"
    due_now
    deliver
    assert_status 0
    assert_equal "$(mails)" 3
}

@test "refused for good: dead at once, whether recipient or content" {
    event E1
    mode refuse
    deliver
    assert_status 7
    event E2
    mode permanent
    deliver
    assert_status 7
    assert_state "dead 1,dead 1"
}

@test "killed between sending and recording: unknown, and again only on request" {
    event E1
    mode stall
    "$DINER" notify deliver >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for 10 has_mail
    kill -KILL "$pid"
    wait "$pid" || true
    mode ok
    deliver # its lease still runs
    assert_status 0
    assert_state "sending 1"
    sql "update app.notifications set lease_until = now() - interval '1 s'" >/dev/null
    deliver
    assert_status 0
    assert_state "unknown 1"
    assert_equal "$(mails)" 1
    run --separate-stderr "$DINER" notify status
    assert_stdout_has "unknown"
    deliver --retry-unknown
    assert_status 0
    assert_state "sent 1"
    assert_equal "$(mails)" 2
    assert_equal "$(cat "$FILE_DIR"/mail/*.eml | grep '^Message-ID' | sort -u | wc -l)" 1
}

@test "no answer to the whole message: unknown, not sent again" {
    event E1
    mode drop
    deliver
    assert_status 7
    assert_stderr_has "no answer came"
    assert_state "unknown 1"
    mode ok
    deliver
    assert_equal "$(mails)" 1
}

@test "the webhook: every event, signed, under the same key when it is repeated" {
    hook '{"/events": [{"status": 503}, {"status": 200}]}'
    unset DINER_NOTIFY_SMTP_URL
    create
    deliver
    assert_status 7
    due_now
    deliver
    assert_status 0
    assert_equal "$(mails)" 0
    run hook_log
    assert_json "length == 2 and ([.[].headers[\"idempotency-key\"]] | unique | length) == 1"
    hook_log | python3 -c 'import base64, hashlib, hmac, json, sys, time
for r in json.load(sys.stdin):
    h, body = r["headers"], r["body"]
    text = "%s.%s.%s" % (h["webhook-id"], h["webhook-timestamp"], body)
    want = "v1," + base64.b64encode(hmac.new(sys.argv[1].encode(), text.encode(), hashlib.sha256).digest()).decode()
    event = json.loads(body)
    assert h["webhook-signature"] == want, (h, want)
    assert abs(time.time() - int(h["webhook-timestamp"])) < 600
    assert event["id"] == h["webhook-id"] and event["type"] == "order.created" and event["key"] == sys.argv[2]
    assert event["data"]["order_no"] == sys.argv[2] and len(event["data"]["items"]) == 2' "$HOOK_SECRET" "$order"
}

@test "the webhook after a kill is told again by itself; refused for good it is dead" {
    hook '{"/events": [{"delay_ms": 20000}, {"status": 200}, {"status": 422, "body": "no"}]}'
    unset DINER_NOTIFY_SMTP_URL
    event E1
    "$DINER" notify deliver >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for 10 has_post
    kill -KILL "$pid"
    wait "$pid" || true
    sql "update app.notifications set lease_until = now() - interval '1 s'" >/dev/null
    deliver
    assert_status 0
    assert_state "sent 2"
    run hook_log
    assert_json '[.[].headers["webhook-id"]] | length == 2 and (unique | length) == 1'
    event E2
    deliver
    assert_status 7
    assert_state "sent 2,dead 1"
}

@test "both channels: each has its own row and fate; sent when both are" {
    hook '{"/events": [{"status": 503}, {"status": 200}]}'
    event E1
    sql "insert into app.outbox (type, key, payload) values ('order.paid', 'E1', '{}')" >/dev/null
    deliver
    assert_status 7
    assert_equal "$(mails)" 1 # order.paid is for the webhook alone
    assert_sql "select string_agg(o.type || ' ' || n.channel || ' ' || n.state, ',' order by n.id) from app.notifications n join app.outbox o on o.id = outbox_id" \
        "order.created email sent,order.created webhook failed,order.paid webhook sent"
    assert_sql "select string_agg(type, ',') from app.outbox where sent_at is not null" order.paid
    due_now
    deliver --limit 1
    assert_status 0
    assert_sql "select count(*) from app.outbox where sent_at is null" 0
    run --separate-stderr "$DINER" notify status -o json
    assert_json '[.counts[] | .count] == [1, 2] and .messages == []'
}

@test "old events are not sent; what is not declared is said" {
    event E1
    sql "update app.outbox set created_at = now() - interval '25 h'" >/dev/null
    deliver
    assert_status 0
    assert_state "dead 0"
    assert_equal "$(mails)" 0
    DINER_NOTIFY_TO='' deliver
    assert_status 3
    assert_stderr_has notify.to
    DINER_NOTIFY_TO='not an address' deliver
    assert_status 3
    unset DINER_NOTIFY_SMTP_URL
    deliver
    assert_status 3
    assert_stderr_has notify.smtp_url
}
