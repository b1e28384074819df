#!/usr/bin/env bats
# diner dev: up, mended after kills, seeded, gone without a trace.
load ../helper

setup_file() { dev_start --orders 200 --seed 5 --as-of '2026-11-21 23:30:00+08'; }
teardown_file() { dev_stop; }

@test "up: both run, nothing listens but loopback and a socket" {
    run --separate-stderr "$DINER" dev status -o json
    assert_status 0
    assert_json '.[0].part == "postgresql" and .[0].state == "running"'
    assert_json '.[1].part == "platform" and .[1].state == "ready"'
    assert_stderr_is ""
    run --separate-stderr curl -s -m 5 "$(dev_url)/ready"
    assert_status 0
    assert_sql "SHOW listen_addresses" ""
    assert_sql "SHOW fsync" "on"
}

@test "up twice is quick and says so" {
    before=$(dev_postgres_pid)-$(dev_platform_pid)
    start=$EPOCHREALTIME
    run --separate-stderr "$DINER" dev up
    took_ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    assert_status 0
    assert_stdout_has "diner dev env"
    assert_stderr_has "already up"
    assert_equal "$(dev_postgres_pid)-$(dev_platform_pid)" "$before"
    [ "$took_ms" -lt 3000 ] || fail "took $took_ms ms"
}

@test "the configuration is private, its passwords more so" {
    assert_equal "$(stat -c %a "$DINER_CONFIG")" 600
    assert_equal "$(stat -c %a "$DINER_DEV_DIR/secrets")" 700
    assert_equal "$(stat -c %a "$DINER_DEV_DIR/secrets/admin")" 600
    run grep -F "$(cat "$DINER_DEV_DIR/secrets/integration")" "$DINER_CONFIG"
    [ "$status" -eq 1 ]
}

@test "env prints what a shell needs" {
    run --separate-stderr env ERP_STOCK_FILE='/before/erp/stock_*.csv' "$DINER" dev env
    assert_status 0
    assert_stdout_is "export DINER_CONFIG=$DINER_DEV_DIR/diner.yaml
export DINER_DEV_DIR=$DINER_DEV_DIR
export ERP_STOCK_FILE='$DINER_DEV_DIR/erp/stock_*.csv'"
    assert_stderr_is ""
    run --separate-stderr env ERP_STOCK_FILE=/mine.csv "$DINER" dev env
    assert_status 0
    [[ $output != *ERP_STOCK_FILE* ]] || fail "$output"
}

@test "the socket lets in nobody but the user who made it" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to be somebody else"
    run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
        psql -X -d "$(dev_dsn)" -c 'select 1'
    [ "$status" -ne 0 ]
}

@test "a killed platform comes back on the same port, with the data" {
    url=$(dev_url)
    kill -KILL "$(dev_platform_pid)"
    run --separate-stderr "$DINER" dev status
    assert_status 9
    assert_stdout_has stopped
    assert_stderr_has "dev up"
    run --separate-stderr "$DINER" dev up
    assert_status 0
    assert_stderr_has "up in"
    assert_equal "$(dev_url)" "$url"
    assert_sql "SELECT count(*) FROM app.orders" 200
}

@test "a killed PostgreSQL comes back with every committed row" {
    sql "CREATE TABLE public.survivor AS SELECT 42 AS n"
    kill -KILL "$(dev_postgres_pid)"
    run --separate-stderr "$DINER" dev up
    assert_status 0
    assert_sql "SELECT n FROM public.survivor" 42
    sql "DROP TABLE public.survivor"
    wait_for 10 curl -sf -m 2 "$(dev_url)/ready"
}

@test "both killed, a foreign process under the old pid: up heals, the stranger lives" {
    kill -KILL "$(dev_platform_pid)" "$(dev_postgres_pid)"
    sleep 300 3>&- &
    stranger=$!
    echo "$stranger" >"$DINER_DEV_DIR/serve.pid"
    run --separate-stderr "$DINER" dev up
    assert_status 0
    kill -0 "$stranger"
    kill "$stranger"
    run --separate-stderr "$DINER" dev status
    assert_status 0
}

