#!/usr/bin/env bats
# What users of other tools lost rows, nights and nerves by, each under the thread it was told in.
#
# Elsewhere, under the same names: dlt #2586, #2816, #1915, iceberg-go #1484 and airbyte #66592 (paginations) in ../cli/api.bats;
# bruin #2181 (an empty window) in ../cli/modes.bats; airbyte #33862 (counts of the source) in ../cli/reconcile.bats;
# connect #4666 (a commit that landed and looked as if it had not) in kill_steps.bats.
# Not ours: debezium PR #1082, #3970, risingwave #16697, wal2json #46, #272, airbyte #20873 (change data capture),
# airbyte #85355 (pods of a control plane), pgcopydb #742, #990 (copies of a whole cluster), embulk #736 (a resume file).
# shellcheck disable=SC2016,SC2154
load ../helper
load ../cli/pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    export DINER_CONNECTOR_PATH=$PWD
}
teardown() { [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true; }

# A scripted server and a connector `api` to it, whose resource is /l.
api() { # JSON OF THE SCRIPT, FURTHER KEYS OF THE RESOURCE
    "$PROJECT/tests/http_server.py" >port 3>&- &
    server=$!
    wait_for 10 test -s port
    url=http://127.0.0.1:$(cat port)
    curl -sf -X PUT "$url/_script" -d "$1" >/dev/null
    cat >api.yaml <<YAML
version: 1
name: api
base_url: $url
retry: { max: 2, base: 10ms, cap: 20ms }
resources:
  l: { path: /l, records: /items${2:-} }
YAML
}
loading() { # MODE COLUMNS [KEYS OF THE STREAM]
    pipeline loading <<YAML
streams:
  s:
    source: { connector: api, resource: l }
    mode: $1
    columns: { $2 }
    ${3:-}
YAML
}
from_file() { # MODE COLUMNS [KEYS OF THE STREAM]
    pipeline loading <<YAML
streams:
  s:
    source: { file: ../in.csv }
    mode: $1
    columns: { $2 }
    ${3:-}
YAML
}
asked() { curl -s "$url/_log" | jq length; }
ids() { psql -XAtq -d "$(dev_dsn)" -c "select string_agg(id::text, ',' order by id) from t.s"; }

# ---- silent loss ---------------------------------------------------------------------------------

@test "airbyte #13312, #73715: a source that fails leaves the target of a replace as it was" {
    api '{"/l": [{"json": {"items": [{"id": 1}, {"id": 2}]}}, {"status": 500}]}'
    loading replace "id: int" "key: [id]"
    diner_run loading
    assert_status 0
    diner_run loading
    assert_status 5
    assert_equal "$(ids)" 1,2
}

@test "airbyte #13312, getdango/dango #334: an empty answer does not empty the target of a replace" {
    api '{"/l": [{"json": {"items": [{"id": 1}, {"id": 2}]}}, {"json": {"items": []}}]}'
    loading replace "id: int" "key: [id]"
    diner_run loading
    diner_run loading
    assert_status 9
    assert_stderr_has "guard"
    assert_equal "$(ids)" 1,2
}

@test "airbyte #32914: a timeout is a failure, not a success of 0 records" {
    api '{"/l": [{"delay_ms": 3000, "json": {"items": []}}]}'
    sed -i 's/^retry:.*/retry: { max: 0 }\ntimeout: 300ms/' api.yaml
    loading replace "id: int" "key: [id]"
    diner_run loading
    assert_status 5
    assert_stderr_has "timed out"
}

@test "airbyte #14732, sling #36: rows at the very cursor are neither missed nor doubled" {
    sql "create table t.src (id int primary key, at timestamptz);
         insert into t.src values (1, '2026-11-01T00:00:00Z'), (2, '2026-11-01T00:00:05Z')"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select id, at from t.src where at >= ${window.start}::timestamptz" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 0s }
    mode: merge
    key: [id]
YAML
    diner_run loading
    sql "insert into t.src values (3, '2026-11-01T00:00:05Z')" # the same second, later
    diner_run loading
    assert_status 0
    assert_moved s "2 1 0 1 0 0 0 0"
    assert_equal "$(ids)" 1,2,3
}

