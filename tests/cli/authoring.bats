#!/usr/bin/env bats
# shellcheck disable=SC2016
# Writing pipelines without a database: lint of pages and directories, graph, the JSON schema.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export DINER_CONFIG=/dev/null DINER_PIPELINE_PATH=$PWD/pipelines
    mkdir pipelines
}

stream() { # NAME: a stream that is sound
    printf '  %s:\n    source: { connection: warehouse, query: "select 1 as x" }\n' "$1"
    printf '    target: { connection: warehouse, schema: t }\n'
}

@test "lint: the pipelines within a Markdown page, at their places in the page" {
    {
        printf '# A page\n\nNot yaml:\n\n```text\nversion: 1\nstreams: {}\n```\n\n```yaml\nkey: of some part\n```\n\n'
        printf '```yaml\nversion: 1\nname: good\nstreams:\n'
        stream s
        printf '```\n\n- in a list:\n\n  ```yaml\n  version: 1\n  name: bad\n  stepps: []\n  steps: [ { run: absent } ]\n  ```\n'
    } >page.md
    run --separate-stderr "$DINER" pipeline lint page.md
    assert_status 3
    assert_stdout_is "page.md:28:3: unknown key 'stepps' in pipeline
  hint: did you mean 'steps'?
page.md:29:12: there is no pipeline 'absent'
  hint: looked in the directories of the setting 'pipeline_path' ($PWD/pipelines, ...); a path ending in .yaml is taken as it is"
    assert_stderr_is "2 checked, 2 errors
diner: lint found 2 errors"
}

@test "lint: a page's fences may be tildes, and longer than what stands within" {
    {
        printf '~~~yaml\nversion: 1\nname: tilde\nsteps: [ { rn: x } ]\n~~~\n'
        printf '````md\n```yaml\nversion: 1\nname: shown\nstepps: []\n```\n````\n'
        printf '```yml\nversion: 1\nname: last\nsteps: [ { rnu: x } ]\n```\n'
    } >fences.md
    run --separate-stderr "$DINER" pipeline lint fences.md
    assert_status 3
    assert_stdout_has "fences.md:4:12: unknown key 'rn' in step"
    assert_stdout_has "fences.md:16:12: unknown key 'rnu' in step"
    refute_stdout_has stepps
    assert_stderr_has "2 checked"
}

@test "lint: a directory is its files; a pipeline's name comes before a directory's" {
    mkdir many
    for name in a b; do { printf 'version: 1\nname: %s\nstreams:\n' "$name" && stream s; } >"many/$name.yaml"; done
    printf 'version: 1\nname: c\n' >many/c.yml
    echo 'no pipeline' >many/note.txt
    run --separate-stderr "$DINER" pipeline lint many
    assert_status 3
    assert_stdout_is "many/c.yml:1:1: a pipeline needs 'streams', a job needs 'steps'"
    assert_stderr_has "3 checked, 1 errors"
    cp many/a.yaml pipelines/many.yaml
    run --separate-stderr "$DINER" pipeline lint many
    assert_status 0
    assert_stderr_is "1 checked, 0 errors"
    run --separate-stderr "$DINER" pipeline lint ./absent.md
    assert_status 1
    assert_stderr_has "./absent.md"
}

@test "lint: connections are those of the configuration, as for a run; without one nothing is known" {
    {
        printf 'version: 1\nname: p\nhooks: { after: [ { sql: select 1, connection: erpp } ] }\nstreams:\n'
        stream s
        stream odd | sed 's/source: { connection: warehouse/source: { connection: lager/'
        stream out | sed 's/target: { connection: warehouse/target: { connection: nowhere/'
    } >pipelines/p.yaml
    printf 'connections:\n  erp: { dsn: "host=erp" }\n' >known.yaml
    DINER_CONFIG=$PWD/known.yaml run --separate-stderr "$DINER" pipeline lint p
    assert_status 3
    assert_stdout_has "pipelines/p.yaml:3:48: connection 'erpp' is not configured
  hint: did you mean 'erp'?"
    assert_stdout_has "p.yaml:9:27: connection 'lager' is not configured
  hint: set DINER_DSN_LAGER, or connections.lager.dsn in diner.yaml"
    assert_stdout_has "p.yaml:13:27: connection 'nowhere' is not configured"
    assert_stderr_has "1 checked, 3 errors"
    DINER_DSN_LAGER=host=l DINER_DSN_NOWHERE=host=n DINER_DSN_ERPP=host=e DINER_CONFIG=$PWD/known.yaml \
        run --separate-stderr "$DINER" pipeline lint p
    assert_status 0
    : >known.yaml
    DINER_DSN=host=w DINER_CONFIG=$PWD/known.yaml run --separate-stderr "$DINER" pipeline lint p
    assert_status 0
    assert_stdout_has "connection 'nowhere' is not configured"
    DINER_CONFIG=$PWD/known.yaml run --separate-stderr "$DINER" pipeline lint p
    assert_status 0
    assert_stdout_is ""
}