@test "psql hands over its arguments and its exit status" {
    run --separate-stderr "$DINER" dev psql -- -Atc 'SELECT count(*) FROM app.stores'
    assert_status 0
    assert_stdout_is 3
    assert_stderr_is ""
    run --separate-stderr "$DINER" dev psql -- -Atc 'SELECT nonsense'
    assert_status 1
    assert_stderr_has nonsense
}

@test "seed: every state, all stores, stock that adds up" {
    assert_sql "SELECT count(DISTINCT status) FROM app.orders" 5
    assert_sql "SELECT string_agg(DISTINCT payment_status, ' ' ORDER BY payment_status) FROM app.orders" \
        "paid partially_refunded refunded unpaid"
    assert_sql "SELECT string_agg(DISTINCT channel, ' ' ORDER BY channel) FROM app.orders" \
        "delivery dine_in takeout"
    assert_sql "SELECT string_agg(code || name, ' ' ORDER BY code) FROM app.stores" \
        "S001人民广场店 S002徐家汇店 S003陆家嘴店"
    assert_sql "SELECT count(*) FROM app.products WHERE material_code IS NOT NULL" 20
    assert_sql "SELECT count(*) FROM app.stock t WHERE qty <> (SELECT sum(quantity) FROM app.stock_log l
        WHERE (l.store_id, l.product_id) = (t.store_id, t.product_id))" 0
    assert_sql "SELECT count(*) FROM app.stock_log WHERE stock_after < 0" 0
    assert_sql "SELECT count(*) FROM app.orders o WHERE gross_amount <>
        (SELECT sum(amount) FROM app.order_items i WHERE i.order_id = o.id)" 0
    assert_sql "SELECT count(*) FROM app.orders WHERE updated_at > '2026-11-21 23:30:00+08'" 0
    assert_sql "SELECT count(*) FROM app.orders o WHERE status <> (SELECT to_status
        FROM app.order_status_history h WHERE h.order_id = o.id ORDER BY id DESC LIMIT 1)" 0
    assert_sql "SELECT count(*) FROM app.stock_log l JOIN app.orders o ON o.id = l.order_id
        WHERE (l.change_type = 'restore') AND o.status <> 'cancelled'" 0
    # Foreign keys are not checked row by row while seeding: every reference must hold all the same.
    assert_sql "SELECT count(*) FROM app.stock_log l LEFT JOIN app.orders o ON o.id = l.order_id
        WHERE l.order_id IS NOT NULL AND o.id IS NULL" 0
}

fingerprint() {
    sql "SELECT md5(string_agg(t::text, E'\n' ORDER BY order_no)) FROM
        (SELECT order_no, status, total_amount, member_ref, created_at, updated_at FROM app.orders) t"
    sql "SELECT md5(string_agg(t::text, E'\n' ORDER BY store_id, product_id)) FROM
        (SELECT store_id, product_id, qty, updated_at FROM app.stock) t"
    sql "SELECT count(*) FROM app.stock_log"
}

@test "seed: again changes nothing" {
    before=$(fingerprint)
    run --separate-stderr "$DINER" dev seed --orders 200 --seed 5
    assert_status 0
    assert_stderr_has "0 orders added"
    assert_stdout_is ""
    assert_equal "$(fingerprint)" "$before"
}

@test "seed: the same seed gives the same data in another environment" {
    before=$(fingerprint)
    other=$FILE_DIR/other
    "$DINER" dev up --dir "$other" 3>&-
    "$DINER" dev seed --dir "$other" --orders 200 --seed 5 --as-of '2026-11-21 23:30:00+08' 3>&-
    after=$(DINER_DEV_DIR=$other fingerprint)
    "$DINER" dev down --dir "$other" 3>&-
    refute_exists "$other"
    assert_equal "$after" "$before"
    # And what it was when the database drew it, with hashint8extended.
    assert_equal "$(head -n 1 <<<"$after")" 734e28765f72247ac21c3035abda3515
}

indexes() { sql "SELECT pg_get_indexdef(indexrelid) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    WHERE c.relnamespace = 'app'::regnamespace ORDER BY 1"; }

