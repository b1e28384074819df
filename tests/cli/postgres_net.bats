#!/usr/bin/env bats
# PostgreSQL over a network: through a pooler, with TLS and certificates.
load ../helper
load pipelines
# shellcheck source=tests/pg.sh
source "$PROJECT/tests/pg.sh"

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# One cluster with TLS and passwords, and one pgbouncer before it: database `shared` pools by
# transaction, `pinned` by session. The server's certificate is for the name db.test.
setup_file() {
    file_dir
    PG_DIR=$FILE_DIR/pg PG_TCP_PORT=$(free_port) BOUNCER_PORT=$(free_port)
    export PG_DIR PG_TCP_PORT BOUNCER_PORT
    make_certificates "$FILE_DIR" || return 1
    pg_start "$PG_DIR" 3>&- || return 1
    pg_psql -c "set password_encryption = 'scram-sha-256'" -c "create role loader login superuser password 'sesame7'" \
        -c "create database w owner loader"
    printf '%s\n' 'local all all trust' 'hostssl all all 127.0.0.1/32 scram-sha-256' \
        'hostnossl w loader 127.0.0.1/32 scram-sha-256' >"$PG_DIR/data/pg_hba.conf"
    install -m 0600 -o "$(stat -c %u "$PG_DIR/data")" "$FILE_DIR/server.key" "$PG_DIR/data/server.key"
    install -m 0644 "$FILE_DIR/server.crt" "$PG_DIR/data/server.crt"
    pg_psql -c "alter system set ssl = on" -c "select pg_reload_conf()" >/dev/null
    bouncer_start 3>&- || return 1
    mkdir -p "$FILE_DIR/conf"
    printf 'timezone: Asia/Shanghai\nconnections: { warehouse: "%s" }\n' "$(plain_dsn)" >"$FILE_DIR/conf/diner.yaml"
    chmod 0600 "$FILE_DIR/conf/diner.yaml"
    DINER_CONFIG=$FILE_DIR/conf/diner.yaml
    export DINER_CONFIG
    wait_for 10 env DINER_DSN="$(plain_dsn)" "$DINER" db migrate
}
teardown_file() {
    kill "$(cat "$FILE_DIR/bouncer.pid")" 2>/dev/null
    pg_stop "$PG_DIR"
    file_dir_remove
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir -p pipelines
    export DINER_PIPELINE_PATH=$PWD/pipelines DINER_OUTPUT_DIR=$PWD
}

make_certificates() { # DIR: ca, other (a CA that signed nothing), server for db.test
    local ca
    for ca in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$ca of a test" \
            -keyout "$1/$ca.key" -out "$1/$ca.crt" 2>/dev/null || return 1
    done
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=db.test \
        -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null &&
        openssl x509 -req -in "$1/server.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
            -extfile <(echo subjectAltName=DNS:db.test) -out "$1/server.crt" 2>/dev/null
}

bouncer_start() {
    cat >"$FILE_DIR/bouncer.ini" <<INI
[databases]
shared = host=127.0.0.1 port=$PG_TCP_PORT dbname=w pool_mode=transaction
pinned = host=127.0.0.1 port=$PG_TCP_PORT dbname=w pool_mode=session
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $BOUNCER_PORT
unix_socket_dir =
auth_type = plain
auth_file = $FILE_DIR/bouncer.users
logfile = $FILE_DIR/bouncer/log
pidfile = $FILE_DIR/bouncer/pid
INI
    echo '"loader" "sesame7"' >"$FILE_DIR/bouncer.users"
    mkdir -p "$FILE_DIR/bouncer"
    # It refuses to run as root.
    chown "$(stat -c %u "$PG_DIR/data")" "$FILE_DIR/bouncer" "$FILE_DIR/bouncer.users"
    pg_as_owner pgbouncer -q -d "$FILE_DIR/bouncer.ini" </dev/null >/dev/null 2>&1 || return 1
    wait_for 5 test -s "$FILE_DIR/bouncer/pid" || return 1
    cp "$FILE_DIR/bouncer/pid" "$FILE_DIR/bouncer.pid"
}

plain_dsn() { echo "postgresql://loader:sesame7@127.0.0.1:$PG_TCP_PORT/w"; }
bouncer_dsn() { echo "postgresql://loader:sesame7@127.0.0.1:$BOUNCER_PORT/$1"; }
tls_dsn() { # HOST CA [SSLMODE]: hostaddr stands for the name's entry in a DNS
    echo "postgresql://loader:sesame7@$1:$PG_TCP_PORT/w?hostaddr=127.0.0.1&sslmode=${3:-verify-full}&sslrootcert=$FILE_DIR/$2"
}
w_sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(plain_dsn)" -c "$1"; }

