# shellcheck shell=bash
# What the end-to-end tests share: one development environment a file, snapshots of what a night
# leaves behind, and ways to go back to the state before it. `load e2e` in a bats file.
#
#   e2e_up ORDERS [SEED OPTION...]   an environment of its own; exports DINER_CONFIG, DEV, BIZ_DATE
#   e2e_down                         stops it and removes every file
#   e2e_save, e2e_restore            the platform's data before any run, and back to it
#   e2e_snapshot FILE                rows, cursors, rejects and stock, without ids and times
#   e2e_files DIR                    a copy of the output files
ROOT=$(cd "${BATS_TEST_DIRNAME:?}/../.." && pwd)
DINER=${DINER:-$ROOT/build/diner}
export ROOT DINER
export ERP_STOCK_FILE=$ROOT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv
# Seconds are not what these tests measure: short waits between repeats, and for a host that failed.
export DINER_RETRY_BASE=20ms DINER_RETRY_CAP=200ms DINER_BREAKER_OPEN=200ms

# The business day in a time zone where it is about noon: no test ever runs across a cut-off.
# Orders end on the evening of that day's eve.
e2e_clock() {
    local offset=$((12 - 10#$(date -u +%H)))
    if [ "$offset" -ge 0 ]; then
        export DINER_TIMEZONE=Etc/GMT-$offset
    else
        export DINER_TIMEZONE=Etc/GMT+${offset#-}
    fi
    BIZ_DATE=$(TZ=$DINER_TIMEZONE date -d yesterday +%F)
    export BIZ_DATE
}

e2e_up() { # ORDERS [SEED OPTION...]
    local orders=$1
    shift
    unset DINER_PLATFORM_URL DINER_PLATFORM_USER DINER_PLATFORM_PASSWORD DINER_DSN
    unset DINER_PIPELINE_PATH DINER_CONNECTOR_PATH DINER_OUTPUT_DIR DINER_LOG_LEVEL
    e2e_clock
    DEV=$(mktemp -u /tmp/diner-e2e.XXXXXX)
    export DEV DINER_CONFIG=$DEV/diner.yaml DINER_DEV_DIR=$DEV
    (cd "$ROOT" && "$DINER" dev up --dir "$DEV" && "$DINER" dev seed --dir "$DEV" \
        --orders "$orders" --as-of "${AS_OF:-$BIZ_DATE 23:30:00+08}" "$@") >"$DEV.log" 2>&1 || {
        cat "$DEV.log" >&2
        return 1
    }
    mv "$DEV.log" "$DEV/up.log"
}

e2e_heal() { # starts again what was killed
    (cd "$ROOT" && "$DINER" dev up --dir "$DEV") >"$DEV/up.log" 2>&1 || {
        cat "$DEV/up.log" "$DEV/serve.log" >&2
        return 1
    }
}

# By pid what `dev down` cannot stop: nothing may outlive a file.
e2e_down() {
    local pid
    [ -n "${DEV:-}" ] && [ -d "$DEV" ] || return 0
    if [ -e "$DEV/proxy.pid" ]; then kill "$(cat "$DEV/proxy.pid")" 2>/dev/null; fi
    if ! "$DINER" dev down --dir "$DEV" >/dev/null 2>&1; then
        for pid in $(head -n 1 "$DEV/pg/data/postmaster.pid") $(cat "$DEV/serve.pid"); do
            if grep -qF "$DEV" "/proc/$pid/cmdline"; then kill -QUIT "$pid"; fi
        done 2>/dev/null
        sleep 0.5
        rm -rf "$DEV"
    fi
    rm -f "$DEV.log"
}

e2e_url() { echo "http://127.0.0.1:$(cat "$DEV/serve.port")"; }

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "host=$DEV/pg dbname=diner user=diner" "$@"; }
ask() { sql -c "$1"; }

# ---- the state before any run ------------------------------------------------------------------

e2e_save() {
    sql <<'SQL'
create schema saved;
create table saved.stock as table app.stock;
create table saved.stock_log as table app.stock_log;
create table saved.orders as table app.orders;
SQL
}

# Back to the platform as it was seeded; nothing of the warehouse stays.
e2e_restore() {
    sql <<'SQL'
set client_min_messages = warning;
begin;
drop schema ods cascade;
drop schema mart cascade;
create schema ods;
create schema mart;
truncate diner.intent, diner.finding, diner.reject, diner.state, diner.run_slice, diner.run_stream, diner.task, diner.run;
truncate app.idempotency_keys;
delete from app.stock_log where id not in (select id from saved.stock_log);
delete from app.refunds where order_id not in (select id from saved.orders);
delete from app.payments where order_id not in (select id from saved.orders);
delete from app.order_items where order_id not in (select id from saved.orders);
delete from app.order_status_history where order_id not in (select id from saved.orders);
delete from app.orders where id not in (select id from saved.orders);
update app.stock k set qty = s.qty, updated_at = s.updated_at
from saved.stock s
where k.store_id = s.store_id and k.product_id = s.product_id
  and (k.qty, k.updated_at) is distinct from (s.qty, s.updated_at);
update app.orders o set updated_at = s.updated_at, guests = s.guests
from saved.orders s
where o.id = s.id and o.updated_at <> s.updated_at;
commit;
SQL
    rm -rf "${DEV:?}/out"
    mkdir -m 0700 "$DEV/out"
}

# ---- what a night leaves behind ----------------------------------------------------------------

# Each row of ods and mart, cursors, rejects, stock and the sums of its ledger: sorted text, with
# neither ids nor times of a run in it.
e2e_snapshot() { # FILE
    sql >"$1" <<'SQL' || return 1
select format('select %L || (to_jsonb(t) - ''{_run_id,_loaded_at,_row_hash}''::text[])::text from %I.%I t order by 1',
              table_schema || '.' || table_name || ' ', table_schema, table_name)
from information_schema.tables where table_schema in ('ods', 'mart') order by table_schema, table_name \gexec
select concat_ws(' ', 'state', pipeline, stream, child, name, value)
from diner.state where name <> 'row_hash' order by 1;
select concat_ws(' ', 'reject', pipeline, stream, position, column_name, value, reason, key, run_failed)
from diner.reject order by 1;
select concat_ws(' ', 'intent not confirmed', pipeline, stream, status)
from diner.intent where status <> 'done' order by 1;
SQL
    e2e_platform_stock >>"$1" || return 1
    [ -s "$1" ]
}

e2e_platform_stock() {
    sql <<'SQL'
select concat_ws(' ', 'stock', s.code, p.sku, trim_scale(k.qty))
from app.stock k join app.stores s on s.id = k.store_id join app.products p on p.id = k.product_id order by 1;
select concat_ws(' ', 'ledger', s.code, p.sku, l.change_type, trim_scale(sum(l.quantity)))
from app.stock_log l join app.stores s on s.id = l.store_id join app.products p on p.id = l.product_id
group by s.code, p.sku, l.change_type order by 1;
SQL
}

# Adjustments of the night that a (store, product) got more than once.
e2e_applied_twice() {
    ask "select s.code || '/' || p.sku || ' x' || count(*)
         from app.stock_log l join app.stores s on s.id = l.store_id
         join app.products p on p.id = l.product_id
         where l.change_type = 'erp_sync'
           and not exists (select from saved.stock_log x where x.id = l.id)
         group by s.code, p.sku having count(*) > 1"
}

# Where the platform's stock is not what the ERP says plus what the platform moved since.
e2e_stock_not_erp() {
    ask "with erp as (
             select store, material, sum(qty) as qty, max(exported_at) as at
             from ods.erp_stock group by store, material having min(qty) >= 0)
         select concat_ws(' ', s.code, p.sku, trim_scale(k.qty), 'erp', trim_scale(e.qty))
         from erp e join app.stores s on s.code = e.store
         join app.products p on p.material_code = e.material
         join app.stock k on k.store_id = s.id and k.product_id = p.id
         where not exists (select from diner.reject r where r.stream = 'erp_stock'
                           and r.key->>'store' = e.store and r.key->>'material' = e.material)
           and k.qty <> e.qty + coalesce((select sum(l.quantity) from app.stock_log l
                                          where l.store_id = s.id and l.product_id = p.id
                                            and l.created_at >= e.at
                                            and l.change_type <> 'erp_sync'), 0)"
}

same() { # FILE FILE: equal, or a short difference on stderr
    cmp -s "$1" "$2" && return 0
    diff "$1" "$2" | cut -c1-300 | head -n 20 >&2
    return 1
}

# ---- the fault proxy ---------------------------------------------------------------------------

proxy_up() { # in front of the platform; diner is sent through it
    python3 "$ROOT/tests/e2e/fault_proxy.py" "$(e2e_url)" >"$DEV/proxy.port" 2>"$DEV/proxy.log" \
        3>&- &
    PROXY_PID=$!
    echo "$PROXY_PID" >"$DEV/proxy.pid"
    for _ in $(seq 100); do
        [ -s "$DEV/proxy.port" ] && break
        sleep 0.05
    done
    PROXY=http://127.0.0.1:$(cat "$DEV/proxy.port")
    export PROXY PROXY_PID DINER_PLATFORM_URL=$PROXY
}

proxy_down() {
    [ -n "${PROXY_PID:-}" ] && kill "$PROXY_PID" 2>/dev/null
    rm -f "$DEV/proxy.pid"
    unset DINER_PLATFORM_URL PROXY_PID
    return 0
}

faults() { curl -fsS -X PUT --data-binary "$1" "$PROXY/_faults"; } # JSON list; [] for none
proxied() { curl -fsS "$PROXY/_log" | jq -r "$1"; }                # jq over the requests seen
