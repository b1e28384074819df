#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031
# Runs that any number of workers share: who does what, what it comes to, and who may commit.
load ../helper
load ../cli/pipelines
load distribute

setup_file() {
    export DINER_DISTRIBUTE_LEASE=2s
    dev_start
}
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    sessions_end
    sql "truncate diner.worker, diner.rate" >/dev/null
    export DINER_CONNECTOR_PATH=$PWD
    server=
}
teardown() {
    workers_stop
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
}

shops_up() { # SHOPS ORDERS: the API of shops, and its connector
    "$PROJECT/tests/e2e/shops_server.py" "$1" "$2" >port 3>&- &
    server=$!
    wait_for 10 test -s port
    url=http://127.0.0.1:$(cat port)
    cat >shops.yaml <<YAML
version: 1
name: shops
base_url: $url
retry: { max: 0 }
resources:
  shops: { path: /shops, records: /data }
  orders: { path: /orders, query: { shop: "\${shop}", from: "\${from}", to: "\${to}" }, records: /data }
YAML
}
shop_orders() { # [ISOLATE]
    pipeline shop_orders <<YAML
streams:
  shops:
    source: { connector: shops, resource: shops }
    mode: replace
    key: [shop_id]
    columns: { shop_id: text, zone: text }
  orders:
    source:
      connector: shops
      resource: orders
      params: { from: "\${window.start}", to: "\${window.end}" }
      for_each: { stream: shops, bind: { shop: shop_id }, isolate: ${1:-true} }
    incremental: { cursor: updated_at, start: 2026-11-01T00:00:00Z, lag: 1h }
    mode: merge
    key: [shop_id, order_no]
    columns: { shop_id: { type: text, from: \$shop }, order_no: text, amount: "numeric(10,2)", updated_at: timestamptz }
YAML
}
put() { curl -sf -X PUT "$url/$1" -d "$2" >/dev/null; }
# A pipeline of one stream of windows, each of which takes some time to be read.
slow_days() { # SECONDS [HOOKS]: ten children, each of which takes some time to be read
    pipeline days <<YAML
${2:-}
streams:
  rows_of_days:
    source:
      connection: warehouse
      query: "select n from generate_series(0, 239) n where n / 24 = \${item.day}::int and (select pg_sleep($1)) is not null"
      for_each: { query: "select day from generate_series(0, 9) day", bind: { day: day } }
    mode: append
    columns: { n: int }
YAML
}
assert_ten_days() { # each row once
    assert_sql "select count(*), count(distinct n) from t.rows_of_days" "240|240"
}
run_status() { sql "select status from diner.run where parent_id is null order by id desc limit 1"; }
is_over() { [[ $(run_status) != waiting && $(run_status) != running ]]; }
is_under_way() { [ "$(sql "select count(*) from diner.task where state = 'leased' and stream <> ''")" -ge "${1:-1}" ]; }
is_led() { [ "$(sql "select count(*) from diner.task where stream = '' and state = 'leased'")" = 1 ]; }
has_parts_done() { [ "$(sql "select count(*) from diner.task where state = 'done' and stream <> ''")" -ge "$1" ]; }
pid_of() { sql "select split_part(worker, ':', 2) from diner.task where $1 limit 1"; }

@test "every mode ends with the rows of a run by itself, counted the same" {
    local window='--from 2026-02-01T00:00:00Z --to 2026-02-08T00:00:00Z'
    cells
    feed
    # shellcheck disable=SC2086
    diner_run cells $window
    assert_status 0
    cells_snapshot alone
    cells_clear
    workers 3
    wait_for 20 is_seen 3
    # shellcheck disable=SC2086
    diner_run cells $window --distribute
    assert_status 0
    cells_snapshot shared
    diff alone shared
    # Windows and children were tasks, all else was done by who leads.
    run --separate-stderr "$DINER" runs show --tasks -o json
    assert_json '[.[] | select(.stream == "facts")] | length == 7 and all(.state == "done")'
    assert_json '[.[] | select(.stream == "parts") | .child] | length == 6 and (unique | length) == 6'
    assert_json '[.[] | select(.stream == "whole" or .stream == "swapped" or .stream == "dimension" or .stream == "out")] == []'
    # The same again changes nothing.
    # shellcheck disable=SC2086
    diner_run cells $window --distribute --only merged
    assert_status 0
    assert_json '.[0].inserted == 0'
}