@test "seed: many orders are written before their indexes, which are those of the migrations again" {
    other=$FILE_DIR/many
    "$DINER" dev up --dir "$other" 3>&-
    "$DINER" dev seed --dir "$other" --orders 10000 --seed 5 3>&-
    after=$(DINER_DEV_DIR=$other indexes)
    constraints=$(DINER_DEV_DIR=$other sql "SELECT count(*) FROM pg_constraint WHERE contype = 'u'")
    "$DINER" dev down --dir "$other" 3>&-
    assert_equal "$after" "$(indexes)"
    assert_sql "SELECT count(*) FROM pg_constraint WHERE contype = 'u'" "$constraints"
}

@test "seed: more orders are added to those there, and are new to who reads by updated_at" {
    before=$(sql "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM app.orders t")
    newest=$(sql "SELECT max(updated_at) FROM app.orders")
    run --separate-stderr "$DINER" dev seed --orders 250 --seed 5 --as-of '2026-11-21 23:30:00+08'
    assert_status 0
    assert_stderr_has "50 orders added"
    assert_sql "SELECT count(*) FROM app.orders WHERE updated_at > '$newest'" 50
    assert_sql "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM app.orders t
        WHERE updated_at <= '$newest'" "$before"
    assert_sql "SELECT count(*) FROM app.stock t WHERE qty <> (SELECT sum(quantity) FROM app.stock_log l
        WHERE (l.store_id, l.product_id) = (t.store_id, t.product_id))" 0
}

@test "seed: wrong numbers are refused, with what is allowed" {
    run --separate-stderr "$DINER" dev seed --stores 0
    assert_status 2
    assert_stderr_has stores
    assert_stdout_is ""
    run --separate-stderr "$DINER" dev seed --as-of sometime
    assert_status 2
    assert_stderr_has "'sometime' is not an instant"
}

@test "commands of a directory without an environment say what to do" {
    for verb in status env psql seed; do
        run --separate-stderr "$DINER" dev "$verb" --dir "$BATS_TEST_TMPDIR/none"
        assert_status 1
        assert_stdout_is ""
        assert_stderr_has "there is no development environment"
        assert_stderr_has "diner dev up"
    done
    run --separate-stderr "$DINER" dev down --dir "$BATS_TEST_TMPDIR/none"
    assert_status 0
    assert_stderr_has "nothing was up"
}

@test "down refuses a directory that is not ours, up one with other people's files" {
    mkdir "$BATS_TEST_TMPDIR/precious"
    echo keep >"$BATS_TEST_TMPDIR/precious/file"
    run --separate-stderr "$DINER" dev down --dir "$BATS_TEST_TMPDIR/precious"
    assert_status 3
    assert_file "$BATS_TEST_TMPDIR/precious/file"
    touch "$BATS_TEST_TMPDIR/precious/diner.yaml"
    run --separate-stderr "$DINER" dev up --dir "$BATS_TEST_TMPDIR/precious"
    assert_status 3
    assert_stderr_has "did not make"
    ln -s "$DINER_DEV_DIR" "$BATS_TEST_TMPDIR/link"
    run --separate-stderr "$DINER" dev up --dir "$BATS_TEST_TMPDIR/link"
    assert_status 3
    assert_stderr_has "is not a directory that only this user can write to"
}

@test "up: a path too long for a socket, a path that needs quoting" {
    run --separate-stderr "$DINER" dev up --dir "$FILE_DIR/$(printf 'x%.0s' {1..90})"
    assert_status 2
    assert_stderr_has "too long for a unix socket"
    run --separate-stderr "$DINER" dev up --dir "$FILE_DIR/with space"
    assert_status 2
    assert_stderr_has "letters, digits"
}

@test "no terminal, no HOME, bare PATH: up and down work, nothing is left" {
    dir=$FILE_DIR/cron
    run --separate-stderr env -i PATH=/usr/bin:/bin LANG=C setsid --wait "$DINER" dev up --dir "$dir"
    assert_status 0
    pids="$(head -n 1 "$dir/pg/data/postmaster.pid") $(cat "$dir/serve.pid")"
    for pid in $pids; do is_alive "$pid"; done
    run --separate-stderr env -i PATH=/usr/bin:/bin LANG=C setsid --wait "$DINER" dev down --dir "$dir"
    assert_status 0
    assert_stdout_is ""
    refute_exists "$dir"
    for pid in $pids; do
        run is_alive "$pid"
        [ "$status" -ne 0 ]
    done
}
