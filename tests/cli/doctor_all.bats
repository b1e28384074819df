#!/usr/bin/env bats
# diner doctor --all: what is around diner, each thing well and not, with its mending.
load ../helper
load api

setup_file() {
    dev_start --orders 20
    api_start
    authority "$FILE_DIR/ca"
}
teardown_file() {
    api_stop
    dev_stop
}
# crontab(1) of our own: no test may look at the machine's.
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export HOME=$PWD/home SPOOL=$PWD/spool XDG_CONFIG_HOME=$PWD/home/.config
    mkdir -p bin "$HOME"
    cat >bin/crontab <<'SH'
#!/bin/sh
[ -f "$SPOOL" ] && exec cat "$SPOOL"
echo "no crontab for tester" >&2
exit 1
SH
    chmod +x bin/crontab
    export PATH=$PWD/bin:$PATH
}
teardown() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
}

doctor() { run --separate-stderr "$DINER" doctor --all -o json; }
result_of() { jq -r --arg check "$1" '[.[] | select(.check == $check) | .result] | join(" ")' <<<"$output"; }
found_of() { jq -r --arg check "$1" '.[] | select(.check == $check) | .found' <<<"$output"; }
mend_of() { jq -r --arg check "$1" '.[] | select(.check == $check) | .mend' <<<"$output"; }

authority() { # PATH: PATH.pem signs what `certificate` makes
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=ours \
        -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
certificate() { # NAME DAYS: of 127.0.0.1
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 -keyout "$1.key" 2>/dev/null |
        openssl x509 -req -CA "$FILE_DIR/ca.pem" -CAkey "$FILE_DIR/ca.key" -CAcreateserial -days "$2" \
            -extfile <(echo 'subjectAltName=IP:127.0.0.1') -out "$1.pem" 2>/dev/null
}
tls_server() { # NAME of a certificate; sets $tls_port
    python3 - "$1" >"$1.port" 3>&- <<'PY' &
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + ".pem", sys.argv[1] + ".key")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    try:
        context.wrap_socket(listener.accept()[0], server_side=True).close()
    except OSError:
        pass
PY
    pids+=($!)
    wait_for 10 test -s "$1.port"
    tls_port=$(cat "$1.port")
}
webhook_at() { # PORT
    export DINER_NOTIFY_WEBHOOK_URL=https://127.0.0.1:$1/secret-path DINER_NOTIFY_WEBHOOK_SECRET=env:HOOK HOOK=hook-secret-1
    export DINER_NOTIFY_CA_FILE=$FILE_DIR/ca.pem
}

@test "a fresh environment: nothing fails, and what is not arranged yet is a warning" {
    doctor
    assert_status 0
    assert_json 'length >= 14 and all(.[]; .result != "fail") and all(.[] | select(.result == "warn"); .mend != null)'
    assert_equal "$(result_of schedule)" warn
    assert_equal "$(result_of "last night")" warn
    assert_equal "$(result_of alarm)" warn
    assert_equal "$(result_of notifications)" ok
    assert_equal "$(result_of sessions)" ok
    [[ $(found_of connectors) == *kingdee* ]]
    assert_stderr_has "3 warnings"
    # Without --all it is as before.
    run --separate-stderr "$DINER" doctor -o json
    assert_equal "$(result_of schedule)" ""
}

@test "in Chinese" {
    LC_ALL=zh_CN.UTF-8 run --separate-stderr "$DINER" doctor --all
    assert_stdout_has "昨夜的运行"
    assert_stdout_has "nightly 从未运行过"
}

@test "the schedule: in the crontab, or as a timer" {
    printf '# BEGIN diner\n15 21 * * * diner run nightly\n# END diner\n' >spool
    doctor
    assert_equal "$(found_of schedule)" "nightly, by crontab"
    rm spool
    mkdir -p "$XDG_CONFIG_HOME/systemd/user"
    : >"$XDG_CONFIG_HOME/systemd/user/diner-nightly.timer"
    doctor
    assert_equal "$(found_of schedule)" "nightly, by systemd"
    assert_equal "$(result_of schedule)" ok
}

