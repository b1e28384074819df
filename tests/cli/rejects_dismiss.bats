#!/usr/bin/env bats
# diner rejects dismiss: closed with a note, kept, and not opened again by the same row.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    stock_pipeline "numeric(5,0)"
    printf '%s\n' code,phone,qty A,1,1 B,13812345678,2 C,3,x >in.csv
    load_stock
}

stock_pipeline() { # TYPE OF PHONE; the table is made anew
    sql "drop table if exists t.stock" >/dev/null
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    on_error: { max_rejects: 100, max_reject_rate: 100% }
    columns: { code: text, phone: "$1", qty: int }
YAML
}
load_stock() { "$DINER" run -q stock >/dev/null 3>&-; }
open_codes() { sql "select string_agg(key->>'code', ' ' order by id) from diner.reject where closed_at is null"; }
dismiss() { run --separate-stderr "$DINER" rejects dismiss "$@"; }

@test "by number: closed with the note, listed with --all, shown, not replayed" {
    dismiss 1 --note '测试门店'
    assert_status 0
    assert_stderr_is "1 rejects are dismissed"
    assert_equal "$(open_codes)" C
    run --separate-stderr "$DINER" rejects list -o json
    assert_json '[.[] | .id] == [2] and .[0].closed == null'
    run --separate-stderr "$DINER" rejects list --all -o json
    assert_json '[.[] | [.id, .closed]] == [[2, null], [1, "dismissed: 测试门店"]]'
    run --separate-stderr "$DINER" rejects show 1 -o json
    assert_json 'map({(.field): .value}) | add | .dismissed == "测试门店" and .closed_at != null and .closed_by_run == null'
    stock_pipeline "numeric(11,0)" # B could be loaded now
    run --separate-stderr "$DINER" rejects replay stock -o json
    assert_status 0
    assert_json '[.[] | [.read, .inserted, .rejected]] == [[1, 0, 1]]'
}

@test "the same row for the same reason stays dismissed, for another it is open again" {
    dismiss 1 2 --note x
    assert_status 0
    load_stock
    assert_equal "$(open_codes)" ""
    assert_equal "$(sql "select string_agg(times_seen::text, ' ' order by id) from diner.reject")" "2 2"
    stock_pipeline int
    load_stock
    assert_equal "$(open_codes)" B
    # loaded, then refused as before: what a run closed is no dismissal
    stock_pipeline bigint
    run --separate-stderr "$DINER" rejects replay stock -o json
    assert_status 0
    assert_equal "$(open_codes)" ""
    stock_pipeline int
    load_stock
    assert_equal "$(open_codes)" B
}

@test "by pipeline, stream and run; a dry run changes nothing" {
    dismiss --pipeline stock --stream stock --run 1 --note x --dry-run
    assert_status 0
    assert_stderr_is "dry run: 2 rejects are dismissed"
    assert_equal "$(open_codes)" "B C"
    for filter in "--pipeline other" "--pipeline stock --stream other" "--run 7"; do
        # shellcheck disable=SC2086
        dismiss $filter --note x
        assert_status 0
        assert_stderr_is "0 rejects are dismissed"
    done
    dismiss --run 1 --note x
    assert_stderr_is "2 rejects are dismissed"
    assert_equal "$(open_codes)" ""
}

@test "all that are named or none; which and why must be said" {
    dismiss 2 1 99 --note x
    assert_status 1
    assert_stderr_is "diner: there is no reject 99"
    dismiss 2 --note x
    assert_status 0
    dismiss 1 2 --note x
    assert_status 1
    assert_stderr_has "reject 2 is closed: see 'diner rejects show 2'"
    assert_equal "$(open_codes)" B
    dismiss 1
    assert_status 2
    dismiss 1 --note ''
    assert_status 2
    assert_stderr_has "--note must say why"
    dismiss --stream stock --note x
    assert_status 2
    assert_stderr_has "which rejects?"
    dismiss 1x --note x
    assert_status 2
    assert_stderr_has "'1x' is no id"
}
