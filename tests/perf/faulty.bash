# shellcheck shell=bash
# The faulty restaurant API and its database, for bats files; source this.
#
#   faulty_start DIR   a private PostgreSQL with pg_stat_statements and hypopg, the tables, the API;
#                      exports PG_DSN, PG_BIN, FAULTY_URL, FAULTY_PID
#   faulty_pool DIR    a second API with a pool of two connections, over a database of its own;
#                      exports POOL_URL, POOL_DSN
#   faulty_stop DIR    ends all, by pid
# shellcheck source=tests/pg.sh
source "$PROJECT/tests/pg.sh"
export PG_BIN

faulty_serve() { # DSN PORT_FILE [CONNECTIONS]; its pid goes to PORT_FILE.pid
    local program i
    program=$(dirname "$DINER")/faulty
    [ -x "$program" ] || {
        echo "$program is missing: make $program" >&2
        return 1
    }
    "$program" "$@" >"$2.log" 2>&1 3>&- &
    echo $! >"$2.pid"
    for ((i = 0; i < 200; i++)); do
        [ -s "$2" ] && return 0
        sleep 0.05
    done
    cat "$2.log" >&2
    return 1
}

faulty_start() { # DIR
    pg_start "$1/pg" >/dev/null || return 1
    cat >>"$1/pg/data/postgresql.conf" <<CONF
shared_preload_libraries = 'pg_stat_statements'
autovacuum = off
jit = off
CONF
    pg_as_owner "$PG_BIN/pg_ctl" -D "$1/pg/data" -w restart >/dev/null 2>&1 </dev/null || return 1
    pg_psql -f "$PROJECT/tests/perf/faulty.sql" || return 1
    faulty_serve "$PG_DSN" "$1/port" || return 1
    FAULTY_URL=http://127.0.0.1:$(cat "$1/port")
    export FAULTY_URL
}

faulty_pool() { # DIR
    pg_psql -c 'create database pool' || return 1
    POOL_DSN=${PG_DSN/\/postgres?/\/pool?}
    "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 "$POOL_DSN" -c 'create extension pg_stat_statements' \
        -c 'create schema shop' -c 'create table shop.stores (id int primary key, name text not null)' \
        -c "insert into shop.stores select n, 'store ' || n from generate_series(1, 200) n" \
        -c 'analyze' || return 1
    faulty_serve "$POOL_DSN" "$1/pool_port" 2 || return 1
    POOL_URL=http://127.0.0.1:$(cat "$1/pool_port")
    export POOL_URL POOL_DSN
}

faulty_stop() { # DIR
    local file
    for file in "$1"/*.pid; do
        if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null; fi
    done
    pg_stop "$1/pg"
}
