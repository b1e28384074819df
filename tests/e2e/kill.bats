#!/usr/bin/env bats
# kill -9 of the night, of PostgreSQL and of the platform at random instants: after the next run
# everything is as after a night that nobody disturbed. KILL_SEED repeats a sequence of instants,
# KILL_ROUNDS says how many of the night (20), and a third as many of each server.
bats_require_minimum_version 1.5.0
load e2e

setup_file() {
    export KILL_SEED=${KILL_SEED:-$((RANDOM * 32768 + RANDOM))} KILL_ROUNDS=${KILL_ROUNDS:-20}
    echo "# KILL_SEED=$KILL_SEED" >&3
    e2e_up 600
    e2e_save
    night # the first is slower: nothing of it is in the caches
    e2e_restore
    local started=${EPOCHREALTIME/./}
    night
    export NIGHT_MS=$(((${EPOCHREALTIME/./} - started) / 1000))
    echo "# an undisturbed night takes $NIGHT_MS ms" >&3
    e2e_snapshot "$DEV/good"
    cp -r "$DEV/out" "$DEV/good.out"
    [ "$(grep -c '^ods.orders ' "$DEV/good")" -eq 600 ]
    [ "$(grep -c '^ledger .* erp_sync ' "$DEV/good")" -gt 20 ]
    [ "$(find "$DEV/good.out" -type f | wc -l)" -eq 6 ]
}

teardown_file() { e2e_down; }

setup() { RANDOM=$((KILL_SEED % 32768 + BATS_TEST_NUMBER)); }

night() { "$DINER" run nightly >"$DEV/night.log" 2>&1; }

# The next nights: a killed one may still hold the lock for as long as its last statement runs.
next_night() {
    local status=0
    for _ in $(seq 40); do
        night && return 0
        status=$?
        [ "$status" -eq 8 ] || break
        sleep 0.05
    done
    cat "$DEV/night.log" >&2
    return "$status"
}

random_pause() { # MS...: up to that long, evenly
    local ms=$(((RANDOM * 32768 + RANDOM) % $1))
    PAUSE_MS=$ms
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}

