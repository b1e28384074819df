#!/usr/bin/env bats
# shellcheck disable=SC2016
# Streams read in slices: a child for each shop, windows of time and of business days, side by side,
# in shards, resumed.

load ../helper
load ../cli/pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }

setup() {
    pipelines_setup
    export DINER_CONNECTOR_PATH=$PWD
    "$PROJECT/tests/e2e/shops_server.py" 6 100 >port 3>&- &
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
  day: { path: /day, query: { shop: "\${shop}", day: "\${day}" }, records: /data }
YAML
}
teardown() { kill "$server" 2>/dev/null || true; }

# The stream of orders, one child a shop; the arguments are put into it.
shop_orders() { # [ISOLATE [INCREMENTAL [RESOURCE PARAMS]]]
    local incremental='{ cursor: updated_at, start: 2026-11-01T00:00:00Z, lag: 1h }'
    local params='{ from: "${window.start}", to: "${window.end}" }'
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
      resource: ${3:-orders}
      params: ${4:-$params}
      for_each: { stream: shops, bind: { shop: shop_id }, isolate: ${1:-true} }
    incremental: ${2:-$incremental}
    mode: merge
    key: [shop_id, order_no]
    columns:
      shop_id: { type: text, from: \$shop }
      order_no: text
      amount: numeric(10,2)
      updated_at: timestamptz
YAML
}

put() { curl -sf -X PUT "$url/$1" -d "$2" >/dev/null; }
orders() { psql -XAtq -d "$(dev_dsn)" -c "select count(*) from t.orders"; }

@test "for_each reads each child with its own cursor, and names it in its rows" {
    shop_orders
    diner_run shop_orders --dry-run
    assert_status 6
    assert_stderr_has "'shops' was never loaded, and a dry run loads nothing"
    run --separate-stderr "$DINER" pipeline plan shop_orders -o json
    assert_status 0
    assert_moved orders "600 600 0 0 0 0 0 0"
    diner_run shop_orders
    assert_status 0
    assert_moved orders "600 600 0 0 0 0 0 0"
    assert_sql "select string_agg(shop_id || count, ',' order by shop_id) from
        (select shop_id, count(*) from t.orders group by 1) c" \
        "S000100,S001100,S002100,S003100,S004100,S005100"
    assert_sql "select count(*) from diner.state where stream = 'orders' and name = 'cursor'" 6
    assert_sql "select child from diner.state where stream = 'orders' order by 1 limit 1" '{"shop":"S000"}'
    put _add '{"S003": 5}'
    diner_run shop_orders --dry-run
    assert_status 0
    assert_json '.[] | select(.stream == "orders") | .accepted == 17 and .inserted == 0'
    diner_run shop_orders
    assert_status 0
    # The lag of an hour: two rows of each are read again.
    assert_moved orders "17 5 0 12 0 0 0 0"
    run "$DINER" runs show --slices -o json
    assert_json 'length == 6 and all(.status == "succeeded") and (map(.read) | add) == 17'
}

@test "one child failing does not stop the rest; the run is partial, names it, and it catches up" {
    shop_orders
    put _fail '["S002","S004"]'
    diner_run shop_orders --report report.json --metrics run.prom
    assert_status 7
    assert_stderr_has "2 of 6 were left behind"
    assert_stderr_has 'S002'
    assert_equal "$(orders)" 400
    output=$(cat report.json)
    assert_json '.runs[0].status == "partial" and .runs[0].exit_status == 7 and
        (.runs[0].streams[1] | .status == "partial" and .slices == 4 and
         (.left_behind | map(.child.shop)) == ["S002", "S004"] and
         (.left_behind[0].error | test("revoked")))'
    grep -q 'diner_stream_left_behind{pipeline="shop_orders",stream="shop_orders.orders"} 2' run.prom
    grep -q 'diner_run_success{pipeline="shop_orders"} 0' run.prom
    run ! grep -q "^diner_run_last_success" run.prom
    cursor=$(sql "select floor(extract(epoch from max(value::timestamptz)))::bigint from diner.state where name = 'cursor'")
    grep -qxF "diner_stream_cursor_timestamp_seconds{pipeline=\"shop_orders\",stream=\"shop_orders.orders\"} $cursor" run.prom
    run "$DINER" runs show --left-behind -o json
    assert_json 'map(.child) == ["{\"shop\":\"S002\"}", "{\"shop\":\"S004\"}"]'
    put _fail '[]'
    diner_run shop_orders --metrics run.prom
    assert_status 0
    assert_equal "$(orders)" 600
    grep -q '^diner_run_last_success_timestamp_seconds{pipeline="shop_orders"}' run.prom
    # A run that does not get as far as that: what was last known holds.
    grep -E '^diner_(run_last_success|stream_cursor)_' run.prom >known
    diner_run shop_orders --only shops --metrics run.prom
    assert_equal "$(grep -E '^diner_stream_cursor_' run.prom)" "$(grep stream_cursor known)"
}

