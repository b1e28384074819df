#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# Events through RabbitMQ: all of them, whoever is killed; and what a worker makes of messages.
load ../helper
load rabbit

setup_file() {
    file_dir
    rabbit_has || return 0
    export DINER_NOTIFY_RETRY_AFTER=1s DINER_HTTP_TIMEOUT=5s
    rabbit_start
    dev_start --orders 5 --seed 3
    "$DINER" notify test rabbitmq 3>&- # declares what the tests look at
}
teardown_file() {
    rabbit_stop
    dev_stop
}
setup() {
    rabbit_has || skip "no rabbitmq-server, or no python3-pika"
    rabbit purge diner.orders diner.tasks diner.later diner.dead
    sql 'truncate app.outbox cascade' >/dev/null 2>&1
}
teardown() { # what a test that failed left behind
    if [ -n "${worker:-}" ]; then kill -KILL "$worker" 2>/dev/null || true; fi
}

events() { # COUNT: as orders write them
    sql "insert into app.outbox (type, key, payload)
         select (array['order.created', 'order.paid', 'order.cancelled'])[1 + i % 3], 'O' || i, '{\"store\": \"S001\"}'
         from generate_series(1, $1) i" >/dev/null
}
deliver() { run --separate-stderr "$DINER" notify deliver; }
sent() { sql "select count(*) from app.notifications where state = 'sent'"; }
sent_some() { [ "$(sent)" -gt 300 ]; }
ids() { sql "select message_id from app.notifications where channel = 'rabbitmq' order by 1"; }
# What arrived, each counted once, is what the outbox holds.
assert_complete() { # COUNT
    assert_equal "$(ids | wc -l)" "$1"
    rabbit drain diner.orders >"$BATS_TEST_TMPDIR/arrived"
    diff <(jq -r .id "$BATS_TEST_TMPDIR/arrived" | LC_ALL=C sort -u) <(ids | LC_ALL=C sort)
    # A repeat is the same message.
    assert_equal "$(jq -c '[.id, .type, .body]' "$BATS_TEST_TMPDIR/arrived" | sort -u | wc -l)" "$1"
}

