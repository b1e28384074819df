#!/usr/bin/env bats
# Runs that read an API into PostgreSQL: pages ahead, one connector a run, old answers where declared.

load ../helper
load pipelines
load api

setup_file() {
    dev_start
    api_start
}
teardown_file() {
    api_stop
    dev_stop
}
setup() {
    pipelines_setup
    export DINER_STATE_DIR=$BATS_TEST_TMPDIR/state
}

# 40 pages of 5 records by number; of page 17 and 18 the first answer is a 503 or is cut.
forty_pages() {
    python3 - <<'E'
import json
script = {}
for page in range(1, 41):
    items = [{"id": page * 5 + k, "name": "店%d" % (page * 5 + k)} for k in range(5)]
    answer = {"json": {"items": items, "total": "200"}}
    first = {17: [{"status": 503}], 18: [dict(answer, cut=20)], 23: [{"status": 429, "headers": {"Retry-After": "0"}}]}
    script["/l?page=%d" % page] = first.get(page, []) + [answer]
print(json.dumps(script))
E
}

@test "pages asked for side by side: each record once, whatever fails on the way" {
    for concurrency in 1 8 adaptive; do
        connector <<E
concurrency: $concurrency
resources: { list: { path: /l, records: /items, expect_total: /total, paginate: { type: page, param: page } } }
E
        pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: replace, columns: { id: int, name: text } }
E
        forty_pages | api_script
        diner_run p
        assert_status 0
        assert_moved s "200 200 0 0 0 0 0 0"
        assert_sql "select count(*), count(distinct id), min(id), max(id) from t.s" "200|200|5|204"
        assert_asked '[.[].query.page | tonumber] | unique == [range(1; 41)]'
        sql "drop table t.s" >/dev/null
    done
}

@test "a source that says it has more than comes fails the run, nothing is loaded" {
    connector <<'E'
resources: { list: { path: /l, records: /items, expect_total: /total, paginate: { type: page, param: page } } }
E
    pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: append, columns: { id: int } }
E
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1}], "total": "3"}}, {"json": {"items": []}}]}'
    diner_run p
    assert_status 1
    assert_stderr_has "stream 's': the source says it has 3 rows, 1 came"
}

@test "one login, one connection pool for all streams of a run" {
    export API_PASSWORD=verysecret1
    connector <<'E'
auth: { type: jwt_login, path: /login, user: me, password: env:API_PASSWORD }
resources:
  list: { path: /l, records: /items }
  more: { path: /m, records: /items }
E
    pipeline p <<'E'
streams:
  a: { source: { connector: shop, resource: list }, mode: append, columns: { id: int } }
  b: { source: { connector: shop, resource: more }, mode: append, columns: { id: int } }
E
    api_script <<'E'
{"/login": [{"json": {"access_token": "t1"}}], "/l": [{"json": {"items": [{"id": 1}]}, "when_header": {"authorization": "Bearer t1"}}],
 "/m": [{"json": {"items": [{"id": 2}]}, "when_header": {"authorization": "Bearer t1"}}]}
E
    diner_run p
    assert_status 0
    assert_asked '([.[] | select(.path == "/login")] | length) == 1 and length == 3'
}

@test "the last good answers serve where declared, and the run says so" {
    connector <<'E'
resources: { list: { path: /l, records: /items, cache: { for: 1h } } }
E
    pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: merge, key: [id], columns: { id: int, name: text, at: timestamptz } }