@test "workers take their parts; the run ends once, and its hook is told once" {
    slow_days 0.2 "hooks: { after: [ { sql: \"insert into t.ended values (1)\", connection: warehouse } ] }"
    sql "create table t.ended (run bigint)" >/dev/null
    workers 3
    wait_for 20 is_seen 3
    diner_run days --distribute
    assert_status 0
    assert_moved rows_of_days "240 240 0 0 0 0 0 0"
    assert_ten_days
    assert_sql "select count(*) from t.ended" 1
    assert_sql "select count(distinct worker) >= 3 from diner.task where stream <> ''" t
    assert_sql "select count(*) from diner.task where state <> 'done'" 0
    assert_sql "select is_distributed, status, exit_status from diner.run" "t|succeeded|0"
    run --separate-stderr "$DINER" runs show
    assert_stderr_has "of 10 parts 10 are done"
}

@test "without a worker who asks does all of it" {
    slow_days 0
    diner_run days --distribute
    assert_status 0
    assert_ten_days
    assert_sql "select count(distinct worker) from diner.task" 1
}

@test "cursors move as by itself: the next run reads on" {
    shops_up 4 50
    shop_orders
    workers 2
    diner_run shop_orders --distribute
    assert_status 0
    assert_moved orders "200 200 0 0 0 0 0 0"
    put _add '{"S003": 5}'
    diner_run shop_orders --distribute
    assert_moved orders "13 5 0 8 0 0 0 0"
    assert_sql "select count(*) from diner.state where stream = 'orders' and name = 'cursor'" 4
}

@test "detached: the run waits for a worker, excludes others, and is led by whoever comes" {
    slow_days 0
    run --separate-stderr "$DINER" run days --distribute --detach
    assert_status 0
    assert_stdout_is 1
    assert_stderr_has "run 1 waits for a worker"
    run --separate-stderr "$DINER" runs list --status waiting -o json
    assert_json 'length == 1 and .[0].status == "waiting"'
    diner_run days
    assert_status 8
    assert_stderr_has "run 1 of pipeline 'days' waits for a worker"
    assert_stderr_has "diner runs cancel 1"
    diner_run days --distribute
    assert_status 8
    run "$DINER" worker --tasks --drain
    assert_status 0
    assert_ten_days
    assert_equal "$(run_status)" succeeded
    assert_sql "select count(*) from diner.run" 1
    diner_run days
    assert_status 0
}

@test "detached, of many children: the worker that leads has help" {
    slow_days 0.2
    workers 3
    wait_for 20 is_seen 3
    run --separate-stderr "$DINER" run days --distribute --detach
    assert_status 0
    wait_for 60 is_over
    assert_equal "$(run_status)" succeeded
    assert_ten_days
    assert_sql "select count(distinct worker) >= 2 from diner.task where stream <> ''" t
}

@test "isolated children that fail are left behind, exit 7; without isolate the first failure ends it" {
    shops_up 6 20
    shop_orders
    put _fail '["S002","S004"]'
    workers 2
    wait_for 20 is_seen 2
    diner_run shop_orders --distribute --report report.json
    assert_status 7
    assert_stderr_has "2 of 6 were left behind"
    assert_sql "select count(*) from t.orders" 80
    output=$(cat report.json)
    assert_json '.runs[0].streams[1] | .slices == 4 and (.left_behind | map(.child.shop) | sort) == ["S002", "S004"] and
        (.left_behind[0].error | test("revoked"))'
    assert_sql "select string_agg(code, ',') from diner.task where state = 'failed'" ERR_AUTH,ERR_AUTH
    put _fail '[]'
    diner_run shop_orders --distribute
    assert_status 0
    assert_sql "select count(*) from t.orders" 120
    # Not isolated: the code is that of the part, and what nobody had begun is left.
    sql "drop table t.orders; truncate diner.state" >/dev/null
    shop_orders false
    put _fail '["S000"]'
    diner_run shop_orders --distribute
    assert_status 4
    assert_sql "select count(*) from diner.task t join (select max(id) as id from diner.run) r on r.id = t.run_id
                where state = 'cancelled'" 5
    assert_equal "$(run_status)" failed
}

