# shellcheck shell=bash disable=SC2317
# What the bats files share. In a file:
#
#   load ../helper            # from tests/cli and tests/e2e
#   setup_file() { dev_start; }      # one private PostgreSQL and platform for the whole file
#   teardown_file() { dev_stop; }    # stops them by pid, also when something went wrong
#   @test "..." {
#       run --separate-stderr "$DINER" config show
#       assert_status 0; assert_stdout_has "timezone"; assert_stderr_is ""
#   }
#
# DINER is the absolute path of the program under test. $output is stdout, $stderr is stderr.
# Each test has BATS_TEST_TMPDIR to itself; each file has FILE_DIR, readable by the server's user.
bats_require_minimum_version 1.5.0

PROJECT=$(cd "${BATS_TEST_DIRNAME:-.}/../.." && pwd)
: "${DINER:=$PROJECT/build/diner}"
case $DINER in /*) ;; *) DINER=$PWD/$DINER ;; esac
export PROJECT DINER
# Nothing of the person who runs the tests may leak in. (Each test reads this file again: what
# setup_file exported stays.)
if [ -z "${FILE_DIR:-}" ]; then
    unset "${!DINER_@}" "${!PG@}" XDG_CONFIG_HOME XDG_STATE_HOME XDG_RUNTIME_DIR NO_COLOR
fi
unset LANGUAGE
export LC_ALL=C.UTF-8 TZ=UTC

# ---- one environment a file --------------------------------------------------------------------

file_dir() { # makes FILE_DIR once a file; removed by dev_stop or file_dir_remove
    if [ -z "${FILE_DIR:-}" ]; then
        FILE_DIR=$(mktemp -d /tmp/diner-t.XXXXXX)
        chmod 0755 "$FILE_DIR"
        export FILE_DIR
    fi
}

file_dir_remove() {
    if [ -n "${FILE_DIR:-}" ]; then rm -rf "$FILE_DIR"; fi
}

# Starts the environment in FILE_DIR/dev and makes it the configuration of the file's tests.
# Arguments go to `diner dev seed`; without any nothing is seeded.
dev_start() { # [SEED-OPTION...]
    file_dir
    export DINER_DEV_DIR=$FILE_DIR/dev
    (cd "$PROJECT" && "$DINER" dev up) 3>&- || {
        dev_stop
        return 1
    }
    export DINER_CONFIG=$DINER_DEV_DIR/diner.yaml
    if [ $# -gt 0 ]; then "$DINER" dev seed "$@" 3>&- || return 1; fi
}

# By pid where `dev down` cannot: nothing may outlive a file.
dev_stop() {
    local pid
    if [ -n "${DINER_DEV_DIR:-}" ] && [ -d "$DINER_DEV_DIR" ]; then
        "$DINER" dev down 3>&- || {
            for pid in $(dev_pids); do kill -KILL "$pid" 2>/dev/null; done
        }
    fi
    file_dir_remove
}

dev_postgres_pid() { head -n 1 "$DINER_DEV_DIR/pg/data/postmaster.pid" 2>/dev/null; }
dev_platform_pid() { cat "$DINER_DEV_DIR/serve.pid" 2>/dev/null; }
dev_pids() { # those of ours that are alive
    local pid
    for pid in $(dev_postgres_pid) $(dev_platform_pid); do
        if tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$DINER_DEV_DIR"; then
            echo "$pid"
        fi
    done
}
dev_dsn() { echo "postgresql:///diner?host=$DINER_DEV_DIR/pg&port=5432&user=diner"; }
dev_url() { echo "http://127.0.0.1:$(cat "$DINER_DEV_DIR/serve.port")"; }

is_alive() { # PID: a process, not the zombie of one
    [ -n "$(tr -d '\0' <"/proc/$1/cmdline" 2>/dev/null)" ]
}

sql() { # one value, or rows with | between columns
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(dev_dsn)" -c "$1"
}

# ---- cron's world: no terminal, a bare PATH, LANG=C, no HOME -------------------------------------

as_cron() { # COMMAND... ; keeps DINER_CONFIG, as the installed line does
    env -i PATH=/usr/bin:/bin LANG=C ${DINER_CONFIG:+DINER_CONFIG="$DINER_CONFIG"} \
        setsid --wait "$@" </dev/null
}

# ---- assertions ----------------------------------------------------------------------------------

fail() {
    printf '%s\n' "$@" "status: ${status:-}" "stdout: ${output:-}" "stderr: ${stderr:-}" >&2
    return 1
}
assert_status() { [ "$status" -eq "$1" ] || fail "expected exit status $1"; }
assert_stdout_is() { [ "$output" = "$1" ] || fail "expected stdout to be: $1"; }
assert_stderr_is() { [ "${stderr:-}" = "$1" ] || fail "expected stderr to be: $1"; }
assert_stdout_has() { [[ $output == *"$1"* ]] || fail "expected stdout to have: $1"; }
assert_stderr_has() { [[ ${stderr:-} == *"$1"* ]] || fail "expected stderr to have: $1"; }
refute_stdout_has() { [[ $output != *"$1"* ]] || fail "expected stdout without: $1"; }
refute_stderr_has() { [[ ${stderr:-} != *"$1"* ]] || fail "expected stderr without: $1"; }
assert_stdout_matches() { [[ $output =~ $1 ]] || fail "expected stdout to match: $1"; }
assert_stderr_matches() { [[ ${stderr:-} =~ $1 ]] || fail "expected stderr to match: $1"; }
assert_equal() { [ "$1" = "$2" ] || fail "expected '$2', got '$1'"; }
assert_file() { [ -f "$1" ] || fail "expected the file $1"; }
refute_exists() { [ ! -e "$1" ] || fail "expected nothing at $1"; }
assert_json() { # JQ-FILTER: true of stdout
    jq -e "$1" >/dev/null <<<"$output" || fail "expected JSON on stdout with: $1"
}
assert_sql() { assert_equal "$(sql "$1")" "$2"; }

# Waits until COMMAND succeeds, at most SECONDS.
wait_for() { # SECONDS COMMAND...
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$until" ]; then fail "waited too long for: $*"; return 1; fi
        sleep 0.1
    done
}
