#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
# Programs as sources: JSON Lines and Singer messages of real children, which also fail.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    export PATH="$PATH"
}

tap() { # the program: Python on standard input
    { echo '#!/usr/bin/python3' && echo 'import json, os, signal, sys, time
def say(m): print(json.dumps(m), flush=True)' && cat; } >pipelines/tap
    chmod +x pipelines/tap
}
runs_still() { # PID; a zombie that nobody reaps does not run
    local state
    state=$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}
stream_of() { # KEYS OF THE SOURCE [REST]
    pipeline s <<YAML
streams:
  s:
    source: { $1 }
    columns: { id: int, name: text, price: "numeric(10,2)" }
${2:-}
YAML
}
singer='exec: [./tap, --state, "${state}"], format: singer'

@test "jsonl: records, numbers as written, nulls, a last line without its end" {
    tap <<'PY'
sys.stdout.write('{"id":1,"name":"a","price":19.90}\n\n{"id":2,"price":10}\r\n{"id":3,"name":"餐","price":null}')
PY
    stream_of 'exec: [./tap]'
    diner_run s
    assert_status 0
    assert_moved s "3 3 0 0 0 0 0 0"
    assert_rows s "1,a,19.90 2,10.00 3,餐" "id, name, price"
}

@test "arguments and environment are what is declared; no shell, no standard input" {
    tap <<'PY'
say({"id": len(sys.argv), "name": "|".join(sys.argv[1:]) + "|" + ",".join(sorted(k for k in os.environ if k not in ("LC_CTYPE",)))})
say({"id": 0, "name": os.environ.get("TOKEN", "") + os.environ.get("DAY", "") + str(len(sys.stdin.read()))})
PY
    export MY_TOKEN=tok-9f31c GIVEN=1 OTHER=2
    pipeline s <<'YAML'
params: { day: { default: "2026-11-21" } }
streams:
  s:
    source:
      exec: [./tap, "$HOME; echo x", "${params.day}"]
      env: { TOKEN: "env:MY_TOKEN", DAY: "${params.day}" }
      pass_env: [GIVEN]
    columns: { id: int, name: text }
YAML
    run env -i PATH="$PATH" HOME=/root MY_TOKEN=tok-9f31c GIVEN=1 OTHER=2 \
        DINER_PIPELINE_PATH="$DINER_PIPELINE_PATH" DINER_DSN="$(dev_dsn)" DINER_OUTPUT_DIR="$PWD/out" \
        "$DINER" run s
    assert_status 0
    assert_sql 'select name from t.s where id = 3' '$HOME; echo x|2026-11-21|DAY,GIVEN,HOME,PATH,TOKEN'
    assert_sql 'select name from t.s where id = 0' 'tok-9f31c2026-11-210'
}

@test "a program that fails commits nothing, and its last words are told, without secrets" {
    tap <<'PY'
for i in range(5000): say({"id": i})
print("token is " + os.environ["TOKEN"], file=sys.stderr)
sys.exit(3)
PY
    export MY_TOKEN=s3cr3t-9f31c
    stream_of 'exec: [./tap], env: { TOKEN: "env:MY_TOKEN" }'
    diner_run s
    assert_status 1
    assert_stderr_has "'./tap' ended with status 3"
    assert_stderr_has "its last words: token is ****"
    [[ $stderr != *s3cr3t* && $output != *s3cr3t* ]] || fail 'the secret is shown'
    assert_sql "select count(*) from pg_tables where tablename = 's' and schemaname = 't'" 0
    run "$DINER" -v run s
    [[ $output != *s3cr3t* ]] || fail 'the secret is in the log'
    assert_stdout_has 'token is ****'
}

@test "killed, half a line, garbage" {
    tap <<'PY'
say({"id": 1})
sys.stdout.write('{"id": 2, "na'); sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
PY
    stream_of 'exec: [./tap]' '    on_error: { max_rejects: 10, max_reject_rate: 100% }'
    diner_run s
    assert_status 1
    assert_stderr_has "'./tap' was killed by signal 9"
    assert_sql "select count(*) from pg_tables where tablename = 's' and schemaname = 't'" 0
    sql 'truncate diner.reject'
    tap <<'PY'
say({"id": 1})
sys.stdout.flush()
sys.stdout.buffer.write(b'\x00\xff\xfe garbage\n[1,2]\n"text"\n{"id": 2, "name": "\xd6\xd0"}\n{"id": 4} {"id": 5}\n{"id": 3, "na')
PY
    diner_run s
    assert_status 0
    assert_moved s "7 1 0 0 0 0 6 0"
    assert_sql 'select string_agg(position::text, $$ $$ order by position) from diner.reject' '2 3 4 5 6 7'
}

@test "no such program; lint" {
    stream_of 'exec: [./nowhere]'
    diner_run s
    assert_status 1
    assert_stderr_has "cannot run './nowhere'"
    stream_of 'exec: [], stream: x, timout: 3s'
    run --separate-stderr "$DINER" pipeline lint s
    assert_status 3
    assert_stdout_has "'exec' is a list"
    assert_stdout_has "did you mean 'timeout'?"
    assert_stdout_has "'stream' is for singer messages"
}

@test "a program that does not end is stopped with all it started; TERM, then KILL" {
    tap <<'PY'
import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
p = subprocess.Popen(["sleep", "300"])
open("pids", "w").write("%d %d\n" % (os.getpid(), p.pid))
say({"id": 1})
time.sleep(300)
PY
    stream_of 'exec: [./tap], timeout: 1s'
    diner_run s
    assert_status 5
    assert_stderr_has "'./tap' did not end within 1 s"
    read -r one two <pipelines/pids
    ! runs_still "$one" || fail 'the program still runs'
    ! runs_still "$two" || fail 'what it started still runs'
    # a signal to diner
    stream_of 'exec: [./tap]'
    rm pipelines/pids
    "$DINER" run s 3>&- >out.txt 2>&1 &
    local diner=$!
    for _ in $(seq 100); do [ -s pipelines/pids ] && break; sleep 0.1; done
    kill -INT "$diner"
    wait "$diner" && fail 'it succeeded' || [ $? -eq 130 ]
    read -r one two <pipelines/pids
    ! runs_still "$one" || fail 'the program still runs'
    assert_sql "select count(*) from pg_tables where tablename = 's' and schemaname = 't'" 0
}

@test "singer: schema, records of one stream, state kept with the rows and given back" {
    tap <<'PY'
state = json.load(open(sys.argv[2]))
say({"type": "SCHEMA", "stream": "s", "key_properties": ["id"], "schema": {"properties": {
  "id": {"type": "integer"}, "name": {"type": ["null", "string"]}, "price": {"type": ["null", "number"]}}}})
say({"type": "ACTIVATE_VERSION", "stream": "s", "version": 1})
last = state.get("last", 0)
for i in range(last + 1, last + 3):
    say({"type": "RECORD", "stream": "s", "record": {"id": i, "name": "n%d" % i, "price": 1.10}})
    say({"type": "RECORD", "stream": "other", "record": {"x": 1}})
say({"type": "STATE", "value": {"last": last + 1}})
say({"type": "STATE", "value": {"last": last + 2}})
if os.path.exists("fail"): sys.exit(1)
PY
    stream_of "$singer" '    mode: merge
    key: [id]'
    diner_run s
    assert_status 0
    assert_moved s "2 2 0 0 0 0 0 0"
    assert_stderr_has 'ACTIVATE_VERSION is passed over'
    assert_sql "select value from diner.state where name = 'state'" '{"last": 2}'
    touch pipelines/fail
    diner_run s
    assert_status 1
    assert_sql "select value from diner.state where name = 'state'" '{"last": 2}'
    rm pipelines/fail
    diner_run s
    assert_status 0
    assert_rows s '1 2 3 4' id
    assert_sql "select value from diner.state where name = 'state'" '{"last": 4}'
    run --separate-stderr "$DINER" pipeline plan s
    assert_status 0
    diner_run s --dry-run
    assert_status 0
    assert_sql "select value from diner.state where name = 'state'" '{"last": 4}'
    diner_run s --full-refresh
    assert_status 0
    assert_moved s "2 0 0 2 0 0 0 0"
    assert_sql "select value from diner.state where name = 'state'" '{"last": 2}'
    ls /tmp/diner-state-* 2>/dev/null && fail 'a state file is left' || true
}

@test "singer: a type that changed, a column that went, an unknown message, a wrong stream" {
    stream_of "$singer"
    tap <<'PY'
say({"type": "SCHEMA", "stream": "s", "schema": {"properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "price": {"type": ["null", "string"]}}}})
PY
    diner_run s
    assert_status 1
    assert_stderr_has "column 'price' is declared numeric(10,2), the program's SCHEMA says 'string'"
    tap <<'PY'
say({"type": "SCHEMA", "stream": "s", "schema": {"properties": {"id": {"type": "integer"}, "label": {"type": "string"}}}})
PY
    diner_run s
    assert_status 1
    assert_stderr_has "column 'name': the program's SCHEMA has no 'name'"
    assert_stderr_has 'it has: id, label'
    tap <<'PY'
say({"type": "BATCH", "stream": "s", "manifest": ["f.jsonl"]})
PY
    diner_run s
    assert_status 1
    assert_stderr_has "./tap:1: a message of the unknown type 'BATCH'"
    tap <<'PY'
say({"type": "RECORD", "stream": "orders", "record": {"id": 1}})
PY
    diner_run s
    assert_status 1
    assert_stderr_has "sent 1 records, none of them of the stream 's'"
    stream_of "$singer, stream: orders"
    diner_run s
    assert_status 0
    assert_moved s "1 1 0 0 0 0 0 0"
}

@test "where, preview, a file as target" {
    tap <<'PY'
for i in range(1000000): say({"id": i, "name": "ab"[i % 2]})
PY
    stream_of 'exec: [./tap], where: { name: b }'
    run --separate-stderr "$DINER" pipeline preview s --rows 2 -o csv
    assert_status 0
    assert_stdout_has '3,b'
    [[ $output != *',a'* ]] || fail 'a row that should be left out is shown'
}

@test "a gigabyte of output in flat memory; standard error does not stop it" {
    tap <<'PY'
line = json.dumps({"id": 1, "name": "x" * 1000}) + "\n"
block = (line * 1000).encode()
for i in range(1020):
    sys.stdout.buffer.write(block)
    if i % 10 == 0: print("x" * 100000, file=sys.stderr)
PY
    stream_of 'exec: [./tap], where: { name: nothing }'
    # The largest of diner and its children; Python itself takes some 10 MiB.
    run --separate-stderr python3 - "$DINER" <<'PY'
import json, resource, subprocess, sys
rows = json.loads(subprocess.run([sys.argv[1], "-q", "run", "s", "-o", "json"], check=True, stdout=subprocess.PIPE).stdout)
print(json.dumps({"skipped": rows[0]["skipped"], "kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
PY
    assert_status 0
    assert_json '.skipped == 1020000'
    # What the sanitizers need of memory has no such bound.
    grep -q __asan_init "$DINER" || assert_json '.kb < 40000'
}