@test "without isolate the first failure ends the stream, and says that what was done stands" {
    shop_orders false
    put _fail '["S002"]'
    diner_run shop_orders
    assert_status 4
    assert_stderr_has "2 slices before it are committed and stand"
    assert_equal "$(orders)" 200
}

@test "windows move the cursor with each, empty ones too, and never back" {
    shop_orders true '{ cursor: updated_at, start: 2026-11-01T00:00:00Z, window: 1d, lag: 26h }'
    diner_run shop_orders
    assert_status 0
    assert_equal "$(orders)" 600
    # The last row is of 2026-11-05, the cursor of today all the same.
    assert_sql "select count(*) from diner.state where stream = 'orders' and name = 'cursor'
        and value::timestamptz > now() - interval '1 hour'" 6
    sql "create table t.cursors as select child, value::timestamptz as v from diner.state where name = 'cursor'"
    diner_run shop_orders
    assert_status 0
    assert_sql "select count(*) from diner.state s join t.cursors c using (child)
        where s.name = 'cursor' and s.value::timestamptz > c.v" 6
    curl -s "$url/_log" >log.json
    output=$(cat log.json)
    # Windows meet without a gap.
    assert_json '[.[] | select(.query.shop == "S000") | .query][0:3] |
        .[0].to == .[1].from and .[1].to == .[2].from'
    assert_json '[.[].traceparent] | all(test("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")) and
        (map(.[3:35]) | unique | length) == 2'
}

@test "windows of business days begin at the cut-off of the child's own zone" {
    shop_orders true '{ cursor: updated_at, start: 2026-11-01, business_day: "04:00", timezone: Asia/Shanghai }' \
        day '{ day: "${window.day}" }'
    sed -i 's/isolate: true }/isolate: true, timezone: zone }/' pipelines/shop_orders.yaml
    diner_run shop_orders --only shops
    diner_run shop_orders --from 2026-11-02 --to 2026-11-04 --only orders
    assert_status 0
    curl -s "$url/_log" >log.json
    output=$(cat log.json)
    assert_json '[.[] | select(.path == "/day") | .query.day] | unique == ["2026-11-02", "2026-11-03"]'
    assert_sql "select count(*) from diner.state where name = 'cursor'" 0
    run "$DINER" runs show --slices -o json
    assert_json '[.[] | select(.child | test("S001")) | .window_start] | sort ==
        ["2026-11-01T20:00:00Z", "2026-11-02T20:00:00Z"]'
    # New York, after its clocks went back on the first.
    assert_json '[.[] | select(.child | test("S000")) | .window_start] | sort ==
        ["2026-11-02T09:00:00Z", "2026-11-03T09:00:00Z"]'
}

@test "a child whose zone is unknown is left behind by itself where children are isolated" {
    local isolate
    for isolate in false true; do
        shop_orders $isolate '{ cursor: updated_at, start: 2026-11-01, business_day: "04:00", timezone: Asia/Shanghai }' \
            day '{ day: "${window.day}" }'
        sed -i "s/isolate: $isolate }/isolate: $isolate, timezone: zone }/" pipelines/shop_orders.yaml
        diner_run shop_orders --only shops
        sql "update t.shops set zone = 'Mars/Crater' where shop_id = 'S002'"
        diner_run shop_orders --only orders --jobs 2
        assert_stderr_has '{"shop":"S002"}'
        assert_stderr_has "Mars/Crater"
        if [ $isolate = false ]; then
            assert_status 3
            assert_sql "select to_regclass('t.orders') is null" t
        fi
    done
    assert_status 7
    assert_stderr_has "1 of "
    assert_sql "select count(*) from diner.state where name = 'cursor'" 5
}