@test "airbyte #85918: a row committed while others are read comes with the lag of the next run" {
    sql "create table t.src (id int primary key, at timestamptz default now());
         insert into t.src values (1, now() - interval '1 minute')"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select id, at from t.src where at >= ${window.start}::timestamptz" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 5m }
    mode: merge
    key: [id]
YAML
    # Its clock is read before the first run, its commit comes after.
    psql -Xq -d "$(dev_dsn)" -c "begin; insert into t.src values (2); select pg_sleep(1.5); insert into t.src values (3); commit" >/dev/null &
    writer=$!
    sleep 0.5
    sql "insert into t.src values (4)"
    diner_run loading
    wait "$writer"
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1,2,3,4
}

@test "airbyte #80152, #10782: rows written while a run begins, and those a follower shows late, come with the lag" {
    sql "create table t.src (id int primary key, at timestamptz); insert into t.src values (1, now() - interval '1 hour')"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, table: t.src }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 30m }
    mode: merge
    key: [id]
YAML
    diner_run loading
    # 2: stamped as the run began, visible after it; 3: older than the newest one read, shown late
    sql "insert into t.src values (2, (select started_at from diner.run order by id desc limit 1)),
         (3, now() - interval '80 min')"
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1,2,3
}

@test "airbyte #21500, #39105: rows that move between the pages of a listing are not lost" {
    # By id, not by place: what is deleted behind the reader moves nothing.
    api '{"/l": [{"json": {"items": [{"id": 1}, {"id": 2}]}}, {"json": {"items": [{"id": 3}, {"id": 4}]}},
                 {"json": {"items": []}}]}' \
        ', paginate: { type: last_id, param: after, size_param: size, size: 2, from: /id }'
    loading merge "id: int" "key: [id]"
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1,2,3,4
    output=$(curl -s "$url/_log")
    assert_json 'map(.query.after) == [null, "2", "4"]'
}

@test "sling #380: a row without a cursor is loaded or refused, never left out in silence" {
    sql "create table t.src (id int primary key, at timestamptz);
         insert into t.src values (1, '2026-11-01Z'), (2, null)"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, table: t.src }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z }
    mode: merge
    key: [id]
    on_error: { max_rejects: 10, max_reject_rate: 100% }
YAML
    diner_run loading
    assert_status 0
    loaded=$(psql -XAtq -d "$(dev_dsn)" -c "select count(*) from t.s")
    refused=$(psql -XAtq -d "$(dev_dsn)" -c "select count(*) from diner.reject")
    assert_equal "$((loaded + refused))" 2
}

@test "dlt #1980, embulk #279, pgloader #855, malon64/floe #264: a row that is left out is kept with its reason, and can be loaded later" {
    printf '%s\n' id,qty 1,1 2,two 3,3 >in.csv
    from_file merge "id: int, qty: int" "key: [id]
    on_error: { max_rejects: 1, max_reject_rate: 100% }"
    diner_run loading
    assert_status 0
    run "$DINER" rejects list -o json
    assert_json '.[0] | .line == 3 and .column == "qty" and .value == "two" and .reason == "not a number"'
    from_file merge "id: int, qty: { type: int, null: [two] }" "key: [id]"
    run --separate-stderr "$DINER" rejects replay loading -o json
    assert_status 0
    assert_equal "$(ids)" 1,2,3
}

@test "sling #256, csv2db #43: how many bad rows are too many is declared, and then nothing is loaded" {
    printf '%s\n' id 1 x y 4 >in.csv
    from_file append "id: int" "on_error: { max_rejects: 1, max_reject_rate: 100% }"
    diner_run loading
    assert_status 1
    assert_stderr_has "2 rows rejected, max_rejects is 1"
    assert_sql "select to_regclass('t.s') is null" t
}

# ---- duplicates and state ------------------------------------------------------------------------

@test "dlt #4052, #2837: rows and state are one transaction; a run again appends nothing twice" {
    printf '%s\n' id 1 2 >in.csv
    from_file append "id: int"
    sql "create function t.refuse() returns trigger language plpgsql as 'begin raise exception ''no state''; end';
         create trigger refuse before insert on diner.state for each row execute function t.refuse()"
    diner_run loading
    [ "$status" -ne 0 ] || fail "the state could not be written, and the run succeeded"
    assert_sql "select to_regclass('t.s') is null" t
    sql "drop trigger refuse on diner.state"
    diner_run loading
    diner_run loading
    assert_equal "$(ids)" 1,2
}

