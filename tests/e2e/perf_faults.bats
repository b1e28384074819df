#!/usr/bin/env bats
# Every fault of the faulty restaurant API is found with its cause and cure, nothing is reported on
# the healthy twins, and the advised index does what was promised.
# shellcheck disable=SC2154 # `run` sets stderr
load ../helper

setup_file() {
    file_dir
    # shellcheck source=tests/perf/faulty.bash
    source "$PROJECT/tests/perf/faulty.bash"
    faulty_start "$FILE_DIR" && faulty_pool "$FILE_DIR"
}

teardown_file() {
    source "$PROJECT/tests/perf/faulty.bash"
    faulty_stop "$FILE_DIR"
    file_dir_remove
}

setup() {
    source "$PROJECT/tests/perf/faulty.bash"
    cd "$BATS_TEST_TMPDIR" || return 1
}

head_of() { # FILE [URL DSN]
    cat >"$1" <<YAML
version: 1
target: ${2:-$FAULTY_URL}
database: "${3:-$PG_DSN}"
methods: [POST]
attribute: { requests: 30, background: 100ms }
load: { connections: 8, rounds: 2, duration: 400ms, warmup: 0s }
parameters:
  store: { sql: "select id from shop.stores order by id limit 50" }
YAML
}

# Where the application waits only its own load shows it; the others are counted.
endpoints_of() { # SIDE: faulty, healthy
    local pages=''
    if [ "$1" = healthy ]; then pages=', size_parameter: page_size'; fi
    cat <<YAML
endpoints:
  - "/$1/missing_index?store={store}"
  - { path: /$1/n_plus_one, size_parameter: page_size }
  - { path: /$1/no_limit$pages }
  - { path: /$1/deep_offset, size_parameter: page_size, page_parameter: page, deep_offset: 50000 }
  - "/$1/slept?store={store}"
  - { path: /$1/chatty, method: POST }
  - /$1/hot
YAML
}

measure() { # NAME [DSN]
    "$DINER" perf-report load --config "$1.yaml" --out-file "$1.json" -q &&
        "$DINER" perf-report attribute --config "$1.yaml" --study "$1.json" --out-file "$1.json" -q &&
        "$DINER" perf-report diagnose "$1.json" --db "${2:-$PG_DSN}" --target-p95 70ms --out-file "$1.json" -q
}

measure_all() {
    for side in faulty healthy; do
        head_of $side.yaml
        endpoints_of $side >>$side.yaml
        measure $side
    done
    # A pool that is too small shows where more connections bring no more answers.
    head_of faulty_pool.yaml "$POOL_URL" "$POOL_DSN"
    head_of healthy_pool.yaml
    for side in faulty healthy; do
        cat >>${side}_pool.yaml <<YAML
capacity: { connections_max: 8, step: 600ms }
endpoints: ["/$side/pool?store={store}"]
YAML
    done
    measure faulty_pool "$POOL_DSN"
    measure healthy_pool
}
judge_all() {
    python3 "$PROJECT/tests/perf/precision.py" faulty.json faulty_pool.json healthy.json healthy_pool.json
}

@test "every fault is found, nothing is reported on the twins" {
    measure_all
    # These are measurements: what else the machine does may spoil one, not two.
    if ! judge_all; then measure_all; fi
    run judge_all
    echo "$output" >&3
    assert_status 0
    # The cure of each: an index, a rewrite, or words.
    jq -e '.findings | all((.cure_en | length) > 20 and (.cure_zh | length) > 5 and (.evidence | length) > 0)' faulty.json
    jq -e '[.findings[] | select(.kind == "missing_index")] | length == 1 and (.[0]
        | .proof == "planner" and (.apply_sql | test("(?i)create index concurrently.*orders_plain.*store_id.*created_at")) and
          (.undo_sql | test("(?i)drop index")) and .cost_after < .cost_before / 2)' faulty.json
    jq -e '[.findings[] | select(.kind == "n_plus_one")] | length == 1 and .[0].proof == "confirmed" and
        (.[0].sql | test("shop.items"))' faulty.json
    jq -e '[.findings[] | select(.kind == "deep_offset")] | .[0].proof == "confirmed"' faulty.json
}

@test "the advised index brings the promised plan, and the comparison shows it" {
    head_of before.yaml
    echo 'endpoints: ["/faulty/missing_index?store={store}"]' >>before.yaml
    measure before
    jq -r '.findings[] | select(.kind == "missing_index") | .apply_sql' before.json >apply.sql
    pg_psql -f apply.sql
    pg_psql -c 'analyze shop.orders_plain'
    pg_psql -c "explain select id, created_at, total from shop.orders_plain where store_id = 7 order by created_at desc limit 20" >plan
    grep -q 'Index Scan using' plan
    sed 's/^/# /' plan >&3
    cp before.yaml after.yaml
    measure after
    jq -e '[.findings[] | select(.kind == "missing_index")] | length == 0' after.json
    run --separate-stderr "$DINER" perf-report compare before.json after.json -o json
    assert_status 0
    assert_json 'map(select(.figure == "db.buffers_per_req" and .endpoint != "(whole)"))[0]
        | .verdict == "improved" and .after * 5 < .before'
    jq -r '.findings[0].undo_sql' before.json >undo.sql
    pg_psql -f undo.sql
}