E
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1, "name": "外滩店", "at": "2026-01-02T00:00:00Z"}]}}]}'
    diner_run p
    assert_status 0
    api_script <<<'{"/l": [{"status": 503}]}'
    diner_run p
    assert_status 0
    assert_moved s "1 0 0 1 0 0 0 0"
    assert_stderr_has "stream 's' is degraded: answers of "
    assert_stderr_has "HTTP 503"
    assert_sql "select check_name, row_data->>'found' like 'answers of %' from diner.finding" "degraded|t"
    # rows would be removed by old answers: not unless the cache says so
    sed -i 's/mode: merge/deletes: hard, mode: merge/' pipelines/p.yaml
    diner_run p
    assert_status 5
    sed -i 's/for: 1h/for: 1h, deletes: allow/' connectors/shop.yaml
    diner_run p
    assert_status 0
    # a cursor would pass over what is missing
    sed -i 's/deletes: hard, mode: merge/incremental: { cursor: at, start: 2026-01-01 }, mode: merge/' pipelines/p.yaml
    diner_run p
    assert_status 5
}

@test "an API is asked from a cursor that is a number, less its lag" {
    connector <<'E'
resources: { list: { path: /l, query: { since_id: "${since}" }, records: /items } }
E
    pipeline p <<'E'
streams:
  s:
    source: { connector: shop, resource: list, params: { since: "${window.start}" } }
    incremental: { cursor: id, start: 5, lag: 2 }
    mode: merge
    key: [id]
    columns: { id: bigint }
E
    api_script <<<'{"/l": [{"json": {"items": [{"id": 99}, {"id": 101}, {"id": 7}]}}, {"json": {"items": []}}]}'
    diner_run p
    assert_status 0
    diner_run p
    diner_run p --from 50
    assert_asked 'map(.query.since_id) == ["5", "99", "50"]'
    assert_sql "select value from diner.state where name = 'cursor'" 101
}

# Children b to e of the list /l/${a}, isolated.
isolated_children() {
    connector <<'E'
resources: { list: { path: "/l/${a}", records: /items } }
E
    pipeline p <<'E'
streams:
  s:
    source:
      connector: shop
      resource: list
      for_each: { query: "select unnest(array['b','c','d','e']) as a", bind: { a: a }, isolate: true }
    mode: append
    columns: { a: { from: $a, type: text }, id: int }
E
}

@test "isolated children: a host that answers badly to some is asked for the others" {
    isolated_children
    api_script <<'E'
{"/l/b": [{"status": 500}], "/l/c": [{"status": 500}],
 "/l/d": [{"json": {"items": [{"id": 4}]}}], "/l/e": [{"json": {"items": [{"id": 5}]}}]}
E
    SECONDS=0
    diner_run p
    assert_status 7
    [ "$SECONDS" -lt 30 ] || fail "took $SECONDS s"
    assert_sql "select string_agg(a || id, ',' order by id) from t.s" "d4,e5"
    assert_asked '[.[].path] | group_by(.) | map([.[0], length]) == [["/l/b", 4], ["/l/c", 4], ["/l/d", 1], ["/l/e", 1]]'
    assert_stderr_has "stream 's': 2 of 4 were left behind"
    assert_stderr_has "'diner runs show --left-behind' names them"
    run --separate-stderr "$DINER" runs show --left-behind -o json
    assert_json 'map(.child) | sort == ["{\"a\":\"b\"}", "{\"a\":\"c\"}"]'
}

@test "isolated children: a system that fails for all is asked once by each, when that is known" {
    isolated_children
    api_script <<'E'
{"/l/b": [{"status": 503}], "/l/c": [{"status": 503}], "/l/d": [{"status": 503}], "/l/e": [{"status": 503}]}
E
    SECONDS=0
    diner_run p
    assert_status 5
    [ "$SECONDS" -lt 30 ] || fail "took $SECONDS s"
    assert_asked '[.[].path] | group_by(.) | map([.[0], length]) == [["/l/b", 4], ["/l/c", 4], ["/l/d", 1], ["/l/e", 1]]'
}

@test "isolated children: for a host that is down none waits" {
    isolated_children
    api_script <<'E'
{"/l/b": [{"drop": true}], "/l/c": [{"drop": true}],
 "/l/d": [{"json": {"items": []}}], "/l/e": [{"json": {"items": []}}]}
E
    SECONDS=0
    diner_run p
    assert_status 5
    [ "$SECONDS" -lt 30 ] || fail "took $SECONDS s"
    assert_asked 'all(.[]; .path == "/l/b" or .path == "/l/c")'
    run --separate-stderr "$DINER" runs show --left-behind -o json
    assert_json 'length == 4'
    assert_stdout_has "not sent: the host failed 5 times in a row"
}

