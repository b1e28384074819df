#!/usr/bin/env bash
# A private Tryton 6.0 server for tests: Debian's packages, SQLite, loopback, a free port.
#
#   tests/erp/tryton.sh start DIR [PORT]   makes the database (about 25 s), starts the server,
#                                          prints its URL with the database, http://127.0.0.1:PORT/erp/
#   tests/erp/tryton.sh seed DIR           company, stores, materials, stock, suppliers, a purchase
#                                          order, members; prints their ids as JSON
#   tests/erp/tryton.sh call DIR METHOD PARAMS   one JSON-RPC call as admin; PARAMS is a JSON list
#   tests/erp/tryton.sh restart DIR SECONDS   the same server anew; a session lives that long
#   tests/erp/tryton.sh stop DIR           stops it by its pid; DIR stays
#
# DIR must exist. The user is admin, the password stands in DIR/password.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
modules="party product stock sale purchase"

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_database() { # DIR PORT
    cat >"$1/trytond.conf" <<CONF
[database]
uri = sqlite://
path = $1
[web]
listen = 127.0.0.1:$2
CONF
    (umask 077 && head -c 18 /dev/urandom | base64 >"$1/password")
    : >"$1/erp.sqlite"
    # shellcheck disable=SC2086 # a list of modules
    TRYTONPASSFILE=$1/password trytond-admin -c "$1/trytond.conf" -d erp --all \
        --email admin@example.com -u $modules --activate-dependencies >"$1/admin.log" 2>&1 || {
        cat "$1/admin.log" >&2
        return 1
    }
}

run_server() { # DIR: waits until it answers
    local url i
    url=$(cat "$1/url")
    (exec setsid trytond -c "$1/trytond.conf" -d erp >>"$1/server.log" 2>&1 </dev/null 3>&-) &
    echo $! >"$1/pid"
    for ((i = 0; i < 600; i++)); do
        if curl -fsS -o /dev/null -H 'Content-Type: application/json' \
            -d '{"id":1,"method":"common.server.version","params":[]}' "${url%erp/}" 2>/dev/null; then
            return 0
        fi
        kill -0 "$(cat "$1/pid")" 2>/dev/null || break
        sleep 0.1
    done
    cat "$1/server.log" >&2
    return 1
}

stop_server() { # DIR
    local pid i
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$1/trytond.conf" || return 0
    kill -TERM "$pid"
    for ((i = 0; i < 50; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$1/pid"
}

[ $# -ge 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
action=$1 dir=$2
case $action in
start)
    port=${3:-$(free_port)}
    echo "http://127.0.0.1:$port/erp/" >"$dir/url"
    make_database "$dir" "$port"
    run_server "$dir"
    cat "$dir/url"
    ;;
seed) "$here/tryton_seed.py" "$(cat "$dir/url")" "$(cat "$dir/password")" ;;
call) "$here/tryton_seed.py" call "$(cat "$dir/url")" "$(cat "$dir/password")" "$3" "$4" ;;
restart)
    stop_server "$dir"
    sed -i '/^\[session\]/,$d' "$dir/trytond.conf"
    printf '[session]\nmax_age = %d\n' "$3" >>"$dir/trytond.conf"
    run_server "$dir"
    ;;
stop) stop_server "$dir" ;;
*)
    echo "tryton.sh: unknown action '$action'" >&2
    exit 2
    ;;
esac
