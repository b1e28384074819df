#!/usr/bin/env bats
# kill -9 of a run and of PostgreSQL at random instants of loads that make a table: into a new one and
# in the place of one with rows (`load: swap`), by one connection and by several, by the stage and
# without. Right after the kill there are the old rows or the new ones; the next run ends with the new
# ones, and nothing is left behind. KILL_SEED repeats the instants, KILL_ROUNDS says how many.
# shellcheck disable=SC2016
bats_require_minimum_version 1.5.0
load ../helper
load ../cli/pipelines

setup_file() {
    dev_start
    export KILL_SEED=${KILL_SEED:-$((RANDOM * 32768 + RANDOM))}
    echo "# KILL_SEED=$KILL_SEED" >&3
}
teardown_file() { dev_stop; }
setup() {
    pipelines_setup
    RANDOM=$((KILL_SEED % 32768 + BATS_TEST_NUMBER))
}

ROWS=15000
WAYS=(fresh fresh_jobs swap swap_stage swap_jobs)

loads() { # WAY: the pipeline
    local checks=''
    if [ "$1" = swap_stage ]; then checks='checks: [ { expr: "qty > 0", on_fail: reject } ]'; fi
    pipeline load <<Y
streams:
  load:
    source: { file: ../in.csv }
    target: { load: swap }
    mode: replace
    key: [code]
    $checks
    columns: { code: text, part: text, qty: int }
Y
}
feed() { # PART: in.csv, all rows of which say the part
    { echo code,part,qty && seq -f "K%07g,$1,1" "$ROWS"; } >in.csv
}
load_options() { # WAY
    case $1 in *_jobs) echo --jobs 2 ;; esac
}
held() { # what the table has: parts and rows; "none" when it is not there
    sql "select case when to_regclass('t.load') is null then 'none' else
         (xpath('//r/text()', query_to_xml('select coalesce(string_agg(part || '' '' || n, '', ''), ''empty'') as r
          from (select part, count(*) as n from t.load group by part order by part) x', true, true, '')))[1]::text end"
}
leftovers() {
    sql "select count(*) from pg_class where relname like '\_diner\_%'"
    sql "select count(*) from diner.state where name = 'load_table'"
}
until_done() { # OPTION...: after a kill the server or the old session may need a moment
    local status=0
    for _ in $(seq 100); do
        "$DINER" run load "$@" >next.log 2>&1 && return 0
        status=$?
        [ "$status" -eq 8 ] || [ "$status" -eq 6 ] || break
        sleep 0.05
    done
    cat next.log >&2
    return "$status"
}

# A round whose kill came too late proves nothing of kills: it is repeated with an earlier one.
rounds() { # diner|postgres N
    local i way options ms started landed=0 late=0 new=0 before after
    loads fresh
    feed calm
    started=${EPOCHREALTIME/./}
    until_done
    ms=$(((${EPOCHREALTIME/./} - started) / 1000 + 1))
    for ((i = 1; landed < $2; i++)); do
        way=${WAYS[$((i % ${#WAYS[@]}))]}
        read -ra options <<<"$(load_options "$way")"
        loads "$way"
        sql "drop table if exists t.load; delete from diner.state" 2>/dev/null
        case $way in swap*)
            feed "before$i"
            until_done
            ;;
        esac
        before=$(held)
        feed "after$i"
        "$DINER" run load "${options[@]}" >killed.log 2>&1 3>&- &
        local run=$! pause=$((RANDOM % ms))
        sleep "$(printf '0.%03d' $pause)"
        if [ -e "/proc/$run/fd/2" ]; then
            landed=$((landed + 1))
        else
            late=$((late + 1)) ms=$((ms * 2 / 3 + 1))
        fi
        if [ "$1" = diner ]; then
            kill -9 "$run" 2>/dev/null || true
        else
            kill -9 "$(dev_postgres_pid)"
            (cd "$PROJECT" && "$DINER" dev up) >/dev/null 2>&1 3>&-
        fi
        wait "$run" || true
        # What the server was told before the kill it may still be doing.
        wait_for 20 eval '[ "$(sql "select count(*) from pg_stat_activity where application_name like '"'diner%load%'"'")" = 0 ]'
        after=$(held)
        case $after in
            "$before") ;;
            "after$i $ROWS") new=$((new + 1)) ;;
            *) fail "$1, round $i ($way) of seed $KILL_SEED, killed after $pause ms: $before became $after" ;;
        esac
        until_done "${options[@]}"
        assert_equal "$(held)" "after$i $ROWS"
        assert_equal "$(leftovers)" $'0\n0'
        [ "$late" -le $(($2 * 4)) ] || fail "$late kills of $1 came after the run, $landed during it"
    done
    echo "# $1: $landed kills came during the run, $late after it, $new after its commit" >&3
}

@test "kill -9 of a run that makes a table, at random instants" {
    rounds diner "${KILL_ROUNDS:-10}"
}

@test "kill -9 of PostgreSQL while a table is made, at random instants" {
    rounds postgres 3
}