@test "a row of the parent without the bound value is left behind by itself where children are isolated" {
    local isolate
    for isolate in false true; do
        shop_orders $isolate '{ cursor: updated_at, start: 2026-11-01T00:00:00Z, window: 1d }'
        sed -i "/for_each/s/stream: shops/query: 'select shop_id from t.shops union all select null'/" pipelines/shop_orders.yaml
        diner_run shop_orders --only shops
        diner_run shop_orders --only orders
        assert_stderr_has '{"shop":null}: a row of the parent has no value in '
        assert_stderr_has "'shop_id'"
        if [ $isolate = false ]; then
            assert_status 1
            assert_sql "select to_regclass('t.orders') is null" t
        fi
    done
    assert_status 7
    # Of six shops all windows, and of the seventh what could not be begun.
    local all=${stderr##*1 of }
    [ $((${all%% *} % 6)) -eq 1 ] || fail "1 of ${all%% *}"
    assert_sql "select count(*) from t.orders" 600
    assert_sql "select count(*) from diner.state where name = 'cursor'" 6
}

@test "a backfill side by side reads the same rows, and leaves the cursor" {
    shop_orders true '{ cursor: updated_at, start: 2026-11-01T00:00:00Z, window: 12h, lag: 1h }'
    diner_run shop_orders --only shops
    diner_run shop_orders --only orders --from 2026-11-01T00:00:00Z --to 2026-11-06T00:00:00Z --jobs 4
    assert_status 0
    assert_moved orders "600 600 0 0 0 0 0 0"
    assert_sql "select count(*) from diner.state where name = 'cursor'" 0
    assert_sql "select count(*), sum(read) from diner.run_slice where run_id = (select max(id) from diner.run)" "60|600"
    # Twice is the same.
    diner_run shop_orders --only orders --from 2026-11-01T00:00:00Z --to 2026-11-06T00:00:00Z --jobs 3
    assert_moved orders "600 0 0 600 0 0 0 0"
}

@test "shards share the children out: each is done by one, whatever their order" {
    shop_orders
    for i in 0 1 2; do
        diner_run shop_orders --shard "$i/3"
        assert_status 0
    done
    assert_equal "$(orders)" 600
    assert_sql "select count(*), count(distinct child) from diner.run_slice where status = 'succeeded'" "6|6"
    # Where the children are from is loaded by each, and again it changes nothing.
    assert_sql "select count(*), sum(inserted), sum(unchanged) from diner.run_stream
        where stream = 'shops' and status = 'succeeded'" "3|6|12"
    JOB_COMPLETION_INDEX=2 diner_run shop_orders --shard auto/3
    assert_status 0
    assert_sql "select shard from diner.run order by id desc limit 1" 2/3
    SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_COUNT=3 diner_run shop_orders --shard auto
    assert_sql "select shard from diner.run order by id desc limit 1" 1/3
    diner_run shop_orders --shard 3/3
    assert_status 2
    diner_run shop_orders --shard auto/3
    assert_status 2
}

# Shards of t.shop by t.area, whose shops have rows; alone: what is nobody's parent.
sharded() { # [MODE-OF-AREA]
    local mode=${1:-mode: merge, key: [area]}
    sql "create table t.source as select a as area, a || 's' || s as shop from generate_series(1, 2) a, generate_series(1, 4) s" >/dev/null
    pipeline sharded <<YAML
streams:
  area: { source: { connection: warehouse, query: "select distinct area::text from t.source" }, $mode, columns: { area: text } }
  shop:
    source:
      connection: warehouse
      query: "select area::text, shop, pg_sleep(0.1)::text as slow from t.source where area = \${item.area}::int"
      for_each: { stream: area, bind: { area: area } }
    mode: merge
    key: [shop]
    columns: { area: text, shop: text, slow: text }
  sales:
    source:
      connection: warehouse
      query: "select \${item.shop}::text as shop, n from generate_series(1, 10) n"
      for_each: { stream: shop, bind: { shop: shop } }
    mode: merge
    key: [shop, n]
    columns: { shop: text, n: int }
  alone: { source: { connection: warehouse, query: "select 1 as n" }, mode: append, columns: { n: int } }
YAML
}

@test "shards load what their children are from themselves: each, in any order" {
    sharded
    diner_run sharded --shard 1/2
    assert_status 0
    assert_sql "select (select count(*) from t.area), (select count(*) from t.shop)" "2|8"
    assert_sql "select to_regclass('t.alone') is null" t
    sql "insert into t.source select 3, 'new' || s from generate_series(1, 6) s" >/dev/null
    diner_run sharded --shard 1/2
    assert_status 0
    diner_run sharded --shard 0/2
    assert_status 0
    assert_sql "select count(*), count(distinct shop) from t.sales" "140|14"
    # What has no slices, and is not where children are from, is done once, by shard 0.
    assert_rows alone 1 n
    # The child alone: what it is from is not run.
    diner_run sharded --only sales --shard 1/2
    assert_status 0
    assert_json 'length == 1'
    diner_run sharded --only shop --shard 1/2
    assert_status 0
    assert_sql "select count(*) from diner.run_stream where stream = 'area'" 3
}

@test "shards that begin at one instant neither fail over what they share nor load it twice" {
    local part pids
    sharded
    for _ in 1 2 3; do
        sql "drop table if exists t.area, t.shop, t.sales, t.alone" >/dev/null 2>&1
        pids=()
        for part in 0 1 2; do
            { "$DINER" run sharded --shard $part/3 >out.$part 2>&1 3>&- && echo done >>out.$part; } &
            pids+=($!)
        done
        wait "${pids[@]}" || true
        for part in 0 1 2; do assert_equal "$(tail -n 1 out.$part)" done; done
        ! grep -H attempt out.? || fail "they were in each other's way"
        assert_sql "select (select count(*) from t.area), (select count(*) from t.shop),
            (select count(*) from t.sales), (select count(*) from t.alone)" "2|8|80|1"
    done
    # One by one: no two of them loaded it at once.
    assert_sql "select count(*) from diner.run_stream a join diner.run_stream b using (stream)
        where stream = 'shop' and a.run_id < b.run_id and a.started_at < b.finished_at and b.started_at < a.finished_at" 0
}

@test "a shard that waits for another stops when it is told to" {
    sharded
    psql -Xq -d "$(dev_dsn)" -c "select pg_advisory_lock(hashtextextended('diner:sharded:parent:shop', 0)), pg_sleep(60)" >/dev/null 2>&1 3>&- &
    holder=$!
    sleep 0.5
    "$DINER" --log-level info run sharded --shard 0/2 >out.0 2>&1 3>&- &
    pid=$!
    wait_for 10 grep -q "another shard loads the stream" out.0
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    kill "$holder" || true
    assert_status 143
}

@test "a shard does not append what its children are from once for each shard" {
    sharded "mode: append"
    diner_run sharded --shard 1/2
    assert_status 2
    assert_stderr_has "--shard: each shard would load stream 'area', where 'shop' has its children from, and its mode 'append' would add the rows each time"
    assert_stderr_has "hint: load it before, with --only area, then each shard with --only shop"
    assert_sql "select count(*) from diner.run" 0
    diner_run sharded --only area --shard 0/2
    assert_status 0
    for part in 0 1; do
        diner_run sharded --only shop --shard "$part/2"
        assert_status 0
    done
    assert_sql "select (select count(*) from t.area), (select count(*) from t.shop)" "2|8"
    diner_run sharded
    assert_status 0
}

@test "resume does what the run left behind, with its own options, and nothing twice" {
    shop_orders
    sed -i '/incremental:/d; s/params: .*/params: { from: "2026-11-01T00:00:00Z", to: "2026-12-01T00:00:00Z" }/' \
        pipelines/shop_orders.yaml
    put _fail '["S005"]'
    diner_run shop_orders
    assert_status 7
    first=$(psql -XAtq -d "$(dev_dsn)" -c "select max(id) from diner.run")
    put _fail '[]'
    run --separate-stderr "$DINER" runs resume "$first" -o json
    assert_status 0
    assert_json '[.[] | select(.stream == "shops")][0].status == "skipped"'
    assert_moved orders "100 100 0 0 0 0 0 0"
    assert_sql "select resumes from diner.run order by id desc limit 1" "$first"
    run --separate-stderr "$DINER" runs resume 999999
    assert_status 1
    run --separate-stderr "$DINER" runs resume "$((first + 1))"
    assert_status 2
    assert_stderr_has "there is nothing to resume"
}

@test "a killed run with workers leaves no one writing, and the next ends with the same rows" {
    shop_orders true '{ cursor: updated_at, start: 2026-11-01T00:00:00Z, window: 6h, lag: 1h }'
    diner_run shop_orders --only shops
    for _ in 1 2 3 4 5; do
        "$DINER" run shop_orders --jobs 3 >/dev/null 2>&1 &
        pid=$!
        sleep "0.$((RANDOM % 5 + 1))"
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for _ in $(seq 50); do
        diner_run shop_orders --jobs 3
        [ "$status" -ne 8 ] && break
        sleep 0.2
    done
    assert_status 0
    assert_equal "$(orders)" 600
    assert_sql "select count(*) from t.orders group by shop_id, order_no having count(*) > 1" ""
    ! pgrep -f "run shop_orders" || fail "a worker lives on"
}

@test "children and windows that would lose or mix rows are lint errors" {
    shop_orders
    sed -i 's/mode: merge/mode: replace/; s/from: \$shop/from: $shopp/' pipelines/shop_orders.yaml
    run --separate-stderr "$DINER" pipeline lint shop_orders
    assert_status 3
    assert_stdout_has "each child of 'for_each' would replace what the others loaded"
    assert_stdout_has "'\$shopp' is not bound by 'for_each'"
}

@test "workers share the rate of a connector between them" {
    shop_orders true '{ cursor: updated_at, start: 2026-11-01T00:00:00Z, window: 12h, lag: 1h }'
    sed -i 's/^retry:.*/&\nrate: 20\/s/' shops.yaml
    diner_run shop_orders --only shops
    started=$EPOCHREALTIME
    diner_run shop_orders --only orders --from 2026-11-01T00:00:00Z --to 2026-11-06T00:00:00Z --jobs 4
    assert_status 0
    took_ms=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
    # 60 requests, a burst of 20 less: two seconds at the least, however many ask.
    [ "$took_ms" -ge 1400 ] || fail "60 requests in $took_ms ms at 20/s"
}
