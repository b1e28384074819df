#!/usr/bin/env bats
# shellcheck disable=SC2154
# A month of bills against our books: exactly the faults that were put in are found, whatever the order,
# however often, and whenever the program is killed.
load ../helper

setup_file() {
    dev_start --orders 5
    export DINER_RECONCILE_WECHAT_FEE=0.6% DINER_RECONCILE_ALIPAY_FEE=0.6%
}
teardown_file() { dev_stop; }

month() { # DAYS SALES: bills and our books of another seed each time; SEED=N repeats one
    cd "$BATS_TEST_TMPDIR" || return 1
    seed=${SEED:-$(($(date +%s%N) / 1000 % 1000000))}
    echo "seed $seed (SEED=$seed repeats it)"
    "$PROJECT/tests/e2e/reconcile_month.py" . "$seed" "$@"
    forget
    sql "delete from app.refunds where refund_no ~ '^P[0-9]'; delete from app.payments where payment_no ~ '^P[0-9]'"
    psql -X -q -v ON_ERROR_STOP=1 -d "$(dev_dsn)" -f ours.sql
}
forget() { sql "truncate app.reconciliations, app.reconciliation_totals, app.differences restart identity"; }
states() {
    "$DINER" payments differences list --state all -o csv | awk -F, 'NR > 1 { print $2, $3, $4, $5, $6, $8 }' | LC_ALL=C sort
}
kept() { # without ids and times
    sql "select c.channel, c.bill_date, c.bill_hash, (to_jsonb(t) - '{reconciliation_id}'::text[])::text
         from app.reconciliations c join app.reconciliation_totals t on t.reconciliation_id = c.id order by 1, 2, 4;
         select c.channel, c.bill_date, (to_jsonb(d) - '{id,reconciliation_id,created_at,updated_at}'::text[])::text
         from app.reconciliations c join app.differences d on d.reconciliation_id = c.id order by 1, 2, 3"
}

@test "a month: exactly the differences that were put in" {
    month 30 30
    run --separate-stderr "$DINER" payments reconcile ./*.csv
    assert_status 9
    states >found.txt
    diff expected.txt found.txt >diff.txt || fail "seed $seed" "$(head -n 20 diff.txt)"
    # Reconciled again, in any order, it is the same to the id.
    ids=$(sql "select id, number, class from app.differences order by id")
    before=$(kept)
    for file in $(printf '%s\n' ./*.csv | shuf -n 12 --random-source=<(yes "$seed")); do
        run --separate-stderr "$DINER" payments reconcile "$file" -o csv
        assert_status 9
    done
    assert_equal "$(sql "select id, number, class from app.differences order by id")" "$ids"
    [ "$(kept)" = "$before" ] || fail "seed $seed: another result the second time"
}

@test "killed at any instant, it or its server's side, the next run ends the same" {
    month 8 60
    "$DINER" payments reconcile ./*.csv >/dev/null 2>&1 || [ $? -eq 9 ]
    kept >undisturbed.txt
    [ -s undisturbed.txt ]
    forget
    for round in $(seq 12); do
        "$DINER" payments reconcile ./*.csv >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.$(printf %03d $((RANDOM % 700)))"
        if [ $((round % 3)) -eq 0 ]; then
            sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'diner%' and query ~ 'reconcile'" >/dev/null
        else
            kill -KILL $pid 2>/dev/null || true
        fi
        wait $pid 2>/dev/null || true
    done
    for _ in $(seq 50); do # the server may still be at what was killed
        run --separate-stderr "$DINER" payments reconcile ./*.csv
        [ "$status" -eq 8 ] || break
        sleep 0.1
    done
    assert_status 9
    kept >disturbed.txt
    diff undisturbed.txt disturbed.txt >diff.txt || fail "seed $seed" "$(head -c 2000 diff.txt)"
}
