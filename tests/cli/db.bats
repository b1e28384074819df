#!/usr/bin/env bats
# diner db migrate|status, and what a database that cannot be had looks like.
load ../helper

setup_file() { dev_start --orders 0; }
teardown_file() { dev_stop; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

fresh_database() { # makes an empty database and points DINER_DSN at it
    sql "CREATE DATABASE fresh_$BATS_TEST_NUMBER"
    export DINER_DSN="postgresql:///fresh_$BATS_TEST_NUMBER?host=$DINER_DEV_DIR/pg&user=diner"
}

@test "status: before, after; migrate twice changes nothing the second time" {
    fresh_database
    run --separate-stderr "$DINER" db status -o json
    assert_status 0
    assert_json 'length >= 2 and all(.applied == false and .applied_at == null)'
    assert_stderr_has "0 applied"
    run --separate-stderr "$DINER" db migrate
    assert_status 0
    assert_stdout_is ""
    assert_stderr_matches 'db migrate: [1-9][0-9]* applied'
    run --separate-stderr "$DINER" db migrate
    assert_status 0
    assert_stderr_has "db migrate: 0 applied"
    run --separate-stderr "$DINER" db status -o json
    assert_status 0
    assert_json 'all(.applied == true and (.applied_at | test("^20..-")))'
    assert_stderr_has "0 missing"
}

@test "migrate --dry-run lists and applies nothing" {
    fresh_database
    run --separate-stderr "$DINER" db migrate --dry-run -o json
    assert_status 0
    assert_json 'any(.set == "platform" and .migration == "0001_platform")'
    assert_stderr_has "would be applied"
    run --separate-stderr psql -X -At -d "$DINER_DSN" -c "SELECT count(*) FROM pg_namespace WHERE nspname IN ('app', 'diner')"
    assert_stdout_is 0
}

@test "two at once: each migration is applied once" {
    fresh_database
    "$DINER" db migrate 3>&- 2>first &
    first=$!
    run --separate-stderr "$DINER" db migrate
    assert_status 0
    wait "$first"
    # shellcheck disable=SC2154 # bats sets it
    echo "$stderr" >second
    total=$(sed -E 's/.*: ([0-9]+) applied.*/\1/' first second | awk '{ n += $1 } END { print n }')
    run --separate-stderr "$DINER" db status -o json
    assert_json "length == $total"
}

@test "a migration that was edited after it was applied is refused" {
    fresh_database
    "$DINER" db migrate 3>&- 2>&1
    psql -X -q -d "$DINER_DSN" -c "UPDATE diner.migration SET sha256 = repeat('0', 64) WHERE name = '0001_platform'"
    run --separate-stderr "$DINER" db migrate
    assert_status 6
    assert_stdout_is ""
    assert_stderr_has 0001_platform
}

@test "no connection configured: exit 3 and what to set" {
    run --separate-stderr env -u DINER_CONFIG "$DINER" db status
    assert_status 3
    assert_stdout_is ""
    assert_stderr_has "connection 'warehouse' is not configured"
    assert_stderr_has "DINER_DSN"
}

@test "no server: exit 6; a role that does not exist: exit 4; no password in either" {
    export DINER_DSN="postgresql://u:hunter22@127.0.0.1:1/x"
    run --separate-stderr "$DINER" db status
    assert_status 6
    assert_stdout_is ""
    refute_stderr_has hunter22
    export DINER_DSN="postgresql:///diner?host=$DINER_DEV_DIR/pg&user=stranger&password=hunter22"
    run --separate-stderr "$DINER" db status
    assert_status 4
    assert_stdout_is ""
    refute_stderr_has hunter22
}

@test "in cron's environment" {
    run --separate-stderr as_cron "$DINER" db migrate
    assert_status 0
    assert_stdout_is ""
    assert_stderr_has "db migrate: 0 applied"
}

@test "user: made, changed, refused; the password is nowhere in argv" {
    printf 'open sesame' >pw && chmod 600 pw
    run --separate-stderr "$DINER" db user ann --role readonly --password file:pw
    assert_status 0
    assert_stderr_has "db user: 'ann' is readonly"
    assert_sql "select role, store_id is null, password_hash like '\$2b\$%' from app.users where username = 'ann'" "readonly|t|t"
    run curl -s -o answer.json -w '%{http_code}' "$(dev_url)/api/v1/auth/login" --json '{"username":"ann","password":"open sesame"}'
    assert_stdout_is 200
    token=$(jq -r .data.access_token answer.json)
    run curl -s -X POST "$(dev_url)/api/v1/orders" -H "Authorization: Bearer $token" --json '{}'
    assert_json '.error == "forbidden_role"'
    run curl -s "$(dev_url)/api/v1/orders" -H "Authorization: Bearer $token"
    assert_json '.code == 200'
    run --separate-stderr "$DINER" db user ann --role store --store nowhere --password file:pw
    assert_status 1
    assert_stderr_has "there is no store 'nowhere'"
    assert_sql "select role from app.users where username = 'ann'" readonly
    run --separate-stderr "$DINER" db user ann --role store --password file:pw
    assert_status 1
    assert_stderr_has "needs a store"
    run --separate-stderr "$DINER" db user ann --role king --password file:pw
    assert_status 2
    assert_stderr_has "one of admin, integration, store, readonly"
    run --separate-stderr "$DINER" db user ann --role admin --password "open sesame"
    assert_status 2
    assert_stderr_has "may not stand on the command line"
    refute_stderr_has "sesame"
    run --separate-stderr "$DINER" db user bob --role admin --password file:pw --dry-run
    assert_status 0
    assert_sql "select count(*) from app.users where username = 'bob'" 0
}