night() { # STATUS AGO [ERROR]: the only run of nightly
    sql "delete from diner.run where pipeline = 'nightly';
         insert into diner.run (pipeline, status, started_at, finished_at, host, pid, error)
         values ('nightly', '$1', now() - interval '$2', case when '$1' <> 'running' then now() - interval '$2' end, 'h', 1, nullif('${3:-}', ''))"
}
night_is() { # RESULT
    doctor
    assert_equal "$(result_of "last night")" "$1"
}

@test "the last night: good, old, failed, partial, at work, at work for too long" {
    night succeeded '5 hours'
    night_is ok
    [[ $(found_of "last night") == "run "*" succeeded, 5 h ago" ]]
    night succeeded '27 hours'
    night_is fail
    assert_status 9
    night failed '5 hours' 'the platform was away'
    night_is fail
    [[ $(found_of "last night") == *": the platform was away" ]]
    [[ $(mend_of "last night") == "run 'diner runs show "* ]]
    night partial '5 hours' 'S002 was left behind'
    night_is warn
    night running '1 hour'
    night_is ok
    night running '7 hours'
    night_is warn
    sql "delete from diner.run where pipeline = 'nightly'"
}

@test "who is told: a channel, a hook, a channel that does not exist" {
    DINER_RUN_NOTIFY_ON_FAILURE=email,dingtalk doctor
    assert_equal "$(result_of alarm)" ok
    assert_equal "$(found_of alarm)" "email, dingtalk"
    DINER_RUN_NOTIFY_ON_FAILURE=pigeon doctor
    assert_equal "$(result_of alarm)" fail
    mkdir pipelines
    printf 'version: 1\nname: nightly\nsteps: [{ run: orders }]\nhooks: { on_failure: [{ exec: "true" }] }\n' >pipelines/nightly.yaml
    DINER_PIPELINE_PATH=$PWD/pipelines,$PROJECT/pipelines doctor
    assert_equal "$(found_of alarm)" "the hooks of nightly"
}

@test "certificates: long good, soon over, over, of an authority that nobody knows" {
    certificate long 300
    tls_server long
    webhook_at "$tls_port"
    doctor
    assert_status 0
    assert_equal "$(result_of "notify webhook")" ok
    [[ $(found_of "notify webhook") == "127.0.0.1:$tls_port answers, its certificate ends 20"*", in "@(299|300)" days" ]]
    refute_stdout_has secret-path
    refute_stdout_has hook-secret-1
    DINER_NOTIFY_CA_FILE=/etc/ssl/certs/ca-certificates.crt doctor
    assert_equal "$(result_of "notify webhook")" fail
    assert_equal "$(result_of notify.ca_file)" ok

    certificate soon 10
    tls_server soon
    webhook_at "$tls_port"
    doctor
    assert_status 0
    assert_equal "$(result_of "notify webhook")" warn
    assert_equal "$(mend_of "notify webhook")" "have it renewed"

    certificate over -1
    tls_server over
    webhook_at "$tls_port"
    doctor
    assert_status 9
    assert_equal "$(result_of "notify webhook")" fail
    [[ $(found_of "notify webhook") == *expired* ]]
}

@test "authorities in a file: over, and no certificates at all" {
    certificate over -1
    DINER_TELEMETRY_CA_FILE=$PWD/over.pem doctor
    assert_status 9
    assert_equal "$(result_of telemetry.ca_file)" fail
    cat over.pem "$FILE_DIR/ca.pem" >both.pem # one that is good is enough
    DINER_TELEMETRY_CA_FILE=$PWD/both.pem doctor
    assert_equal "$(result_of telemetry.ca_file)" ok
    [[ $(found_of telemetry.ca_file) == "$PWD/both.pem: 2, the last ends "* ]]
    DINER_TELEMETRY_CA_FILE=$PWD/bin/crontab doctor
    assert_equal "$(result_of telemetry.ca_file)" fail
}

