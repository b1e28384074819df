# shellcheck shell=bash disable=SC2154
# A scripted API, a connector `shop` to it, and pipelines that read it. After ../helper.

api_start() { # for setup_file(), after file_dir
    "$PROJECT/tests/http_server.py" >"$FILE_DIR/api.port" 3>&- &
    echo $! >"$FILE_DIR/api.pid"
    wait_for 10 test -s "$FILE_DIR/api.port"
}
api_stop() { kill "$(cat "$FILE_DIR/api.pid")"; }
api_url() { echo "http://127.0.0.1:$(cat "$FILE_DIR/api.port")"; }
api_script() { curl -sS -f -X PUT "$(api_url)/_script" -d @- >/dev/null; } # from standard input
api_log() { curl -sS -f "$(api_url)/_log"; }
# A jq filter that must be true of the requests seen.
assert_asked() { # JQ-FILTER
    api_log | jq -e "$1" >/dev/null || fail "expected of the requests: $1" "$(api_log)"
}

# The rest of the file, its resources and what else, comes from standard input.
connector() { # [NAME]
    mkdir -p connectors
    export DINER_CONNECTOR_PATH=$PWD/connectors
    {
        printf 'version: 1\nbase_url: %s\nretry: { base: 1ms, cap: 5ms }\n' "$(api_url)"
        cat
    } >"connectors/${1:-shop}.yaml"
}

# A pipeline `p` of the one stream `s`, from resource `list` of `shop` to the file out.csv.
reading() { # COLUMNS [MORE OF THE SOURCE]
    printf 'version: 1\nname: p\nstreams:\n  s:\n    source: { connector: shop, resource: list%s }\n' \
        "${2:-}" >p.yaml
    printf '    target: { file: out.csv }\n    columns: { %s }\n' "$1" >>p.yaml
}
preview() { # the rows as CSV in $output
    run --separate-stderr "$DINER" pipeline preview ./p.yaml --rows 1000 -o csv "$@"
}
