# shellcheck shell=bash disable=SC2154
# The tests of ERP and CRM: a Tryton server of one's own, or tests/erp/server.py. After ../helper;
# begin with dev_start, which removes FILE_DIR when it fails.

ERP_TESTS=$PROJECT/tests/erp

tryton_start() { # in FILE_DIR/tryton, seeded; ids in FILE_DIR/ids.json
    file_dir
    mkdir -p "$FILE_DIR/tryton"
    "$ERP_TESTS/tryton.sh" start "$FILE_DIR/tryton" >/dev/null 3>&- || return 1
    "$ERP_TESTS/tryton.sh" seed "$FILE_DIR/tryton" >"$FILE_DIR/ids.json" || return 1
    TRYTON_URL=$(sed 's,/$,,' "$FILE_DIR/tryton/url")
    TRYTON_PASSWORD=$(cat "$FILE_DIR/tryton/password")
    export TRYTON_URL TRYTON_PASSWORD
}
tryton_stop() {
    if [ -n "${FILE_DIR:-}" ]; then "$ERP_TESTS/tryton.sh" stop "$FILE_DIR/tryton"; fi
}
tryton_call() { # METHOD PARAMS
    "$ERP_TESTS/tryton.sh" call "$FILE_DIR/tryton" "$@"
}
tryton_count() { # MODEL DOMAIN
    tryton_call "model.$1.search_count" "[$2, {}]"
}
id_of() { # JQ-FILTER over what the seed printed
    jq -r "$1" "$FILE_DIR/ids.json"
}

shapes_start() { # tests/erp/server.py; its pid and port in FILE_DIR
    file_dir
    "$ERP_TESTS/server.py" >"$FILE_DIR/shapes.port" 2>"$FILE_DIR/shapes.log" 3>&- &
    echo $! >"$FILE_DIR/shapes.pid"
    wait_for 10 test -s "$FILE_DIR/shapes.port" || return 1
    SHAPES=http://127.0.0.1:$(cat "$FILE_DIR/shapes.port")
    export SHAPES
    export KINGDEE_URL=$SHAPES/k3cloud KINGDEE_ACCOUNT=65a48b111c0197 KINGDEE_USER=integration \
        KINGDEE_APP_ID=280001_app KINGDEE_APP_SECRET=kd-app-secret KINGDEE_PASSWORD=kd-password
    export ODOO_URL=$SHAPES ODOO_DATABASE=group ODOO_API_KEY=odoo-api-key ODOO_USER=integration \
        ODOO_PASSWORD=odoo-password
    export ERPNEXT_URL=$SHAPES ERPNEXT_TOKEN="token frappe-key:frappe-secret"
    export SAP_URL=$SHAPES SAP_USER=INTEGRATION SAP_PASSWORD=sap-password
}
shapes_stop() {
    if [ -f "$FILE_DIR/shapes.pid" ]; then kill "$(cat "$FILE_DIR/shapes.pid")"; fi
}
shapes() { # JSON for /_control
    curl -fsS -o /dev/null "$SHAPES/_control" -d "$1"
}
asked() { # JQ-FILTER over the requests seen
    curl -fsS "$SHAPES/_log" | jq -r "$1"
}
written() { # JQ-FILTER over the documents written
    curl -fsS "$SHAPES/_written" | jq -r "$1"
}

diner_run() { # PIPELINE [OPTION...]: counts as JSON in $output
    run --separate-stderr "$DINER" run "$@" -o json
}
assert_moved() { # STREAM "READ INSERTED UPDATED UNCHANGED REJECTED"
    local found
    found=$(jq -r --arg s "$1" '.[] | select(.stream == $s) | [.read, .inserted, .updated,
        .unchanged, .rejected] | join(" ")' <<<"$output")
    [ "$found" = "$2" ] || fail "stream '$1' moved '$found', expected '$2'"
}
assert_nothing_moved() { # all streams: nothing was written
    assert_json 'all(.[]; .status == "succeeded" and .inserted == 0 and .updated == 0 and .deleted == 0)'
}