@test "services that are configured and do not answer; passwords stay unseen" {
    DINER_CACHE_URL=redis://:redis-secret-1@127.0.0.1:1/0 DINER_CONSUL_URL=http://127.0.0.1:1 OPENLINEAGE_URL=http://127.0.0.1:1 \
        OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 DINER_NOTIFY_RABBITMQ_URL=amqp://u@127.0.0.1:1 doctor
    assert_status 9
    for check in cache.url consul.url lineage.url telemetry.otlp_endpoint "notify rabbitmq"; do
        assert_equal "$check $(result_of "$check")" "$check fail"
        [ -n "$(mend_of "$check")" ] || fail "no mend of $check"
    done
    refute_stdout_has redis-secret-1
    refute_stderr_has redis-secret-1
    OPENLINEAGE_URL=$(api_url) doctor
    assert_status 0
    [[ $(found_of lineage.url) == "127.0.0.1:"*" answers" ]]
}

@test "Redis: answers" {
    command -v redis-server >/dev/null || skip "no redis-server"
    redis-server --port 0 --unixsocket "$PWD/redis.sock" --save '' --daemonize no >redis.log 2>&1 3>&- &
    pids+=($!)
    wait_for 10 redis-cli -s "$PWD/redis.sock" ping
    DINER_CACHE_URL=unix:$PWD/redis.sock doctor
    assert_equal "$(result_of cache.url)" ok
}

@test "a connector that is set up logs in, or says why not; another is none of our business" {
    connector shop <<'YAML'
auth: { type: bearer, token: "env:SHOP_TOKEN" }
resources:
  list: { path: /list }
YAML
    export DINER_CONNECTOR_PATH=$PWD/connectors
    doctor
    [[ " $(found_of connectors)," == *" shop,"* ]]
    assert_equal "$(result_of "connector shop")" ""
    SHOP_TOKEN=t doctor
    assert_equal "$(result_of "connector shop")" ok
    cat >connectors/login.yaml <<YAML
version: 1
base_url: $(api_url)
retry: { max: 0 }
auth: { type: session, login: { path: /in, take: { sid: /sid } }, send: { headers: { X-Sid: "\${sid}" } } }
resources:
  list: { path: /list }
YAML
    api_script <<<'{"/in":[{"status":403}]}'
    doctor
    assert_status 9
    assert_equal "$(result_of "connector login")" fail
    [[ $(found_of "connector login") == *403* ]]
    printf 'version: 1\nbase_urll: x\n' >connectors/broken.yaml
    doctor
    assert_equal "$(result_of "connector broken")" fail
    assert_equal "$(mend_of "connector broken")" "did you mean 'base_url'?"
}

@test "a further connection; sessions that run out" {
    DINER_DSN_PLATFORM="postgresql:///nowhere?host=$DINER_DEV_DIR/pg&user=diner" doctor
    assert_equal "$(result_of "connection platform")" fail
    assert_equal "$(result_of notifications)" fail
    { cat "$DINER_CONFIG"; echo 'database: { connections_warn: 1% }'; } >changed.yaml
    sed -i "s|^connections:|connections:\n  other: { dsn: \"env:OTHER_DSN\" }|" changed.yaml
    OTHER_DSN=$(dev_dsn)
    export OTHER_DSN
    chmod 600 changed.yaml
    run --separate-stderr "$DINER" --config changed.yaml doctor --all -o json
    assert_status 0
    assert_equal "$(result_of "connection other")" ok
    assert_equal "$(result_of sessions)" warn
}

@test "notifications that nobody delivers, that were given up, that may have left" {
    sql "insert into app.outbox (type, key, payload, created_at) values ('order.created', 'A', '{}', now() - interval '1 hour')" >/dev/null
    doctor
    assert_status 0
    assert_equal "$(result_of notifications)" warn
    [[ $(found_of notifications) == *" due, the first for "*" min" ]]
    sql "update app.outbox set planned_at = now();
         insert into app.notifications (outbox_id, channel, state) select max(id), 'webhook', 'dead' from app.outbox;
         insert into app.notifications (outbox_id, channel, state) select max(id), 'email', 'unknown' from app.outbox" >/dev/null
    doctor
    assert_equal "$(result_of "dead letters")" warn
    assert_equal "$(result_of notifications)" "ok warn"
    sql "delete from app.notifications; update app.outbox set planned_at = now()" >/dev/null
}
