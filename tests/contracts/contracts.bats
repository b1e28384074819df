# The contract between diner's commands and a platform, in Pact's format: written by running the
# commands, verified against `diner serve`, both by Pact's own library.
load ../helper

setup_file() {
    export CONTRACTS=$PROJECT/tests/contracts PACT_DO_NOT_TRACK=true
    if [ ! -d "$CONTRACTS/node_modules/@pact-foundation/pact-core" ]; then
        (cd "$CONTRACTS" && npm ci --no-audit --no-fund --ignore-scripts >&2) 3>&- || return 1
    fi
    dev_start --orders 20
}
teardown_file() { dev_stop; }

verify() { # FILE
    DINER_PLATFORM_URL=$(dev_url) DINER_PLATFORM_USER=integration \
        DINER_PLATFORM_PASSWORD=$(cat "$DINER_DEV_DIR/secrets/integration") \
        run node "$CONTRACTS/provider.mjs" "$1"
}

@test "the commands ask what the contract says, and live with what it lets be answered" {
    run node "$CONTRACTS/consumer.mjs" "$BATS_TEST_TMPDIR"
    [ "$status" -eq 0 ] || fail "$output"
    diff "$BATS_TEST_TMPDIR/diner-platform.json" "$CONTRACTS/diner-platform.json" ||
        fail "another contract: when it is meant, run 'node tests/contracts/consumer.mjs tests/contracts'"
}

@test "diner serve keeps the contract" {
    verify "$CONTRACTS/diner-platform.json"
    assert_status 0
    assert_stdout_has "the contract holds"
}

@test "a contract that the server does not keep is seen: another type, status, address" {
    local change
    for change in '(.interactions[] | select(.description == "one order with its lines") | .response.body.data.total_amount) = 77' \
        '(.interactions[] | select(.description == "an order that there is not") | .response.status) = 410' \
        '(.interactions[] | select(.description == "the newest payments") | .request.path) = "/api/v1/money"'; do
        jq "$change" "$CONTRACTS/diner-platform.json" >"$BATS_TEST_TMPDIR/changed.json"
        verify "$BATS_TEST_TMPDIR/changed.json"
        assert_status 1
        assert_stdout_has "the contract is broken"
    done
}