@test "connect #4584, #4687, #4689: no cursor moves before its rows are committed" {
    sql "create function t.late() returns trigger language plpgsql as 'begin raise exception ''not today''; end'"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select 1 as id, timestamptz '2026-11-01Z' as at" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z }
    mode: merge
    key: [id]
YAML
    sql "create table t.s (id int primary key, at timestamptz);
         create constraint trigger late after insert on t.s initially deferred for each row execute function t.late()"
    diner_run loading # refused at the very COMMIT
    [ "$status" -ne 0 ] || fail "a refused COMMIT was a success"
    assert_stderr_has "not today"
    assert_sql "select count(*) from diner.state where name = 'cursor'" 0
    sql "drop trigger late on t.s"
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1
    assert_sql "select count(*) from diner.state where name = 'cursor'" 1
}

@test "connect #4644: a cursor is compared as what it is, not as text in some collation" {
    sql "create table t.src (id int, at timestamptz); insert into t.src values (9, '2026-11-01Z')"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, table: t.src }
    incremental: { cursor: id, start: 0, lag: 0 }
    mode: merge
    key: [id]
YAML
    diner_run loading
    sql "insert into t.src values (10, '2026-11-02Z')"
    diner_run loading
    assert_status 0
    assert_sql "select value from diner.state where name = 'cursor'" 10 # as text 9 is more
}

@test "pgcopydb #33, #698, #659: a run that stopped is gone on with: what is done is not done again" {
    api '{"/l": [{"status": 500}, {"json": {"items": [{"id": 7}]}}]}'
    sed -i 's/^retry:.*/retry: { max: 0 }/' api.yaml
    sql "create table t.src as select generate_series(1, 3) as id"
    pipeline loading <<'YAML'
streams:
  done: { source: { connection: warehouse, table: t.src }, mode: append }
  s: { source: { connector: api, resource: l }, mode: append, columns: { id: int } }
YAML
    diner_run loading
    assert_status 5
    run --separate-stderr "$DINER" runs resume 1 -o json
    assert_status 0
    assert_equal "$(ids)" 7
    assert_sql "select count(*) from t.done" 3
}

@test "meltano #8033, #8316: one stream's run leaves the cursors of the others alone" {
    sql "create table t.src as select 1 as id, '2026-11-01Z'::timestamptz as at"
    pipeline loading <<'YAML'
defaults: { source: { connection: warehouse, table: t.src }, target: { connection: warehouse, schema: t } }
streams:
  a: { source: {}, mode: merge, key: [id], incremental: { cursor: at, start: 2026-01-01T00:00:00Z } }
  b: { source: {}, mode: merge, key: [id], incremental: { cursor: at, start: 2026-01-01T00:00:00Z } }
YAML
    sed -i '3d' pipelines/loading.yaml
    diner_run loading
    assert_status 0
    before=$(psql -XAtq -d "$(dev_dsn)" -c "select value, updated_at from diner.state where stream = 'b'")
    sql "update t.src set at = '2026-11-02Z'"
    diner_run loading --only a
    assert_sql "select value, updated_at from diner.state where stream = 'b'" "$before"
    assert_sql "select count(*) from diner.state where name = 'cursor'" 2
}

@test "meltano #6776: state set takes no garbage" {
    sql "create table t.src as select 1 as id, '2026-11-01Z'::timestamptz as at"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, table: t.src }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z }
    mode: merge
    key: [id]
YAML
    diner_run loading
    run --separate-stderr "$DINER" state rewind loading s --to garbage
    [ "$status" -ne 0 ] || fail "garbage was taken"
    run --separate-stderr "$DINER" state rewind loading no_such --to 2026-01-01
    [ "$status" -ne 0 ] || fail "a stream that is not there was taken"
}

@test "connect #4602: two pipelines with a stream of one name keep their own state" {
    sql "create table t.src as select 1 as id, '2026-11-01Z'::timestamptz as at"
    for name in one two; do
        pipeline $name <<'YAML'
streams:
  s:
    source: { connection: warehouse, table: t.src }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z }
    mode: merge
    key: [id]