@test "a line of an answer that is no JSON is a reject with its place, the others are loaded" {
    connector <<<'resources: { list: { path: /l, format: jsonl } }'
    pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: append, on_error: { max_rejects: 3 }, columns: { id: int } }
E
    printf '{"id": 1}\n{"id": 2\n{"id": "\xC3\xD7"}\n{"id": 4} x\n{"id": 5}\n' >lines
    api_script <<<"{\"/l\": [{\"file\": \"$PWD/lines\"}]}"
    diner_run p
    assert_status 0
    assert_moved s "5 2 0 0 0 0 3 0"
    assert_sql "select string_agg(id::text, ',' order by id) from t.s" "1,5"
    assert_sql "select origin, string_agg(position::text, ',' order by position), min(raw) from diner.reject group by 1" 'shop/list page 1|2,3,4|{"id": "\xC3\xD7"}'
    # all of another kind, a page that says sorry: the budget ends it
    python3 -c 'for i in range(5): print("<p>sorry")' >lines
    diner_run p
    [ "$status" -ne 0 ] || fail "loaded"
}

@test "expect_total: a pointer or a value that states nothing is an error, whole numbers in any spelling are one" {
    connector <<'E'
resources:
  list: { path: /l, records: /items, expect_total: /t, paginate: { type: page, param: page } }
E
    pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: append, columns: { id: int } }
E
    local value
    for value in '"1,234"' '"abc"' '""' 7.5 -1 true '[7]' 1e30; do
        api_script <<<"{\"/l\": [{\"body\": \"{\\\"items\\\": [{\\\"id\\\": 1}, {\\\"id\\\": 2}], \\\"t\\\": ${value//\"/\\\"}}\"}, {\"json\": {\"items\": []}}]}"
        diner_run p
        assert_status 1
        assert_stderr_has "page 1 of 'list' at connector 'shop': expect_total: expected a whole number at '/t', found "
    done
    for value in 7 '"7"' '" 7"' 7.0 '"7.0"' 0.7e1; do
        api_script <<<"{\"/l\": [{\"body\": \"{\\\"items\\\": [{\\\"id\\\": 1}, {\\\"id\\\": 2}], \\\"t\\\": ${value//\"/\\\"}}\"}, {\"json\": {\"items\": []}}]}"
        diner_run p
        assert_status 1
        assert_stderr_has "the source says it has 7 rows, 2 came"
    done
    # on no page: null, then a typo
    for value in null 2; do
        api_script <<<"{\"/l\": [{\"json\": {\"items\": [{\"id\": 1}], \"t\": $value}}, {\"json\": {\"items\": []}}]}"
        diner_run p
        assert_status 1
        assert_stderr_has "page 2 of 'list' at connector 'shop': expect_total: expected a whole number at '/t"
        assert_stderr_has "of at least one page, found none"
        sed -i 's,expect_total: /t\b,expect_total: /typo,' connectors/shop.yaml
    done
}

@test "expect_total: the first page alone may state it, and an answer without a list need not" {
    connector <<'E'
resources:
  list:
    path: /l
    records: /items
    expect_total: /t
    no_records: empty
    paginate: { type: page, param: page }
E
    pipeline p <<'E'
streams:
  s: { source: { connector: shop, resource: list }, mode: append, columns: { id: int } }
E
    api_script <<<'{"/l": [{"json": {"items": [{"id": 1}], "t": 2}}, {"json": {"items": [{"id": 2}], "t": null}}]}'
    diner_run p
    assert_status 0
    api_script <<<'{"/l": [{"json": {"message": "nothing there"}}]}'
    diner_run p
    assert_status 0
}
