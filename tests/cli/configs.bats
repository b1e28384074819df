#!/usr/bin/env bats
# Every file of configs/ is loaded by the program it is for, or held to its schema: by which test.
# A new file needs a test that loads it, and its line here.
load ../helper

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# FILE or FOLDER/, the bats file that loads it, words of the line that does.
LOADED=$(cat <<'LIST'
alertmanager/alertmanager.yml           e2e/monitoring.bats   configs/alertmanager/alertmanager.yml
ci/github-actions.yml                   e2e/deploy.bats       ci.mjs" "$PROJECT/configs/ci/github-actions.yml"
ci/gitlab-ci.yml                        e2e/deploy.bats       "$PROJECT/configs/ci/gitlab-ci.yml" "$CHECK_DIR/node_modules
compose/compose.yaml                    e2e/deploy.bats       "$COMPOSE/compose.yaml" "$CHECK_DIR/node_modules
compose/Dockerfile                      e2e/deploy.bats       "$COMPOSE/Dockerfile"
compose/Dockerfile.dockerignore         e2e/deploy.bats       "$COMPOSE/Dockerfile.dockerignore"
connectors/                             cli/configs.bats      connector lint
cron/diner                              cli/configs.bats      configs/cron/diner
diner.yaml                              cli/config.bats       "$PROJECT/configs/diner.yaml"
grafana/diner.json                      e2e/monitoring.bats   configs/grafana/diner.json
kong/kong.yaml                          e2e/gateway.bats      /configs/kong/kong.yaml
kubernetes/diner.yaml                   e2e/deploy.bats       "$KUBERNETES/diner.yaml"
kubernetes/jobs.yaml                    e2e/deploy.bats       "$KUBERNETES"/{platform,jobs,shards,workers}.yaml
kubernetes/kustomization.yaml           e2e/deploy.bats       kustomization.yaml
kubernetes/platform.yaml                e2e/deploy.bats       "$KUBERNETES"/{platform,jobs,shards,workers}.yaml
kubernetes/shards.yaml                  e2e/deploy.bats       "$KUBERNETES"/{platform,jobs,shards,workers}.yaml
kubernetes/workers.yaml                 e2e/deploy.bats       "$KUBERNETES"/{platform,jobs,shards,workers}.yaml
nginx/diner.conf                        e2e/gateway.bats      configs/nginx/diner.conf
perf.yaml                               cli/perf_phases.bats  configs/perf.yaml
prometheus/alerts.yml                   e2e/monitoring.bats   configs/prometheus/alerts.yml
prometheus/alerts_test.yml              e2e/monitoring.bats   alerts_test.yml
prometheus/prometheus.yml               e2e/monitoring.bats   configs/prometheus/prometheus.yml
slurm/diner.sbatch                      e2e/slurm.bats        configs/slurm/diner.sbatch
systemd/diner-nightly.service           cli/configs.bats      systemd-analyze verify
systemd/diner-nightly.timer             cli/configs.bats      systemd-analyze verify
systemd/diner-worker.service            e2e/deploy.bats       systemd-analyze verify ./diner-worker.service
LIST
)

# Those that a list has no line for: FILE
without_line() { # FOLDER; the list from standard input
    local file line
    mapfile -t lines
    (cd "$1" && find . -type f -printf '%P\n' | sort) | while IFS= read -r file; do
        for line in "${lines[@]}"; do
            case $file in "${line%% *}") continue 2 ;; esac
            case ${line%% *} in */) case $file in "${line%% *}"*) continue 2 ;; esac ;; esac
        done
        echo "$file"
    done
}

@test "every file of configs/ has a test that loads it" {
    run without_line "$PROJECT/configs" <<<"$LOADED"
    assert_stdout_is ""
    # One more is found.
    cp -r "$PROJECT/configs" more
    : >more/nginx/new.conf
    run without_line more <<<"$LOADED"
    assert_stdout_is nginx/new.conf
}

@test "every line of the list is true: the file is there, and so is the test's line" {
    local file bats words
    while read -r file bats words; do
        [ -e "$PROJECT/configs/$file" ] || fail "no $file"
        sed '/^LOADED=/,/^LIST/d' "$PROJECT/tests/$bats" | grep -qF -- "$words" || fail "$bats does not load $file by: $words"
    done <<<"$LOADED"
}

@test "connectors are without fault" {
    run --separate-stderr "$DINER" connector lint "$PROJECT"/configs/connectors/*.yaml
    assert_status 0
    assert_stdout_is ""
    assert_stderr_has "$(find "$PROJECT/configs/connectors" -type f | wc -l) checked, 0 errors"
}

@test "the units are as systemd wants them, and the check finds what is not" {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
    mkdir units
    sed "s|/usr/local/bin/diner|$DINER|" "$PROJECT/configs/systemd/diner-nightly.service" >units/diner-nightly.service
    cp "$PROJECT/configs/systemd/diner-nightly.timer" units
    run systemd-analyze verify --man=no units/diner-nightly.timer units/diner-nightly.service
    assert_stdout_is ""
    assert_status 0
    sed -i 's/^OnCalendar=.*/OnCalendar=half past five/' units/diner-nightly.timer
    run systemd-analyze verify --man=no units/diner-nightly.timer
    assert_stdout_has "Failed to parse calendar specification"
}

# Of a file for /etc/cron.d: variables, and lines of five times, a user and a command (crontab(5)).
@test "the crontab has lines that cron takes, and the command in it runs" {
    local line words command=
    while IFS= read -r line; do
        case $line in '' | '#'*) continue ;; esac
        if [[ $line =~ ^[A-Z_]+\ *= ]]; then continue; fi
        read -ra words <<<"$line"
        for field in "${words[@]:0:5}"; do [[ $field =~ ^[0-9*/,-]+$ ]] || fail "$line"; done
        [[ ${words[5]} =~ ^[a-z_][a-z0-9_-]*$ ]] || fail "no user: $line"
        command=${words[*]:6}
        [[ $command != *%* ]] || fail "% is a line end to cron: $line"
    done <"$PROJECT/configs/cron/diner"
    [ -n "$command" ]
    # What it would run, were diner there: up to where its output goes.
    command=${command%% >*}
    run env -i PATH=/usr/bin:/bin sh -c "${command//\/usr\/local\/bin\/diner/$DINER} --help"
    assert_status 0
    assert_stdout_has "usage: diner run"
}