YAML
    done
    diner_run one
    assert_sql "select count(*) from diner.state where pipeline = 'two'" 0
    diner_run two
    assert_sql "select string_agg(pipeline, ',' order by pipeline) from diner.state where name = 'cursor'" one,two
}

# ---- types, time, encoding -----------------------------------------------------------------------

@test "csvkit #977, frictionless #1285, sling #385, bilig #28: leading zeros stay, the first row's too" {
    printf '%s\n' id,code 1,0012 2,007 '3, 5' >in.csv
    from_file append "id: int, code: text"
    diner_run loading
    assert_sql "select string_agg(code, '|' order by id) from t.s" "0012|007| 5"
    run "$DINER" pipeline guess in.csv
    assert_stdout_matches 'code: *("?text|\{ *type: "?text)'
}

@test "dlt #3917: 34.7 is 34.7; wal2json #143: an id beyond 2^53 keeps its digits" {
    api '{"/l": [{"body": "{\"items\": [{\"id\": 9007199254740993, \"amount\": 34.7}, {\"id\": 12345678901234567890, \"amount\": 1e2}]}"}]}'
    loading append 'id: "numeric(30,0)", amount: "numeric(12,2)"' "on_error: { max_rejects: 5, max_reject_rate: 100% }"
    diner_run loading
    assert_status 0
    assert_sql "select id || ' ' || amount from t.s where amount = 34.7" "9007199254740993 34.70"
    assert_sql "select count(*) from t.s where id = 12345678901234567890" 1
}

@test "dlt #1020, #2169, #3735, olake #875: a time without a zone into timestamptz is refused until one is declared" {
    printf '%s\n' id,at '1,2026-11-21 08:00:00' >in.csv
    from_file append 'id: int, at: { type: timestamptz, format: "%Y-%m-%d %H:%M:%S" }'
    run --separate-stderr "$DINER" pipeline lint loading
    assert_status 3
    assert_stdout_has "none of its formats states a zone"
    from_file append 'id: int, at: { type: timestamptz, format: "%Y-%m-%d %H:%M:%S", timezone: Asia/Shanghai }'
    diner_run loading
    assert_sql "select at at time zone 'UTC' from t.s" "2026-11-21 00:00:00"
}

@test "connect #4583: a zone that this machine lacks is an error, never UTC" {
    printf '%s\n' id,at '1,2026-11-21 08:00:00' >in.csv
    from_file append 'id: int, at: { type: timestamptz, format: "%Y-%m-%d %H:%M:%S", timezone: Asia/Nowhere }'
    diner_run loading
    assert_status 3
    assert_stderr_has "unknown time zone 'Asia/Nowhere'"
}

@test "airbyte #9915: the digits of a cursor are not rounded up past a row" {
    sql "create table t.src (id int primary key, at timestamptz);
         insert into t.src values (1, '2026-11-01T00:00:00.123456Z')"
    pipeline loading <<'YAML'
streams:
  s:
    source: { connection: warehouse, query: "select id, at from t.src where at >= ${window.start}::timestamptz" }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, lag: 0s }
    mode: merge
    key: [id]
YAML
    diner_run loading
    assert_sql "select value from diner.state where name = 'cursor'" 2026-11-01T00:00:00.123456Z
    diner_run loading
    assert_moved s "1 0 0 1 0 0 0 0"
}

@test "sling #710, pgloader #234: a NUL byte costs its row, and is told with its place" {
    printf 'id,name\n1,a\n2,b\0c\n3,d\n' >in.csv
    from_file append "id: int, name: text" "on_error: { max_rejects: 5, max_reject_rate: 100% }"
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1,3
    run "$DINER" rejects list -o json
    assert_json '.[0] | .line == 3 and (.reason | test("NUL"))'
}