# Each file is the old one (none in these rounds) or the whole new one, whatever was killed.
files_are_whole() {
    local f name
    for f in "$DEV"/out/*/*; do
        [ -e "$f" ] || continue
        name=${f#"$DEV/out/"}
        cmp "$f" "$DEV/good.out/$name" || return 1
    done
}

# After the next night: nothing lost, doubled, half done or left over.
all_is_good() {
    e2e_snapshot "$DEV/now" || return 1
    same "$DEV/good" "$DEV/now" || return 1
    local twice
    twice=$(e2e_applied_twice)
    [ -z "$twice" ] || {
        echo "applied twice: $twice" >&2
        return 1
    }
    diff -r "$DEV/good.out" "$DEV/out" >&2 || return 1 # leftovers of a temporary file too
    [ "$(ask "select count(*) from diner.run where status = 'running'")" -eq 0 ] || {
        echo 'a run is still marked as running' >&2
        return 1
    }
}

pid_of_platform() { cat "$DEV/serve.pid"; }
pid_of_postgres() { head -n 1 "$DEV/pg/data/postmaster.pid"; }

# Starts the night, kills at a random instant, heals; the night has ended one way or the other.
disturb() { # diner|postgres|platform
    local night
    "$DINER" run nightly >"$DEV/killed.log" 2>&1 3>&- &
    night=$!
    random_pause "$NIGHT_MS"
    LANDED=0
    if [ -e "/proc/$night/fd/2" ]; then LANDED=1; fi # a zombie, which kill -0 finds, has none
    case $1 in
    diner) kill -9 "$night" ;;
    postgres) kill -9 "$(pid_of_postgres)" ;;
    platform) kill -9 "$(pid_of_platform)" ;;
    esac 2>/dev/null
    files_are_whole || return 1
    [ "$1" = diner ] || e2e_heal || return 1
    KILLED=0
    wait "$night" 2>/dev/null || KILLED=$?
    case $KILLED in # nothing but these: no crash of diner, no code of another kind
    0 | 5 | 6 | 137) ;;
    *)
        echo "exit $KILLED:" >&2
        cat "$DEV/killed.log" >&2
        return 1
        ;;
    esac
    files_are_whole
}

rounds() { # WHAT N: N rounds, each from the seeded state
    local i landed=0 stopped=0
    for ((i = 1; i <= $2; i++)); do
        e2e_restore || return 1
        if ! { disturb "$1" && next_night && all_is_good; }; then
            echo "$1, round $i of seed $KILL_SEED, killed after $PAUSE_MS of $NIGHT_MS ms" >&2
            return 1
        fi
        landed=$((landed + LANDED))
        [ "$KILLED" -eq 0 ] || stopped=$((stopped + 1))
    done
    # A kill that came after the night proves nothing; one that the night survived proves more.
    echo "# $1: $landed of $2 kills came during the night, $stopped stopped it" >&3
    [ "$landed" -ge $(($2 / 3)) ]
}

@test "kill -9 of the night at random instants" {
    rounds diner "$KILL_ROUNDS"
}

@test "kill -9 of PostgreSQL at random instants of the night" {
    rounds postgres $(((KILL_ROUNDS + 2) / 3))
}

@test "kill -9 of the platform at random instants of the night" {
    rounds platform $(((KILL_ROUNDS + 2) / 3))
}

@test "kill -9 again and again, without a whole night between" {
    e2e_restore
    for _ in 1 2 3 4 5 6 7 8; do
        disturb diner || [ "$KILLED" -eq 8 ]
    done
    next_night
    all_is_good
}

@test "kill -9 while the adjustments are under way: sent before or not, applied once" {
    # The instant is not left to chance: the platform is made slow around the adjustments.
    proxy_up
    for fault in '"delay_ms": 1500' '"after": "sleep 1.5"'; do
        e2e_restore
        faults "[{\"method\": \"POST\", \"path\": \"/api/v1/stock/adjustments\", $fault}]"
        "$DINER" run nightly >"$DEV/killed.log" 2>&1 3>&- &
        night=$!
        for _ in $(seq 200); do
            [ "$(proxied '[.[] | select(.key != "")] | length')" -gt 0 ] && break
            sleep 0.02
        done
        sleep 0.15
        kill -9 "$night"
        [ "$(ask "select count(*) from diner.intent where status = 'pending'")" -eq 1 ]
        faults '[]'
        next_night
        grep -q 'not confirmed' "$DEV/night.log"
        sleep 1.5 # what the killed one had sent may come as late as that
        all_is_good
    done
    proxy_down
}

@test "kill -9 while files are written: each is the old one or the new one, whole" {
    e2e_restore
    "$DINER" run orders && "$DINER" run marts
    local started i ms
    for i in $(seq 20); do
        ask "update mart.fact_order set guests = $i"
        started=${EPOCHREALTIME/./}
        "$DINER" run bi_export >"$DEV/killed.log" 2>&1 3>&- &
        night=$!
        if [ "$i" -eq 1 ]; then # how long it takes, undisturbed
            wait "$night"
            ms=$(((${EPOCHREALTIME/./} - started) / 1000))
        else
            random_pause "$ms"
            kill -9 "$night" 2>/dev/null || true
            wait "$night" 2>/dev/null || true
        fi
        # 600 orders and the head, and all of one time: column 8 is guests.
        [ "$(wc -l <"$DEV/out/bi/fact_order.csv")" -eq 601 ]
        [ "$(tail -n +2 "$DEV/out/bi/fact_order.csv" | cut -d, -f8 | sort -u | wc -l)" -eq 1 ]
        [ "$(tail -c 2 "$DEV/out/bi/fact_order.csv" | od -An -tx1)" = " 0d 0a" ]
    done
    "$DINER" run bi_export
    [ "$(tail -n +2 "$DEV/out/bi/fact_order.csv" | cut -d, -f8 | sort -u)" -eq 20 ]
    [ -z "$(find "$DEV/out" -name '.*')" ]
}

@test "kill -9 in the middle of a merge: rows and cursor stand or fall together" {
    e2e_restore
    "$DINER" run orders
    e2e_snapshot "$DEV/before"
    # Changes further apart than the lag: a cursor without its rows would lose the older ones.
    ask "update app.orders set guests = guests + 1,
                updated_at = now() - case when id % 2 = 0 then interval '1 hour' else interval '0' end"
    mkfifo "$DEV/hold"
    sql <"$DEV/hold" >"$DEV/hold.log" 2>&1 3>&- &
    exec 9>"$DEV/hold"
    echo "begin; lock table ods.orders in share mode; select 'locked';" >&9
    for _ in $(seq 100); do grep -q locked "$DEV/hold.log" && break; sleep 0.05; done
    DINER_DATABASE_LOCK_TIMEOUT=60s "$DINER" run orders >"$DEV/killed.log" 2>&1 3>&- 9>&- &
    night=$!
    for _ in $(seq 100); do # its merge waits for our lock
        [ "$(ask "select count(*) from pg_locks where not granted and relation = 'ods.orders'::regclass")" -gt 0 ] && break
        sleep 0.05
    done
    [ "$(ask "select count(*) from pg_locks where not granted")" -gt 0 ]
    kill -9 "$night"
    exec 9>&-
    for _ in $(seq 100); do
        [ "$(ask "select count(*) from pg_stat_activity where application_name like 'diner: %'")" -eq 0 ] && break
        sleep 0.05
    done
    e2e_snapshot "$DEV/after"
    same "$DEV/before" "$DEV/after"
    "$DINER" run orders
    [ -z "$(ask "select order_no from app.orders a full join ods.orders o using (order_no)
                 where (a.guests, a.updated_at) is distinct from (o.guests, o.updated_at)")" ]
}