@test "a job is shared, step by step" {
    slow_days 0.1
    shops_up 4 30
    shop_orders
    job both <<'YAML'
steps:
  - run: shop_orders
  - { run: days, needs: [shop_orders] }
YAML
    workers 2
    # Detached: who leads is a worker.
    run --separate-stderr "$DINER" run both --distribute --detach
    assert_status 0
    wait_for 60 is_over
    assert_equal "$(run_status)" succeeded
    assert_sql "select count(*) from t.orders" 120
    assert_sql "select count(*), count(distinct run_id) from diner.task where stream <> '' and state = 'done'" "14|2"
    assert_sql "select count(*) from diner.run where parent_id = 1 and status = 'succeeded'" 2
}

@test "a worker that is killed loses its part to another" {
    slow_days 1
    workers 2
    wait_for 20 is_seen 2
    "$DINER" run days --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 is_under_way 3
    kill -KILL "${WORKERS[0]}"
    status=0
    wait "$asked" || status=$?
    assert_status 0
    assert_ten_days
    assert_sql "select max(lost) from diner.task" 1
    assert_sql "select count(*) from diner.run" 1
}

@test "who leads is killed: a worker leads the same run on, and ends it once" {
    slow_days 0.5 "hooks: { after: [ { sql: \"insert into t.ended values (1)\", connection: warehouse } ] }"
    sql "create table t.ended (run bigint)" >/dev/null
    workers 2
    wait_for 20 is_seen 2
    "$DINER" run days --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 has_parts_done 2
    kill -KILL "$asked"
    wait_for 60 is_over
    assert_equal "$(run_status)" succeeded
    assert_ten_days
    assert_sql "select count(*), max(run) from t.ended" "1|1"
    assert_sql "select count(*) from diner.run" 1
    assert_sql "select attempt, lost from diner.task where stream = ''" "2|1"
    assert_sql "select read, inserted from diner.run_stream" "240|240"
}

@test "a job whose leader is killed goes on with the step at hand" {
    shops_up 3 20
    shop_orders
    pipeline ten <<'YAML'
params: { day: { type: date, default: yesterday } }
streams:
  ten_rows: { source: { connection: warehouse, query: "select 1 as n" }, mode: append, columns: { n: int } }
YAML
    job all <<'YAML'
steps:
  - run: ten
  - run: shop_orders
YAML
    worker
    wait_for 20 is_seen 1
    put _delay 1
    "$DINER" run all --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 has_parts_done 1
    kill -KILL "$asked"
    wait_for 60 is_over
    assert_equal "$(run_status)" succeeded
    assert_sql "select count(*) from t.ten_rows" 1
    assert_sql "select count(*) from t.orders" 60
    assert_sql "select count(*) from diner.run where parent_id is not null" 2
}

@test "a worker that was stopped beyond its lease commits nothing when it goes on" {
    slow_days 1.5
    worker
    wait_for 20 is_seen 1
    run --separate-stderr "$DINER" run days --distribute --detach
    wait_for 30 has_parts_done 1
    wait_for 30 is_under_way
    kill -STOP "${WORKERS[0]}"
    worker
    # Part and run go over to the other one, which has all done before the first goes on.
    wait_for 60 is_over
    assert_sql "select count(*), max(attempt), max(lost) from diner.task where lost > 0" "2|2|1"
    kill -CONT "${WORKERS[0]}"
    told() { grep -q -e "is another worker's" -e "is over" -e "another one took over" workers.log; }
    wait_for 60 told
    assert_equal "$(run_status)" succeeded
    assert_ten_days
    assert_sql "select count(*), sum(inserted) from diner.run_slice" "10|240"
    # It is well, and takes the next run.
    "$DINER" run days --distribute --detach >/dev/null 2>&1
    wait_for 60 is_over
    kill -0 "${WORKERS[0]}" || { cat workers.log >&2; false; }
}