@test "pgloader #16, #327, #741, #994, airbyte #11721, #21406, #16693, sling #351, #526, #312: a load takes no memory of its size" {
    from_file append "id: int, pad: text" "on_error: { max_rejects: 100000 }"
    seq -f '%.0f,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' 1 1000000 |
        sed '1i id,pad' >in.csv # 107 MB
    run --separate-stderr python3 - "$DINER" <<'PY'
import json, resource, subprocess, sys
rows = json.loads(subprocess.run([sys.argv[1], "-q", "run", "loading", "-o", "json"], check=True, stdout=subprocess.PIPE).stdout)
print(json.dumps({"inserted": rows[0]["inserted"], "kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
PY
    assert_status 0
    assert_json '.inserted == 1000000'
    # What the sanitizers need of memory has no such bound.
    grep -q __asan_init "$DINER" || assert_json '.kb < 49152'
}

@test "sling #13, uchardet #31, physionet #2063, charset_normalizer #365, file-viewer PR 124, tidb PR 27311: GB18030 is told from UTF-8, and a | in a character is none" {
    # The second byte of that character is the pipe (D3 7C).
    { printf 'id|name\n1|'; printf '\323\174'; printf '\n2|'; printf '辣子' | iconv -t GB18030; printf '\n'; } >in.csv
    from_file append "id: int, name: text"
    sed -i 's/file: ..\/in.csv/file: ..\/in.csv, delimiter: "|"/' pipelines/loading.yaml
    diner_run loading
    assert_status 0
    assert_equal "$(ids)" 1,2
    assert_sql "select name from t.s where id = 2" 辣子
    assert_sql "select char_length(name) from t.s where id = 1" 1
    # UTF-8 whose every byte is GB18030 as well.
    printf 'id|name\n3|辣子\n' >in.csv
    iconv -f GB18030 in.csv >/dev/null
    sed -i 's/file: ..\/in.csv/file: ..\/in.csv, changed: ignore/' pipelines/loading.yaml
    diner_run loading
    assert_sql "select name from t.s where id = 3" 辣子
}

@test "connect #4666: text that looks like a number is none" {
    loading append "id: int" "schema: { undeclared: evolve }"
    api '{"/l": [{"body": "{\"items\": [{\"id\": 1, \"code\": \"42\", \"n\": 42}, {\"id\": 2, \"code\": \"0042\", \"n\": 4.20}]}"}]}'
    diner_run loading
    assert_status 0
    assert_sql "select string_agg(code || ' ' || n || ' ' || pg_typeof(code) || ' ' || pg_typeof(n), ', ' order by id) from t.s" \
        "42 42 text numeric, 0042 4.20 text numeric"
    printf '%s\n' '{"code": "42"}' '{"code": "43"}' >in.jsonl
    run "$DINER" pipeline guess in.jsonl
    assert_stdout_matches 'code: *("?text|\{ *type: "?text)'
}

@test "sling-python #15: every row is decoded, not the first alone; LazyLLM PR 1176, fresh PR 947: GBK is read as GB18030" {
    { printf 'id,name\n'; for i in 1 2 3; do printf '%s,㐀盐焗鸡%s\n' "$i" "$i"; done; } | iconv -t GB18030 >in.csv
    from_file append "id: int, name: text"
    diner_run loading
    assert_status 0
    assert_sql "select string_agg(name, ' ' order by id) from t.s" "㐀盐焗鸡1 㐀盐焗鸡2 㐀盐焗鸡3"
    sed -i 's/in.csv/in.csv, encoding: GBK/; s/name: loading/name: declared/; s/  s:/  d:/' pipelines/loading.yaml
    mv pipelines/loading.yaml pipelines/declared.yaml
    { printf 'id,name\n'; printf '1,盐焗鸡\n' ; } | iconv -t GBK >in.csv
    diner_run declared
    assert_status 0
    assert_sql "select name from t.d" "盐焗鸡"
}

# ---- errors and operations -----------------------------------------------------------------------

@test "airbyte #16559, meltano sdk #2516: all mistakes of a file at once, each with its place" {
    pipeline loading <<'YAML'
streams:
  s:
    source: { file: in.csv, strp: [","] }
    mode: mrege
    columns: { a: txt }
YAML
    run --separate-stderr "$DINER" pipeline lint loading
    assert_status 3
    assert_equal "$(grep -cE '^[^ ].*:[0-9]+:[0-9]+: ' <<<"$output")" 3
}

@test "sling #221: braces of YAML that eat a placeholder are told where they stand" {
    pipeline loading <<'YAML'
params: { day: { default: "2026-11-21" } }
streams:
  s:
    source: { file: in_${params.day}.csv }
    mode: append
    columns: { a: text }
YAML
    run --separate-stderr "$DINER" pipeline lint loading
    assert_status 3
    assert_stdout_matches 'loading.yaml:7:[0-9]+: '
}

@test "meltano #6721, #7184, #6857, airbyte #5522, #17354, #17925, #16836: no secret in a log, however loud" {
    api '{"/l": [{"status": 401, "body": "bad token verysecret9"}]}'
    sed -i 's/^retry:/auth: { type: bearer, token: env:API_TOKEN }\n&/' api.yaml
    loading append "id: int"
    API_TOKEN=verysecret9 diner_run loading -vvv
    assert_status 4
    refute_stderr_has verysecret9
    refute_stdout_has verysecret9
}

@test "airbyte #16836, airbyte_secrets_utils: of two secrets, one within the other, nothing is left over" {
    api '{"/l": [{"status": 401, "body": "bad hush, bad hushhush9, bad hush"}]}'
    sed -i 's/^retry:/auth: { type: bearer, token: env:API_TOKEN }\n&/' api.yaml
    loading append "id: int, hashed: { type: text, hash: env:API_SHORT }"
    API_SHORT=hush API_TOKEN=hushhush9 diner_run loading -vvv
    assert_status 4
    refute_stderr_has hush
    refute_stderr_has '****9'
}

@test "sling #336, #242: an error says what failed, how often it was tried and where, once; other streams go on" {
    api '{"/l": [{"status": 503}]}'
    pipeline loading <<'YAML'
streams:
  s: { source: { connector: api, resource: l }, mode: append, columns: { id: int } }
  other: { source: { connection: warehouse, query: select 1 as id }, mode: append }
YAML
    diner_run loading
    assert_status 5
    assert_equal "$(asked)" 3
    assert_equal "$(grep -c '^diner: ' <<<"$stderr")" 1
    assert_stderr_has "/l: HTTP 503"
    assert_stderr_matches "3 attempts|after 3|tried 3"
    assert_sql "select count(*) from t.other" 1
}

@test "connect #2426, #178: what failed exits non-zero, and ends" {
    api '{"/l": [{"status": 503}]}'
    loading append "id: int"
    diner_run loading
    assert_status 5
    assert_equal "$(asked)" 3
}

@test "connect #1352: Retry-After is honoured" {
    api '{"/l": [{"status": 429, "headers": {"Retry-After": "1"}}, {"json": {"items": [{"id": 1}]}}]}'
    loading append "id: int"
    started=$EPOCHREALTIME
    diner_run loading
    assert_status 0
    took_ms=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
    [ "$took_ms" -ge 1000 ] || fail "waited only $took_ms ms"
}

@test "benthos #77, connect #1069: a host that keeps failing is left alone" {
    api '{"/l": [{"drop": true}]}'
    sed -i 's/^retry:.*/retry: { max: 20, base: 1ms, cap: 1ms, budget: 2s }\nbreaker: { failures: 3, open_for: 60s }/' api.yaml
    loading append "id: int"
    diner_run loading
    assert_status 5
    assert_equal "$(asked)" 3
    assert_stderr_has "is left alone"
}

@test "meltano #2594: a target that cannot be had is told before anything is asked" {
    api '{"/l": [{"json": {"items": [{"id": 1}]}}]}'
    loading append "id: int"
    DINER_DSN=postgresql://nobody@127.0.0.1:1/x diner_run loading
    assert_status 6
    assert_equal "$(asked)" 0
}

@test "confluence-cli PR 218: a write is sent again after 429, never after 503" {
    "$PROJECT/tests/http_server.py" >port 3>&- &
    server=$!
    wait_for 10 test -s port
    url=http://127.0.0.1:$(cat port)
    cat >api.yaml <<YAML
version: 1
name: api
base_url: $url
retry: { max: 3, base: 10ms, cap: 20ms }
resources: { w: { method: POST, path: /w } }
YAML
    curl -sf -X PUT "$url/_script" -d '{"/w": [{"status": 429}, {"json": {}}]}' >/dev/null
    run --separate-stderr "$DINER" connector call api w --body - --yes <<<'{}'
    assert_status 0
    assert_equal "$(asked)" 2
}
