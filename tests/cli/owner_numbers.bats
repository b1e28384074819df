#!/usr/bin/env bats
# The numbers the operations stand on: each is a declared default that `config show --origin` prints.
load ../helper

setup_file() {
    file_dir
    cd "$FILE_DIR" || return 1
    "$DINER" config show --origin -o csv >"$FILE_DIR/settings.csv"
}
teardown_file() { file_dir_remove; }

is_default() { # SETTING VALUE
    run grep -c "^$1,\"\?$2\"\?,default\$" "$FILE_DIR/settings.csv"
    [ "$output" = 1 ] || fail "expected $1 to be $2 by default, got: $(grep "^$1," "$FILE_DIR/settings.csv")"
}

@test "access token 30 min, refresh token 24 h" {
    is_default token.access 30m
    is_default token.refresh 24h
}
@test "100 requests a minute and 1,000 an hour for a client; integration has its own, higher quota" {
    is_default rate.minute 100/m
    is_default rate.hour 1000/h
    is_default rate.integration_minute 6000/m
    is_default rate.integration_hour 200000/h
}
@test "5 s wait for a lock" { is_default database.lock_timeout 5s; }
@test "5 s for a call to another service" { is_default http.timeout 5s; }
@test "the breaker opens after 5 failures, half-open after 60 s" {
    is_default breaker.failures 5
    is_default breaker.open "\(60s\|1m\)"
}
@test "cache: hot data 300 s, stock 3,600 s under stock:42" {
    is_default cache.hot_ttl "\(300s\|5m\)"
    is_default cache.stock_ttl "\(3600s\|60m\|1h\)"
    is_default cache.stock_prefix stock
}
@test "events go to the topic exchange orders, under their type" {
    DINER_NOTIFY_RABBITMQ_URL=amqp://127.0.0.1 run --separate-stderr "$DINER" notify test rabbitmq --dry-run
    [[ ${stderr:-} != *"built without librabbitmq"* ]] || skip "built without librabbitmq"
    assert_stdout_has "exchange: orders"
    assert_stdout_has "routing key: notify.test"
}
@test "notifications are repeated 3 times, after 60 s" {
    is_default notify.retries 3
    is_default notify.retry_after "\(60s\|1m\)"
}
@test "unpaid orders are cancelled after 30 min, looked for every 10 min" {
    is_default orders.unpaid_after 30m
    is_default schedule.cancel_every 10m
}
@test "at most 50 database connections, a warning at 80 %" {
    is_default database.connections_max 50
    is_default database.connections_warn 80%
}
@test "pages of 20, at most 100" {
    is_default page.size 20
    is_default page.size_max 100
}
@test "targets: mean 200 ms, P95 500 ms, database 100 ms, errors 0.1 %, availability 99.9 %, 5,000 requests a second" {
    is_default perf.target_mean 200ms
    is_default perf.target_p95 500ms
    is_default perf.target_database 100ms
    is_default perf.target_error_rate 0.1%
    is_default perf.target_availability 99.9%
    is_default perf.target_rps 5000
}
@test "load profile: 12 threads, 400 connections, 30 s" {
    is_default perf.threads 12
    is_default perf.connections 400
    is_default perf.duration 30s
}
@test "nightly at 05:15, after the business day's cut-off at 04:00; bills at 10:30" {
    is_default schedule.nightly 05:15
    is_default business_day 04:00
    is_default schedule.bills 10:30
    is_default timezone Asia/Shanghai
}
@test "100 rejects or 0.1 % are borne; a replacing source may shrink by 20 %" {
    is_default rejects.max_rows 100
    is_default rejects.max_rate 0.1%
    is_default guard.max_shrink 20%
}
@test "each number can be configured, and its origin is told" {
    echo 'token: { access: 10m }' >"$FILE_DIR/diner.yaml"
    run --separate-stderr env DINER_PAGE_SIZE=33 "$DINER" --config "$FILE_DIR/diner.yaml" \
        config show --origin -o json token.access page.size
    assert_status 0
    assert_stderr_is ""
    assert_json '.[] | select(.setting == "token.access") | .value == "10m" and (.origin | endswith("diner.yaml:1:18"))'
    assert_json '.[] | select(.setting == "page.size") | .value == "33" and .origin == "env DINER_PAGE_SIZE"'
    rm "$FILE_DIR/diner.yaml"
}
@test "users' passwords are bcrypt" {
    dev_start --orders 0
    run --separate-stderr sql "SELECT count(*) FROM app.users
        WHERE password_hash LIKE '\$2b\$%' AND length(password_hash) = 60"
    "$DINER" dev down 3>&-
    assert_status 0
    assert_stdout_is 5
}