@test "lint: SQL that is empty is told before a run stumbles over it" {
    {
        printf 'version: 1\nname: p\nhooks: { after: [ { sql: " ;" } ] }\nstreams:\n'
        stream s
        printf '    transform: [ { filter: "" }, { set: { x: " " } } ]\n'
        printf '    checks: [ { sql: "" }, { expr: "" } ]\n'
    } >pipelines/p.yaml
    run --separate-stderr "$DINER" pipeline lint p
    assert_status 3
    assert_stdout_has "p.yaml:3:19: 'sql' is empty
  hint: statements, or a .sql file"
    assert_stdout_has "p.yaml:8:18: 'filter' is empty
  hint: such as  filter: qty > 0"
    assert_stdout_has "p.yaml:8:34: 'x' is empty"
    assert_stdout_has "p.yaml:9:15: 'sql' is empty"
    assert_stdout_has "p.yaml:9:28: 'expr' is empty"
}

@test "lint: .sql files that are named exist" {
    {
        printf 'version: 1\nname: p\nstreams:\n'
        stream s
        printf '    checks: [ { sql: absent.sql } ]\n'
    } >pipelines/p.yaml
    run --separate-stderr "$DINER" pipeline lint p
    assert_status 3
    assert_stdout_has "p.yaml:7:22: "
    assert_stdout_has "absent.sql"
    echo 'select true' >pipelines/absent.sql
    run --separate-stderr "$DINER" pipeline lint p
    assert_status 0
}

@test "graph: a tree, Mermaid and Graphviz; a job's steps" {
    cat >pipelines/p.yaml <<'YAML'
version: 1
name: p
defaults: { target: { connection: warehouse, schema: ods } }
streams:
  shops: { source: { connector: platform, resource: stores }, mode: replace, key: [code], columns: { code: text } }
  names: { source: { file: "in \"x\".csv" }, columns: { a: text } }
  orders:
    needs: [shops, names]
    source: { connection: warehouse, query: "select 1 as a" }
    mode: merge
    key: [a]
YAML
    run --separate-stderr "$DINER" pipeline graph p
    assert_status 0
    assert_stdout_is 'p
├─ shops: api platform/stores -> warehouse ods.shops (replace)
└─ names: file in "x".csv -> warehouse ods.names (append)
   └─ orders: warehouse (query) -> warehouse ods.orders (merge)  also needs shops'
    run --separate-stderr "$DINER" pipeline graph p --format mermaid
    assert_status 0
    assert_stdout_has 'flowchart LR
  s0["shops"]
  p0[("api platform/stores")]'
    assert_stdout_has 'p2[("file in #quot;x#quot;.csv")]'
    assert_stdout_has "s1 -. then .-> s2"
    run --separate-stderr "$DINER" pipeline graph p --format dot
    assert_status 0
    assert_stdout_has 'p2 [shape=cylinder, label="file in \"x\".csv"];'
    assert_stdout_has 's0 -> s2 [style=dashed, label="then"];'
    printf 'version: 1\nname: j\nsteps: [ p, { run: q, needs: [p] } ]\n' >pipelines/j.yaml
    cp pipelines/p.yaml pipelines/q.yaml
    run --separate-stderr "$DINER" pipeline graph j
    assert_stdout_is 'j
└─ p
   └─ q'
}

