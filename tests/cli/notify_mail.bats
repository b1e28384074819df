#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031
# The outbox told by e-mail, to a mail server that people use (Exim, as Debian has it), with its own queue and boxes in
# the test's directory. What a server can be made to do wrong is in notify.bats.
load ../helper

setup_file() {
    file_dir
    [ -x /usr/sbin/exim4 ] || return 0
    exim_prepare
    exim_start
    dev_start --orders 5 --seed 3
    DINER_NOTIFY_SMTP_URL=smtp://127.0.0.1:$(cat "$FILE_DIR/exim/port")
    export DINER_NOTIFY_SMTP_URL
    export DINER_NOTIFY_SMTP_CA_FILE=$FILE_DIR/exim/cert.pem
    export DINER_NOTIFY_FROM='餐厅 <shop@example.com>' DINER_NOTIFY_TO=kitchen@example.com
}
teardown_file() {
    exim_stop
    dev_stop
}
setup() {
    [ -x /usr/sbin/exim4 ] || skip "no exim4-daemon-light"
    find "$FILE_DIR/exim/box" -type f -delete
    rm -f "$FILE_DIR/exim/later"
    sql 'truncate app.outbox cascade' >/dev/null
}

# ---- the server ---------------------------------------------------------------------------------

exim_user() { if [ "$(id -u)" -eq 0 ]; then echo nobody; else id -un; fi; }
exim_prepare() {
    local dir=$FILE_DIR/exim
    mkdir -p "$dir/spool" "$dir/log" "$dir/box"
    cp /usr/sbin/exim4 "$dir/exim"
    chmod 0755 "$dir/exim"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.test \
        -addext 'subjectAltName=IP:127.0.0.1' -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' >"$dir/port"
    cat >"$dir/conf" <<C
exim_path = $dir/exim
exim_user = $(exim_user)
exim_group = $(id -gn "$(exim_user)")
never_users =
deliver_drop_privilege
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = $(cat "$dir/port")
pid_file_path = $dir/pid
spool_directory = $dir/spool
log_file_path = $dir/log/%s.log
host_lookup =
rfc1413_hosts =
keep_environment =
message_size_limit = 20K
tls_advertise_hosts = *
tls_certificate = $dir/cert.pem
tls_privatekey = $dir/key.pem
auth_advertise_hosts = \${if eq{\$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = recipient
begin acl
recipient:
  deny    message = no such user
          local_parts = nobody
  defer   message = greylisted, come again
          condition = \${if exists{$dir/later}}
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = $dir/box
  maildir_format
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{shop}}{eq{\$auth3}{correct-horse}}}}
  server_set_id = \$auth2
C
    if [ "$(id -u)" -eq 0 ]; then chown -R "$(exim_user)" "$dir"; fi
}
# As somebody who may nothing else, by a program that makes nobody root.
exim_start() {
    local as=()
    if [ "$(id -u)" -eq 0 ]; then as=(setpriv --reuid=nobody --regid=nogroup --clear-groups); fi
    "${as[@]}" "$FILE_DIR/exim/exim" -C "$FILE_DIR/exim/conf" -bdf >"$FILE_DIR/exim/out" 2>&1 3>&- &
    echo $! >"$FILE_DIR/exim.pid"
    wait_for 20 eval 'exim_greeting | grep -q "^220"'
}
exim_greeting() { timeout 2 bash -c "exec 4<>/dev/tcp/127.0.0.1/$(cat "$FILE_DIR/exim/port") && echo QUIT >&4 && cat <&4"; }
exim_stop() {
    if [ -f "$FILE_DIR/exim.pid" ]; then
        kill "$(cat "$FILE_DIR/exim.pid")" 2>/dev/null || true
        wait_for 10 eval "! is_alive $(cat "$FILE_DIR/exim.pid")"
        rm "$FILE_DIR/exim.pid"
    fi
}