@test "the fence alone holds: a part that is another's by its attempt is not committed" {
    slow_days 2
    worker
    wait_for 20 is_seen 1
    run --separate-stderr "$DINER" run days --distribute --detach
    wait_for 30 is_under_way
    # As if another had taken it: its sessions are left alone.
    part=$(sql "update diner.task set attempt = attempt + 1, worker = 'other:1:abc', lease_until = now() + interval '1 hour'
                where id = (select id from diner.task where state = 'leased' and stream <> '' limit 1) returning id")
    refused() { grep -q "task $part is another worker's" workers.log; }
    wait_for 30 refused
    assert_sql "select state from diner.task where id = $part" leased
    assert_sql "select count(*) from diner.run_slice s join diner.task t on t.run_id = s.run_id and t.window_start = s.window_start
                where t.id = $part" 0
    assert_sql "select count(*) from pg_tables where schemaname = 't' and tablename = 'rows_of_days'" 0
}

@test "the fence of the run: one that was cancelled commits nothing more" {
    slow_days 2
    worker
    wait_for 20 is_seen 1
    run --separate-stderr "$DINER" run days --distribute --detach
    wait_for 30 has_parts_done 1
    wait_for 30 is_under_way
    before=$(sql "select count(*) from t.rows_of_days")
    run --separate-stderr "$DINER" runs cancel 1
    assert_status 0
    stopped() { grep -q "is over" workers.log || grep -q "was cancelled" workers.log; }
    wait_for 30 stopped
    sleep 2.5
    assert_sql "select count(*) from t.rows_of_days" "$before"
    assert_equal "$(run_status)" interrupted
    run --separate-stderr "$DINER" runs cancel 1
    assert_status 1
    assert_stderr_has "is over"
    # What stood stands, and the rest is there after a resume.
    run --separate-stderr "$DINER" runs resume 1
    assert_status 0
    assert_ten_days
}

@test "SIGTERM to a worker that leads: it does its part to the end, and another leads on" {
    slow_days 0.5
    worker
    wait_for 20 is_seen 1
    run --separate-stderr "$DINER" run days --distribute --detach
    wait_for 30 has_parts_done 2
    kill -TERM "${WORKERS[0]}"
    status=0
    wait "${WORKERS[0]}" || status=$?
    assert_status 0
    assert_sql "select status from diner.run" running
    assert_sql "select state, lost from diner.task where stream = ''" "waiting|0"
    assert_sql "select count(*) from diner.task where state = 'leased'" 0
    run "$DINER" worker --tasks --drain
    assert_equal "$(run_status)" succeeded
    assert_ten_days
    assert_sql "select count(*), count(*) filter (where status = 'succeeded') from diner.run_stream" "1|1"
}

@test "SIGINT to who asked ends the run, for all" {
    slow_days 1
    workers 2
    wait_for 20 is_seen 2
    "$DINER" run days --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 has_parts_done 1
    kill -TERM "$asked"
    status=0
    wait "$asked" || status=$?
    assert_status 143
    assert_equal "$(run_status)" interrupted
    assert_sql "select count(*) from diner.task where state in ('held', 'waiting')" 0
}

@test "a part over which workers are lost again and again fails, the others stand" {
    shops_up 4 10
    shop_orders
    diner_run shop_orders --only shops
    put _delay 1
    "$DINER" run shop_orders --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 has_parts_done 1
    sql "update diner.task set state = 'leased', worker = 'gone:1:abc', lost = 5, attempt = 6, lease_until = now() - interval '1 s'
         where id = (select max(id) from diner.task where stream = 'orders' and state = 'waiting')" >/dev/null
    status=0
    wait "$asked" || status=$?
    assert_status 7
    grep -q "the worker that had it was lost, 6 times" run.log
    assert_sql "select count(*) from t.orders" 30
}

@test "who led is gone and no worker there: the next run takes the pipeline back" {
    slow_days 0.5
    "$DINER" run days --distribute >run.log 2>&1 3>&- &
    asked=$!
    wait_for 30 has_parts_done 1
    kill -KILL "$asked"
    sessions_end
    diner_run days
    assert_status 8
    assert_stderr_has "is led by a worker"
    sql "update diner.task set lease_until = now() - interval '1 s' where state = 'leased'" >/dev/null
    diner_run days
    assert_status 0
    assert_sql "select string_agg(status, ',' order by id) from diner.run" interrupted,succeeded
    # Nobody goes on with the first.
    run "$DINER" worker --tasks --drain
    assert_sql "select count(*) from diner.task where state = 'leased' and lease_until > now()" 0
}

@test "the rate of a connector is one for all workers" {
    shops_up 12 5
    shop_orders
    sed -i 's/^retry:.*/&\nrate: 5\/s/' shops.yaml
    diner_run shop_orders --only shops
    workers 3
    wait_for 20 is_seen 3
    curl -sf "$url/_log" | jq length >before
    started=${EPOCHREALTIME/./}
    diner_run shop_orders --only orders --distribute
    assert_status 0
    took_ms=$(((${EPOCHREALTIME/./} - started) / 1000))
    asked=$(($(curl -sf "$url/_log" | jq length) - $(cat before)))
    assert_equal "$asked" 12
    # As many places were given as requests came, and they lie one behind the other: at the least so long.
    assert_sql "select requests from diner.rate where connector = 'shops'" 12
    [ "$took_ms" -ge 2200 ] || fail "12 requests in $took_ms ms at 5/s"
    assert_sql "select count(distinct worker) >= 2 from diner.task where stream <> ''" t
}

@test "a worker without the pipeline, or with another text of it, leaves it to others" {
    slow_days 0
    run --separate-stderr "$DINER" run days --distribute --detach
    assert_status 0
    mkdir other
    sed 's/mode: append/mode: append # changed/' pipelines/days.yaml >other/days.yaml
    DINER_PIPELINE_PATH=$PWD/none run --separate-stderr "$DINER" worker --tasks --drain
    assert_status 0
    assert_stderr_has "no part of run 1 can be done here: there is no pipeline 'days'"
    DINER_PIPELINE_PATH=$PWD/other run --separate-stderr "$DINER" worker --tasks --drain
    assert_status 0
    assert_stderr_has "is not the file that the run was begun with"
    assert_equal "$(run_status)" waiting
    run "$DINER" worker --tasks --drain
    assert_equal "$(run_status)" succeeded
    assert_ten_days
}

@test "what cannot be distributed is refused, with the reason" {
    slow_days 0
    diner_run ./pipelines/days.yaml --distribute
    assert_status 2
    assert_stderr_has "a distributed run goes by a name that each worker has"
    diner_run days --distribute --shard 0/2
    assert_status 2
    diner_run days --distribute --dry-run
    assert_status 2
    diner_run days --detach
    assert_status 2
    diner_run days --distribute --detach --jobs 2
    assert_status 2
    sed -i 's/connection: warehouse, schema/connection: elsewhere, schema/' pipelines/days.yaml
    DINER_DSN_ELSEWHERE=$(dev_dsn) diner_run days --distribute
    assert_status 3
    assert_stderr_has "only what loads into 'warehouse' can be distributed"
    assert_sql "select count(*) from diner.run" 0
    run --separate-stderr "$DINER" runs cancel 1
    assert_status 1
    run --separate-stderr "$DINER" runs show --tasks
    assert_status 1
}

@test "doctor tells of workers, and of what waits for none" {
    slow_days 0
    check() { "$DINER" doctor -o json 2>/dev/null | jq -r '.[] | select(.check == "workers") | .result + " " + .found'; }
    assert_equal "$(check)" ""
    "$DINER" run days --distribute --detach >/dev/null 2>&1
    [[ $(check) == "fail 0 workers are there, 1 tasks wait, "* ]] || fail "found: $(check)"
    worker
    wait_for 60 is_over
    [[ $(check) == "ok 1 "* ]] || fail "found: $(check)"
    sql "update diner.run set status = 'running'; update diner.task set state = 'leased', worker = 'gone:1:abc', lease_until = now() - interval '1 hour', lost = 99
         where stream = ''" >/dev/null
    [[ $(check) == "fail "* ]] || fail "found: $(check)"
}