is_locked() { w_sql "select 1 from pg_locks where locktype = 'advisory'" | grep -q 1; }

stock() {
    printf 'code,qty\nA,1\nB,2\n' >in.csv
    w_sql "drop schema if exists t cascade; create schema t" 2>/dev/null
    pipeline stock <<'YAML'
streams: { stock: { source: { file: ../in.csv }, columns: { code: text, qty: int }, mode: merge, key: [code] } }
YAML
}

# ---- through a pooler ----------------------------------------------------------------------------

@test "pgbouncer in transaction mode is refused before anything is written, with what to do" {
    stock
    for command in "run stock" "serve --listen 127.0.0.1:0"; do
        # shellcheck disable=SC2086
        DINER_DSN=$(bouncer_dsn shared) run --separate-stderr "$DINER" $command
        assert_status 3
        assert_stderr_has "the connection goes through a pooler in transaction mode, where locks and settings do not hold"
        assert_stderr_has "connect to PostgreSQL itself"
        assert_stderr_has "pool_mode = session"
        refute_stderr_has sesame7
    done
    DINER_DSN=$(bouncer_dsn shared) run --separate-stderr "$DINER" doctor -o json
    assert_status 9
    assert_json '.[] | select(.check == "PostgreSQL") | .result == "fail" and (.mend | test("pool_mode = session"))'
    assert_equal "$(w_sql "select to_regclass('t.stock') is null")" t
    assert_equal "$(w_sql "select count(*) from diner.run")" 0
}

@test "pgbouncer in session mode works: runs, their lock, a run beside another's lock" {
    stock
    export DINER_DSN
    DINER_DSN=$(bouncer_dsn pinned)
    diner_run stock
    assert_status 0
    assert_moved stock "2 2 0 0 0 0 0 0"
    diner_run stock
    assert_moved stock "2 0 0 2 0 0 0 0"
    run --separate-stderr "$DINER" db migrate
    assert_status 0
    run --separate-stderr "$DINER" doctor -o json
    assert_json '.[] | select(.check == "PostgreSQL") | .result == "ok"'
    hook=$PWD/hold
    mkfifo "$hook"
    pipeline held <<YAML
hooks: { before: [{ exec: "cat $hook" }] }
streams: { stock: { source: { file: ../in.csv }, columns: { code: text, qty: int }, mode: merge, key: [code] } }
YAML
    "$DINER" run held 3>&- 2>held.log &
    held=$!
    wait_for 10 is_locked
    run --separate-stderr "$DINER" run held
    echo go >"$hook"
    wait "$held"
    assert_status 8
    assert_stderr_has "held"
    assert_equal "$(w_sql "select string_agg(status, ' ') from diner.run where pipeline = 'held'")" succeeded
}

# ---- TLS -----------------------------------------------------------------------------------------

@test "sslmode=verify-full: the right name and CA, and the session is encrypted" {
    stock
    DINER_DSN=$(tls_dsn db.test ca.crt) diner_run stock
    assert_status 0
    assert_moved stock "2 2 0 0 0 0 0 0"
    run --separate-stderr env DINER_DSN="$(tls_dsn db.test ca.crt)" "$DINER" doctor -o json
    assert_json '.[] | select(.check == "PostgreSQL") | .result == "ok"'
}

@test "TLS that cannot be: one line that says what and how to mend it, at once, no password" {
    stock
    echo "no certificate" >"$BATS_TEST_TMPDIR/not.crt"
    while IFS='|' read -r host ca mode found mend; do
        DINER_DSN=$(tls_dsn "$host" "$ca" "$mode") run --separate-stderr "$DINER" run stock -vvv
        assert_status 6
        assert_stderr_has "cannot connect to the database"
        assert_stderr_has "$found"
        assert_stderr_has "$mend"
        refute_stderr_has sesame7
        assert_stdout_is ""
    done <<'CASES'
db.test|other.crt|verify-full|certificate verify failed|sslrootcert must name the CA
db.test|other.crt|verify-ca|certificate verify failed|sslrootcert must name the CA
other.test|ca.crt|verify-full|server certificate for "db.test" does not match host name "other.test"|connect by a name of the server's certificate
db.test|none.crt|verify-full|root certificate file|give the file of the CA
db.test|server.key|verify-full|could not read root certificate|must name the CA's certificate as a PEM file
CASES
}