create() { order=$("$DINER" orders create --store S001 --item P1001=2 --item P1002=1 -o json 2>/dev/null | jq -r .order_no); }
event() { # KEY...
    for key in "$@"; do
        sql "insert into app.outbox (type, key, payload) values ('order.created', '$key',
             '{\"store\": \"S001\", \"currency\": \"CNY\", \"total_amount\": \"9.00\", \"items\": []}')" >/dev/null
    done
}
deliver() { run --separate-stderr "$DINER" notify deliver "$@"; }
due_now() { sql "update app.notifications set next_at = now() where state = 'failed'" >/dev/null; }
in_box() { find "$FILE_DIR/exim/box" -path '*/new/*' -type f; }
mails() { # how many have come, once the server has put all that it took into their boxes
    wait_for 20 eval '[ -z "$(find "$FILE_DIR/exim/spool/input" -name "*-D" 2>/dev/null)" ]' || cat "$FILE_DIR"/exim/log/* >&2
    in_box | wc -l
}
mail() { # PYTHON: of the parsed message m, the first
    mails >/dev/null
    python3 -c 'import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
exec(sys.argv[2])' "$(in_box | sort | head -n 1)" "$1"
}

@test "a confirmation leaves once, over TLS, in Chinese" {
    create
    deliver --dry-run -o json
    assert_status 0
    assert_json ".[0].key == \"$order\" and .[0].subject == \"订单确认 - $order\" and (.[0].to | startswith(\"k*\"))"
    refute_stdout_has kitchen@
    assert_equal "$(mails)" 0
    deliver
    assert_status 0
    assert_stderr_has "1 sent"
    deliver
    assert_stderr_has "0 sent"
    assert_equal "$(mails)" 1
    assert_equal "$(mail 'print(m["subject"])')" "订单确认 - $order"
    assert_equal "$(mail 'print(m["from"])')" "餐厅 <shop@example.com>"
    assert_equal "$(mail 'print(m["message-id"])')" "<$(sql 'select message_id from app.notifications')@example.com>"
    total=$(sql "select total_amount from app.orders where order_no = '$order'")
    run mail 'print(m.get_content())'
    assert_stdout_has "订单号：$order"
    assert_stdout_has "合计：$total 元"
    assert_stdout_has " × 2    $(sql "select amount from app.order_items i join app.orders o on o.id = i.order_id where order_no = '$order' and sku = 'P1001'") 元"
    assert_equal "$(mail 'print(m["return-path"], m["envelope-to"])')" "<shop@example.com> kitchen@example.com"
    run mail 'print(m["received"])'
    assert_stdout_has "with esmtps"
    assert_sql "select sent_at is not null from app.outbox where type = 'order.created'" t
}

@test "two deliverers at once send each message once" {
    event E1 E2 E3 E4 E5 E6 E7 E8
    "$DINER" notify deliver -q >/dev/null 3>&- &
    other=$!
    deliver
    assert_status 0
    wait "$other"
    assert_equal "$(mails)" 8
    assert_equal "$(in_box | xargs grep -h '^Message-ID' | sort -u | wc -l)" 8
    assert_sql "select count(*) from app.notifications where state = 'sent' and attempts = 1" 8
}

@test "line ends in names add no header and no recipient" {
    sql "update app.stores set name = E'一店\r\nBcc: evil@example.com' where code = 'S001'" >/dev/null
    sql "insert into app.outbox (type, key, payload) values ('order.created', E'N1\r\nBcc: evil@example.com',
         '{\"store\": \"S001\", \"total_amount\": \"1.00\", \"items\": [{\"product_name\": \"鱼\\r\\n.\\r\\nQUIT\", \"quantity\": \"1\", \"amount\": \"1.00\"}]}')" >/dev/null
    DINER_NOTIFY_FROM=$'店\r\nBcc: evil@example.com <shop@example.com>' deliver
    assert_status 0
    assert_equal "$(mails)" 1 # to one, then
    assert_equal "$(mail 'print(m["bcc"], m["envelope-to"])')" "None kitchen@example.com"
    run mail 'print(m.get_content())'
    assert_stdout_has "鱼  .  QUIT × 1"
    sql "update app.stores set name = '一店' where code = 'S001'" >/dev/null
}

@test "TLS is verified; a login is not sent without it, nor told when it is wrong" {
    event E1
    DINER_NOTIFY_SMTP_CA_FILE='' deliver
    assert_status 7
    assert_stderr_has "certificate"
    due_now
    DINER_NOTIFY_SMTP_USER=shop SMTP_PASSWORD=wrong-battery DINER_NOTIFY_SMTP_PASSWORD=env:SMTP_PASSWORD deliver
    assert_status 7
    refute_stderr_has wrong-battery
    assert_sql "select last_error like '%denied%' and last_error not like '%battery%' from app.notifications" t
    assert_equal "$(mails)" 0
    due_now
    DINER_NOTIFY_SMTP_USER=shop SMTP_PASSWORD=correct-horse DINER_NOTIFY_SMTP_PASSWORD=env:SMTP_PASSWORD deliver
    assert_status 0
    run mail 'print(m["received"])'
    assert_stdout_has "with esmtpsa"
    event E2
    DINER_NOTIFY_SMTP_PLAIN=true deliver
    assert_status 0
    DINER_NOTIFY_SMTP_URL=smtp://mail.invalid DINER_NOTIFY_SMTP_PLAIN=true DINER_NOTIFY_SMTP_USER=shop deliver
    assert_status 3
    assert_stderr_has "unprotected"
}

@test "its own refusals: nobody there, too long, greylisted, away" {
    event E1
    DINER_NOTIFY_TO=nobody@example.com deliver
    assert_status 7
    assert_sql "select state || ' ' || (last_error like '%550%') from app.notifications" "dead true"
    sql 'truncate app.outbox cascade' >/dev/null
    event LONG
    sql "update app.outbox set payload = payload || jsonb_build_object('table_no', repeat('桌', 12000))" >/dev/null
    deliver
    assert_status 7
    assert_sql "select state || ' ' || (last_error like '%552%') from app.notifications" "dead true"
    assert_equal "$(mails)" 0
    sql 'truncate app.outbox cascade' >/dev/null
    event E2
    touch "$FILE_DIR/exim/later"
    deliver
    assert_status 7
    assert_sql "select state || ' ' || (last_error like '%451%') from app.notifications" "failed true"
    exim_stop
    due_now
    deliver
    assert_status 7
    assert_sql "select state || ' ' || attempts from app.notifications" "failed 2"
    rm "$FILE_DIR/exim/later"
    exim_start
    due_now
    deliver
    assert_status 0
    assert_equal "$(mails)" 1
}
