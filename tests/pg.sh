# shellcheck shell=bash
# A private PostgreSQL 15 cluster for tests; source this file.
#
#   pg_start DIR   makes and starts a cluster in DIR (mktemp -d /tmp/diner-pg.XXXXXX) on a unix
#                  socket in DIR; sets and exports PG_DSN, and prints it. Variables: PG_TCP_PORT
#                  (also listen on 127.0.0.1), PG_FSYNC=on (default off), PG_PORT (socket number).
#   pg_stop DIR    stops it by its pid and removes DIR.
#   pg_kill DIR    kill -9 of the server; pg_resume DIR starts it again.
#   pg_psql ...    psql on PG_DSN, quiet and unaligned.
#
# As root the server runs as the user postgres; trust authentication, locale C.UTF-8.
PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}

pg_as_owner() { # runs a command as the cluster's owner, in a directory that owner can enter
    if [ "$(id -u)" -ne 0 ]; then
        (cd / && "$@")
    elif command -v runuser >/dev/null; then
        (cd / && runuser -u postgres -- "$@")
    else
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    fi
}

pg_start() { # DIR
    local dir=$1 port=${PG_PORT:-5432} listen=''
    if [ "${#dir}" -gt 85 ]; then
        echo "pg_start: the path of a unix socket must stay under 100 bytes: $dir" >&2
        return 1
    fi
    mkdir -p "$dir" || return 1
    if [ "$(id -u)" -eq 0 ]; then chown postgres: "$dir" || return 1; fi
    chmod 0755 "$dir" || return 1
    if [ -n "${PG_TCP_PORT:-}" ]; then
        listen=127.0.0.1
        port=$PG_TCP_PORT
    fi
    pg_as_owner "$PG_BIN/initdb" -D "$dir/data" -U postgres -A trust --locale=C.UTF-8 \
        -E UTF8 --no-sync >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        return 1
    }
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '$listen'
port = $port
unix_socket_directories = '$dir'
fsync = ${PG_FSYNC:-off}
max_connections = 60
shared_buffers = 64MB
log_min_messages = warning
CONF
    pg_resume "$dir" || return 1
    PG_DSN="postgresql:///postgres?host=$dir&port=$port&user=postgres"
    export PG_DSN
    echo "$PG_DSN"
}

pg_resume() { # DIR: starts a cluster that exists (after a stop or pg_kill)
    local i
    pg_is_running "$1" || rm -f "$1/data/postmaster.pid"
    for ((i = 0; i < 20; i++)); do # backends of a killed server may take a moment to go
        pg_as_owner "$PG_BIN/pg_ctl" -D "$1/data" -l "$1/data/log" -w -t 60 start \
            >"$1/data/start.log" 2>&1 </dev/null && return 0
        sleep 0.2
    done
    cat "$1/data/start.log" "$1/data/log" >&2
    return 1
}

pg_pid() { # DIR: the postmaster's pid
    head -n 1 "$1/data/postmaster.pid" 2>/dev/null
}

pg_is_running() { # DIR (a zombie that nobody reaps does not run)
    local pid state
    pid=$(pg_pid "$1") && [ -n "$pid" ] || return 1
    state=$(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ]
}

pg_kill() { # DIR: kill -9 of the postmaster, as a power cut would
    local pid i
    pid=$(pg_pid "$1")
    [ -n "$pid" ] || return 1
    kill -KILL "$pid"
    for ((i = 0; i < 100; i++)); do
        pg_is_running "$1" || break
        sleep 0.02
    done
}

pg_stop() { # DIR
    local pid i
    pid=$(pg_pid "$1")
    if pg_is_running "$1"; then
        kill -INT "$pid" 2>/dev/null # fast shutdown
        for ((i = 0; i < 200; i++)); do
            pg_is_running "$1" || break
            sleep 0.05
        done
        pg_is_running "$1" && kill -QUIT "$pid"
    fi
    rm -rf "$1"
}

pg_psql() {
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$PG_DSN" "$@"
}
