# shellcheck shell=bash disable=SC2154
# Pipelines of a test's own: its directory, its schema `t`, what a run moved. After ../helper.

pipelines_setup() { # for setup(): each test begins with an empty directory and an empty schema
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir -p pipelines out
    export DINER_PIPELINE_PATH=$PWD/pipelines DINER_OUTPUT_DIR=$PWD/out
    psql -X -q -d "$(dev_dsn)" >/dev/null 2>&1 <<'SQL'
set client_min_messages = error;
drop schema if exists t cascade;
create schema t;
truncate diner.run, diner.run_stream, diner.reject, diner.finding, diner.intent, diner.state restart identity cascade;
SQL
}

# The rest of the file comes from standard input; targets default to the schema t.
pipeline() { # NAME
    {
        printf 'version: 1\nname: %s\n' "$1"
        printf 'defaults: { target: { connection: warehouse, schema: t } }\n'
        cat
    } >"pipelines/$1.yaml"
}

job() { # NAME
    {
        printf 'version: 1\nname: %s\n' "$1"
        cat
    } >"pipelines/$1.yaml"
}

diner_run() { # PIPELINE [OPTION...]: counts as JSON in $output
    run --separate-stderr "$DINER" run "$@" -o json
}

# "read inserted updated unchanged deleted superseded rejected skipped" of a stream of $output, and
# whether they add up.
assert_moved() { # STREAM "NUMBERS"
    local found
    found=$(jq -r --arg s "$1" '.[] | select(.stream == $s) | [.read, .inserted, .updated,
        .unchanged, .deleted, .superseded, .rejected, .skipped] | join(" ")' <<<"$output")
    [ "$found" = "$2" ] || fail "stream '$1' moved '$found', expected '$2'"
    assert_json "all(.[]; .status != \"succeeded\" or .read == .inserted + .updated + .unchanged
        + .superseded + .rejected + .skipped + .accepted)"
}
assert_stream_status() { # STREAM STATUS
    assert_json ".[] | select(.stream == \"$1\") | .status == \"$2\""
}

rows() { # TABLE [COLUMNS]: its rows on one line, sorted
    sql "select coalesce(string_agg(r, ' ' order by r), '')
         from (select concat_ws(',', ${2:-code, qty}) as r from t.$1) x"
}
assert_rows() { # TABLE "ROWS" [COLUMNS]
    assert_equal "$(rows "$1" "${3:-}")" "$2"
}

stock_file() { # FILE "code,qty" LINES... : a small CSV
    local file=$1
    shift
    printf '%s\n' "$@" >"$file"
}
