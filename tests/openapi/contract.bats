# The platform's answers against lib/platform/openapi.yaml, by a validator that is not ours.
load ../helper

setup_file() {
    export CHECK_DIR=$PROJECT/tests/openapi
    if [ ! -d "$CHECK_DIR/node_modules/openapi-response-validator" ]; then
        (cd "$CHECK_DIR" && npm ci --no-audit --no-fund >&2) 3>&- || return 1
    fi
    dev_start --orders 200
}
teardown_file() { dev_stop; }

@test "every operation answers as the contract says" {
    DINER_PLATFORM_URL=$(dev_url) DINER_PLATFORM_USER=integration
    DINER_PLATFORM_PASSWORD=$(cat "$DINER_DEV_DIR/secrets/integration")
    DINER_CALLBACK_SECRET=$(cat "$DINER_DEV_DIR/secrets/callbacks")
    DINER_PLATFORM_ADMIN_PASSWORD=$(cat "$DINER_DEV_DIR/secrets/admin")
    export DINER_CALLBACK_SECRET DINER_PLATFORM_ADMIN_PASSWORD DINER_PLATFORM_URL DINER_PLATFORM_USER DINER_PLATFORM_PASSWORD
    run node "$CHECK_DIR/check.mjs"
    [ "$status" -eq 0 ] || fail "$output"
    assert_stdout_has "ok"
}

@test "the examples of the delivery document fit the contract" {
    local lang
    for lang in en zh; do
        "$DINER" docs delivery --lang "$lang" --out "$BATS_TEST_TMPDIR/$lang.md"
        run node "$CHECK_DIR/examples.mjs" "$BATS_TEST_TMPDIR/$lang.md"
        [ "$status" -eq 0 ] || fail "$(grep -A1 '^not ok' <<<"$output")"
    done
}