@test "the JSON schema takes all pipelines that are shipped, and finds what lint finds" {
    "$DINER" __docs schema schema
    run --separate-stderr "$PROJECT/tests/cli/schema_check.py" schema/pipeline.schema.json \
        "$PROJECT"/pipelines/*.yaml "$PROJECT"/tests/fixtures/pipelines/*.yaml
    assert_status 0
    assert_stdout_is ""
    # A key that no source, target or column has; a choice that is none; a required one missing.
    for wrong in 'source: { file: x.csv, strp: [","] }' 'source: { connector: a, resource: b, recrds: /x }' \
        'target: { connection: w, shema: x }' 'columns: { a: { typ: text } }' 'columns: { a: { from: x } }' \
        'columns: [ a ]' 'mode: upsert' 'guard: { min_row: 1 }'; do
        printf 'version: 1\nname: p\nstreams:\n  s:\n    source: { file: x.csv }\n    %s\n' "$wrong" >wrong.yaml
        case $wrong in source*) printf 'version: 1\nname: p\nstreams:\n  s:\n    %s\n' "$wrong" >wrong.yaml ;; esac
        run --separate-stderr "$PROJECT/tests/cli/schema_check.py" schema/pipeline.schema.json wrong.yaml
        [ "$status" -eq 1 ] || fail "not found: $wrong"
        assert_stdout_has "wrong.yaml: streams/s"
    done
}

@test "show --resolved: each value with where it comes from, no secret among them" {
    cat >pipelines/p.yaml <<'YAML'
version: 1
name: p
params: { day: { type: date, default: yesterday } }
defaults:
  target: { connection: warehouse, schema: ods }
  guard: { min_rows: 2 }
streams:
  s:
    source:
      file: "${IN_FILE:-x.csv}"
      null: ["-", x]
      stop_at: "^[$${]no ${STOP_WORD:-sum}"
    key: [a]
    mode: merge
    columns: { a: text, b: { type: int, required: true } }
    checks:
      - { expr: "b > 0", on_fail: reject }
    on_error: { max_rejects: 7 }
hooks: { on_failure: [ { http: "https://h/?key=verysecret" }, { exec: "tell ${TELL_TOKEN:-} ${TELL_ROOM:-}" } ] }
YAML
    export TELL_TOKEN=verysecret TELL_ROOM=hall
    IN_FILE=y.csv run --separate-stderr "$DINER" pipeline show p --resolved
    assert_status 0
    assert_stdout_has 'file: "y.csv"   # p.yaml:10, environment IN_FILE'
    assert_stdout_has 'format: csv   # default'
    assert_stdout_has '"null": ["-", x]   # p.yaml:11'
    assert_stdout_has 'schema: ods   # p.yaml:5, defaults'
    assert_stdout_has 'min_rows: 2   # p.yaml:6, defaults'
    assert_stdout_has 'max_rejects: 7   # p.yaml:18'
    assert_stdout_has 'max_reject_rate: "0.1%"   # setting rejects.max_rate: default'
    assert_stdout_has '      - expr: "b > 0"   # p.yaml:17'
    assert_stdout_has 'http: "****"   # p.yaml:19'
    assert_stdout_has 'exec: "****"   # p.yaml:19, environment TELL_TOKEN, environment TELL_ROOM'
    assert_stdout_has 'stop_at: "^[$${]no sum"   # p.yaml:12, STOP_WORD is not set'
    refute_stdout_has verysecret
    refute_stdout_has defaults:
    IN_FILE=y.csv DINER_REJECTS_MAX_RATE=3% run --separate-stderr "$DINER" pipeline show p -o json
    assert_status 0
    assert_json 'map({(.path): [.value, .origin]}) | add
        | .["streams.s.source.file"] == ["y.csv", "p.yaml:10, environment IN_FILE"]
        and .["streams.s.columns.b.required"] == ["true", "p.yaml:15"]
        and .["streams.s.on_error.max_reject_rate"] == ["3%", "setting rejects.max_rate: env DINER_REJECTS_MAX_RATE"]
        and .["streams.s.checks.0.on_fail"][0] == "reject"'
    refute_stdout_has verysecret
}