@test "every event arrives once, under its type, as the outbox has it" {
    order=$("$DINER" orders create --store S001 --item P1001=2 -o json 2>/dev/null | jq -r .order_no)
    "$DINER" orders cancel "$order" --reason "guest left" --yes >/dev/null 2>&1
    sql "insert into app.outbox (type, key, payload) values ('stock.low', 'P1', '{}')" >/dev/null
    deliver
    assert_status 0
    assert_stderr_has "3 sent"
    deliver
    assert_stderr_has "0 sent"
    run rabbit drain diner.orders
    assert_equal "$(jq -rs 'map(.key) | join(" ")' <<<"$output")" "order.created order.cancelled"
    assert_equal "$(jq -rs "map(select(.exchange == \"orders\" and .persistent and .key == .type
        and .content_type == \"application/json\" and .timestamp > 1e9
        and (.body | fromjson | .id) == .id and (.body | fromjson | .key) == \"$order\"
        and (.body | fromjson | .data.order_no) == \"$order\")) | length" <<<"$output")" 2
    for id in $(jq -r .id <<<"$output"); do
        assert_sql "select count(*) from app.notifications where message_id = '$id' and state = 'sent'" 1
    done
}

@test "the broker falls silent half-way and is killed: none is missing, and a repeat is known by its id" {
    events 2000
    # What it took into its buffers and never confirmed dies with it.
    DINER_HTTP_TIMEOUT=1s DINER_BREAKER_FAILURES=2 "$DINER" notify deliver >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    relay=$!
    wait_for 20 sent_some
    kill -STOP "$(cat "$FILE_DIR/rabbit/pid")"
    status=0
    wait "$relay" || status=$?
    assert_status 7
    grep -q "the broker does not answer" "$BATS_TEST_TMPDIR/log"
    rabbit_kill
    # However often it does not answer, and however old they are, they stay due.
    events 10
    sql "update app.outbox set created_at = now() - interval '9 days' where planned_at is null" >/dev/null
    DINER_NOTIFY_RETRIES=0 deliver
    assert_status 7
    assert_sql "select count(*) from app.outbox where planned_at is null" 0
    assert_sql "select count(*) from app.notifications where state in ('dead', 'unknown')" 0
    [ "$(sent)" -lt 2000 ]
    rabbit_up
    sql "update app.notifications set next_at = now() where state = 'failed'" >/dev/null
    deliver
    assert_status 0
    assert_complete 2010
}

@test "the relay is killed half-way: the next goes on, none is missing" {
    events 2000
    "$DINER" notify deliver >/dev/null 2>&1 3>&- &
    relay=$!
    wait_for 20 sent_some
    kill -KILL "$relay"
    wait "$relay" || true
    [ "$(sent)" -lt 2000 ]
    sql "update app.notifications set lease_until = now() - interval '1 s' where state = 'sending'" >/dev/null
    deliver
    assert_status 0
    assert_complete 2000
}

@test "a wrong password, no broker, a stranger's queue: one clear error each" {
    RABBIT_PASSWORD=not-this-one run --separate-stderr "$DINER" notify test rabbitmq
    assert_status 4
    assert_stderr_has "ACCESS_REFUSED"
    refute_stderr_has not-this-one
    DINER_NOTIFY_RABBITMQ_URL=amqp://diner@127.0.0.1:1 run --separate-stderr "$DINER" worker ask tiny
    assert_status 5
    assert_stderr_has "the broker at 127.0.0.1:1 does not answer"
    DINER_NOTIFY_RABBITMQ_URL=amqp://diner:secret@127.0.0.1 run --separate-stderr "$DINER" notify test rabbitmq
    assert_status 3
    assert_stderr_has "notify.rabbitmq_password"
    rabbit remake diner.orders
    run --separate-stderr "$DINER" notify test rabbitmq
    rabbit delete diner.orders
    assert_status 1
    assert_stderr_has "PRECONDITION_FAILED"
    assert_stderr_has "diner.orders"
    run -0 "$DINER" notify test rabbitmq
}

@test "over TLS the broker's certificate is verified" {
    export DINER_NOTIFY_RABBITMQ_URL=amqps://diner@localhost:$((RABBIT_PORT + 3))
    run --separate-stderr "$DINER" worker ask tiny
    assert_status 5
    assert_stderr_has "certificate"
    export DINER_NOTIFY_CA_FILE=$FILE_DIR/rabbit/cert.pem
    run -0 "$DINER" worker ask tiny
    # The name in it must be the host's.
    DINER_NOTIFY_RABBITMQ_URL=${DINER_NOTIFY_RABBITMQ_URL/localhost/127.0.0.1} \
        run --separate-stderr "$DINER" worker ask tiny
    assert_status 5
}

# ---- diner worker ------------------------------------------------------------------------------

pipelines() { # tiny: rows that are only added; slow: the same, then rows that come one by one
    export DINER_PIPELINE_PATH=$BATS_TEST_TMPDIR/pipelines
    mkdir -p "$DINER_PIPELINE_PATH"
    sql 'drop schema if exists ev cascade; create schema ev; truncate diner.run cascade;
         create table ev.tiny (id int); create table ev.first (id int); create table ev.slow (id int)' 2>/dev/null
    local to='target: { connection: warehouse, schema: ev }, mode: append, columns: { id: int }'
    cat >"$DINER_PIPELINE_PATH/tiny.yaml" <<YAML
version: 1
name: tiny
params: { n: { type: int, default: "10" }, day: { type: date, default: yesterday } }
streams:
  tiny: { source: { connection: warehouse, query: "select i as id from generate_series(1, \${params.n}::int) i" }, $to }
YAML
    cat >"$DINER_PIPELINE_PATH/slow.yaml" <<YAML
version: 1
name: slow
streams:
  first: { source: { connection: warehouse, query: "select i as id from generate_series(1, 100) i" }, $to }
  slow: { needs: [first], source: { exec: [./tap] }, $to }
YAML
    cat >"$DINER_PIPELINE_PATH/tap" <<'SH'
#!/bin/sh
for i in 1 2 3 4; do echo "{\"id\": $i}"; sleep 0.5; done
SH
    chmod +x "$DINER_PIPELINE_PATH/tap"
}
ask() { "$DINER" worker ask "$@" 2>/dev/null; }
start_worker() { # ARGUMENT...; its pid is $worker, its log $BATS_TEST_TMPDIR/worker.log
    "$DINER" worker --log-level info "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/worker.log" 3>&- &
    worker=$!
}
log_has() { grep -q -- "$1" "$BATS_TEST_TMPDIR/worker.log"; }
stop_worker() { # asks it to end: status 0
    kill -TERM "$worker"
    status=0
    wait "$worker" || status=$?
    assert_status 0
    worker=
}
slow_is_on() { [ "$(sql "select count(*) from ev.first")" -ge 100 ]; }
assert_empty() { # QUEUE...
    for queue in "$@"; do assert_equal "$(rabbit drain "diner.$queue")" ""; done
}
runs() { sql "select string_agg(status || ' ' || coalesce(message_id, '-'), ',' order by id) from diner.run where pipeline = '$1'"; }

@test "a pipeline is run once for a message, however often it comes" {
    pipelines
    assert_equal "$(ask tiny -p n=7 --id T1)" T1
    ask tiny -p n=7 --id T1
    run --separate-stderr "$DINER" worker --drain
    assert_status 0
    assert_sql "select count(*) from ev.tiny" 7
    assert_equal "$(runs tiny)" "succeeded T1"
    # A day that is reckoned is that of the moment of asking.
    rabbit publish diner.tasks T2 pipeline.run '{"pipeline": "tiny", "params": {"n": 3}}'
    run -0 "$DINER" worker --drain
    assert_sql "select count(*) from ev.tiny" 10
    assert_empty tasks dead
}

@test "a worker is killed in the middle of a run: another goes on with it, exactly" {
    pipelines
    ask slow --id S1
    start_worker
    wait_for 20 slow_is_on
    kill -KILL "$worker"
    wait "$worker" || true
    assert_sql "select count(*) from ev.slow" 0
    run --separate-stderr "$DINER" worker --drain
    assert_status 0
    assert_sql "select count(*), count(distinct id) from ev.first" "100|100"
    assert_sql "select count(*), count(distinct id) from ev.slow" "4|4"
    assert_equal "$(runs slow)" "interrupted S1,succeeded S1"
    assert_empty tasks dead
}

@test "what runs already is tried again later; SIGTERM waits for the message at hand" {
    pipelines
    "$DINER" run slow >/dev/null 2>&1 3>&- &
    other=$!
    wait_for 20 slow_is_on
    ask slow --id S2
    start_worker --retry-after 300ms --retries 0
    wait_for 20 log_has "'slow' is already running: tried again"
    wait "$other"
    wait_for 20 s2_is_on
    stop_worker
    assert_equal "$(runs slow)" "succeeded -,succeeded S2"
    assert_empty tasks later dead
}
s2_is_on() { [ "$(runs slow)" = "succeeded -,running S2" ]; }

@test "what cannot be done is in diner.dead, with the reason; the rest goes on" {
    pipelines
    rabbit publish diner.tasks P1 pipeline.run 'no json'
    rabbit publish diner.tasks P2 pipeline.run '{"pipeline": "unknown"}'
    rabbit publish diner.tasks P3 pipeline.run '{"pipeline": "../../tmp/evil.yaml"}'
    rabbit publish diner.tasks P4 pipeline.run '{"pipeline": "tiny", "params": {"n": "many"}}'
    rabbit publish diner.tasks - pipeline.run '{"pipeline": "tiny"}'
    rabbit publish diner.tasks P6 - '{}'
    rabbit event order.created P7 'no json'
    ask tiny -p n=2
    run -0 "$DINER" worker --drain
    run rabbit drain diner.dead
    assert_equal "$(jq -rs 'map(.id) | sort | join(" ")' <<<"$output")" " P1 P2 P3 P4 P6 P7"
    assert_equal "$(jq -rs 'map(select(.reason == null or .reason == "")) | length' <<<"$output")" 0
    assert_stdout_has "there is no pipeline 'unknown'"
    assert_stdout_has "'pipeline' is no name of a pipeline"
    assert_stdout_has "it has no message_id"
    assert_sql "select count(*) from ev.tiny" 2
    assert_empty tasks orders
    # A message whose worker dies each time does not come for ever.
    rabbit publish diner.tasks P8 pipeline.run '{}'
    rabbit bounce diner.tasks
    assert_equal "$(rabbit drain diner.dead | jq -r .id)" P8
}

@test "an order event has the outbox delivered at once" {
    start_worker --every 1h
    wait_for 20 log_has "takes messages"
    sleep 1
    events 5
    sleep 1
    assert_sql "select count(*) from app.notifications" 0
    rabbit event order.created E1 '{}'
    wait_for 5 all_sent
    sleep 2 # what it relayed came to itself
    stop_worker
    assert_empty orders
}
all_sent() { [ "$(sent)" = 5 ]; }

@test "broker and database connections are lost: the worker connects again, each message is done once" {
    pipelines
    ask slow --id S3
    start_worker
    wait_for 20 slow_is_on
    rabbit_kill # the run goes on, and cannot be acknowledged
    wait_for 20 log_has "does not answer"
    rabbit_up
    wait_for 30 log_has "message 'S3' was done"
    sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'diner%'" >/dev/null
    ask tiny --id T3
    wait_for 20 tiny_is_done
    stop_worker
    assert_equal "$(runs slow)" "succeeded S3"
    assert_sql "select count(*) from ev.slow" 4
    assert_sql "select count(*) from ev.tiny" 10
    assert_empty tasks dead
}
tiny_is_done() { [ "$(runs tiny)" = "succeeded T3" ]; }

@test "a worker that cannot begin says so: no broker, a wrong password" {
    DINER_NOTIFY_RABBITMQ_URL=amqp://diner@127.0.0.1:1 run --separate-stderr "$DINER" worker
    assert_status 5
    RABBIT_PASSWORD=not-this-one run --separate-stderr "$DINER" worker
    assert_status 4
}

@test "doctor --all: runs that nobody takes, messages that could not be done" {
    local checks
    run --separate-stderr "$DINER" doctor --all -o json
    assert_status 0
    assert_json '.[] | select(.check == "worker") | .result == "ok" and (.found | startswith("0 runs"))'
    assert_json '.[] | select(.check == "notify rabbitmq") | .result == "ok"'
    "$DINER" worker ask orders
    rabbit publish diner.dead - - '{}'
    run --separate-stderr "$DINER" doctor --all -o json
    assert_status 9
    checks=$(jq -r '.[] | select(.check == "worker" or .check == "dead messages") | .result' <<<"$output")
    assert_equal "$checks" $'fail\nwarn'
    rabbit purge diner.tasks diner.dead
}
