#!/usr/bin/env bats
# shellcheck disable=SC2016
# Sources and targets that drift: a source that shrinks, empties, repeats, reorders, changes type,
# adds and drops columns; a target of somebody else's, with constraints of its own.
load ../helper
load ../cli/pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

stock() { # MODE, more keys
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in.csv }
    mode: $1
    columns: { code: text, qty: ${QTY:-int}${MORE:-} }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    ${2:-}
YAML
}
keyed='key: [code]'

# ---- the source ----------------------------------------------------------------------------------

@test "a source that shrinks or empties leaves what there is, whatever mode deletes" {
    for mode in replace "merge
    deletes: hard" "merge
    deletes: soft" "scd2
    deletes: hard"; do
        sql "drop table if exists t.stock"
        stock "$mode" "$keyed"
        stock_file in.csv code,qty A,1 B,2 C,3
        diner_run stock
        assert_status 0
        before=$(sql "select string_agg(s::text, '|' order by code) from t.stock s")
        for rest in "" "A,1"; do
            stock_file in.csv code,qty $rest
            diner_run stock
            assert_status 9
            assert_stderr_matches "would shrink from 3 to [01] rows, guard.max_shrink is 20%"
            assert_sql "select string_agg(s::text, '|' order by code) from t.stock s" "$before"
        done
    done
}

@test "a source that repeats its rows loads each once; the last one counts" {
    stock merge "$keyed"
    stock_file in.csv code,qty A,1 B,2 A,1 A,3 B,2
    diner_run stock
    assert_status 0
    assert_moved stock "5 2 0 0 0 3 0 0"
    assert_rows stock "A,3 B,2"
    diner_run stock
    assert_moved stock "5 0 0 2 0 3 0 0"
}

@test "a source in another order changes nothing" {
    for mode in replace merge scd2; do
        sql "drop table if exists t.stock"
        stock $mode "$keyed"
        { echo code,qty; seq 500 | sed 's|.*|K&,&|'; } >in.csv
        diner_run stock
        before=$(sql "select md5(string_agg(ctid::text || xmin::text, ',' order by code)) from t.stock")
        { echo code,qty; seq 500 | sed 's|.*|K&,&|' | shuf --random-source=<(yes); } >in.csv
        diner_run stock
        assert_moved stock "500 0 0 500 0 0 0 0"
        assert_sql "select md5(string_agg(ctid::text || xmin::text, ',' order by code)) from t.stock" "$before"
    done
}

@test "a source whose columns move to other places, or get more, is read by name" {
    stock merge "$keyed"
    stock_file in.csv code,qty A,1
    diner_run stock
    stock_file in.csv note,qty,code x,1,A y,2,B
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 1 0 0 0 0"
}

@test "a source that drops a column fails, and the table stays" {
    stock replace "$keyed"
    stock_file in.csv code,qty A,1
    diner_run stock
    stock_file in.csv code A
    diner_run stock
    assert_status 1
    assert_stderr_has "'qty' is not in the header"
    assert_rows stock "A,1"
}

@test "a source whose values change type: they are rejects, the old rows stay" {
    stock replace "$keyed
    guard: { max_shrink: 100% }"
    stock_file in.csv code,qty A,1 B,2
    diner_run stock
    stock_file in.csv code,qty A,1.5 B,3
    diner_run stock
    assert_status 0
    assert_moved stock "2 0 1 0 0 0 1 0"
    assert_rows stock "A,1 B,3"
}

# ---- every kind of source, every mode ------------------------------------------------------------

source_of() { # KIND: the keys of `source:`
    case $1 in
    csv) echo 'file: ../in.csv' ;;
    jsonl) echo 'file: ../in.jsonl, format: jsonl' ;;
    exec) echo 'exec: [cat, ../in.jsonl]' ;;
    postgres) echo 'connection: warehouse, table: t.feed' ;;
    esac
}
write_source() { # KIND NAMES ROWS...
    local kind=$1 names=$2
    shift 2
    case $kind in
    csv) stock_file in.csv "$names" "$@" ;;
    postgres)
        local columns="${names//,/ text, } text"
        if [[ $* != *x* || $names = note* ]]; then columns=${columns/qty text/qty int}; fi
        sql "drop table if exists t.feed; create table t.feed ($columns)" 2>/dev/null
        if [ $# -gt 0 ]; then printf '%s\n' "$@" | psql -X -q -d "$(dev_dsn)" -c "copy t.feed from stdin csv"; fi
        ;;
    *)
        printf '%s\n' "$names" "$@" | jq -Rnc '(input | split(",")) as $n | inputs | split(",") as $v
            | [range($n | length) | {key: $n[.], value: $v[.]}] | from_entries' >in.jsonl
        ;;
    esac
}
all_modes() { # SOURCE: one stream a mode, each into a table of its name
    local stream mode key deletes ignore
    while IFS='|' read -r stream mode key deletes; do
        ignore=''
        if [[ $stream = append && $1 = file* ]]; then ignore=', changed: ignore'; fi
        cat <<YAML
  $stream:
    source: { $1$ignore }
    columns: { code: text, qty: int }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    mode: $mode
    ${key:+key: [code]}
    ${deletes:+deletes: $deletes}
YAML
    done <<'MODES'
append|append||
merge|merge|key|
deletes|merge|key|hard
replace|replace|key|
scd2|scd2|key|hard
MODES
}
# What the modes left: append, merge, and those that delete what is gone, which must agree.
found() {
    sql "select string_agg(rows, ' / ' order by n) from (
        select min(n) as n, rows from (
            select 1 as n, string_agg(code || coalesce(qty::text, '~'), ' ' order by code, qty) as rows from t.append
            union all select 2, string_agg(code || coalesce(qty::text, '~'), ' ' order by code) from t.merge
            union all select 3, string_agg(code || coalesce(qty::text, '~'), ' ' order by code) from t.deletes
            union all select 3, string_agg(code || coalesce(qty::text, '~'), ' ' order by code) from t.replace
            union all select 3, string_agg(code || coalesce(qty::text, '~'), ' ' order by code) from t.scd2 where valid_to is null
        ) x group by n, rows) y"
}

@test "each kind of source x each mode x each drift" {
    for kind in csv jsonl exec postgres; do
        { echo streams: && all_modes "$(source_of $kind)"; } | pipeline all
        while IFS='|' read -r kinds drift names rows code expected; do
            [[ $kinds = all || " $kinds " == *" $kind "* ]] || continue
            sql "drop table if exists t.append, t.merge, t.deletes, t.replace, t.scd2; truncate diner.state" 2>/dev/null
            write_source $kind code,qty A,1 B,2 C,3
            diner_run all
            assert_status 0
            # shellcheck disable=SC2086
            write_source $kind "$names" $rows
            diner_run all
            [ "$status" = "$code" ] || fail "$kind $drift: expected exit status $code"
            [ "$(found)" = "$expected" ] || fail "$kind $drift: $(found), expected $expected"
        done <<'DRIFTS'
csv jsonl postgres|shrinks|code,qty|A,1|9|A1 A1 B2 C3 / A1 B2 C3 / A1 B2 C3
all|empties|code,qty||9|A1 B2 C3 / A1 B2 C3 / A1 B2 C3
all|repeats|code,qty|A,1 B,2 A,1 A,4 C,3|0|A1 A1 A1 A4 B2 B2 C3 C3 / A4 B2 C3 / A4 B2 C3
csv jsonl postgres|reorders|code,qty|C,3 A,1 B,2|0|A1 A1 B2 B2 C3 C3 / A1 B2 C3 / A1 B2 C3
all|changes type|code,qty|A,1 B,x C,4|9|A1 A1 B2 C3 C4 / A1 B2 C4 / A1 B2 C3
csv jsonl postgres|adds a column|note,code,qty|x,A,1 y,B,2 z,C,4|0|A1 A1 B2 B2 C3 C4 / A1 B2 C4 / A1 B2 C4
csv|drops a column|code|A B C|1|A1 B2 C3 / A1 B2 C3 / A1 B2 C3
postgres|drops a column|code|A B C|3|A1 B2 C3 / A1 B2 C3 / A1 B2 C3
jsonl exec|drops a column|code|A B C|0|A1 A~ B2 B~ C3 C~ / A~ B~ C~ / A~ B~ C~
jsonl exec|drops the key|qty|1 2 3|9|A1 B2 C3 / A1 B2 C3 / A1 B2 C3
DRIFTS
    done
}

# ---- contract: columns ---------------------------------------------------------------------------

@test "schema columns: evolve adds, freeze fails, discard_row rejects, discard_value leaves out" {
    stock merge "$keyed"
    stock_file in.csv code,qty A,1
    diner_run stock
    stock_file in.csv code,qty,note A,1,x B,2,
    MORE=', note: text'
    stock merge "$keyed
    schema: { columns: freeze }"
    diner_run stock
    assert_status 9
    assert_stderr_has "has no column 'note'"
    stock merge "$keyed
    schema: { columns: discard_row }"
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
    assert_sql "select column_name, value, reason from diner.reject where reason like '%column%'" 'note|x|"t"."stock" has no such column'
    stock merge "$keyed
    schema: { columns: discard_value }"
    stock_file in.csv code,qty,note A,7,x C,3,y
    diner_run stock
    assert_moved stock "2 1 1 0 0 0 0 0"
    assert_rows stock "A,7 B,2 C,3"
    assert_sql "select count(*) from pg_attribute where attrelid = 't.stock'::regclass and attname = 'note'" 0
    stock merge "$keyed"
    diner_run stock
    assert_status 0
    assert_moved stock "2 0 2 0 0 0 0 0"
    assert_rows stock "A,7,x B,2 C,3,y" "code, qty, note"
}

@test "schema columns: the DDL is undone with the rows" {
    stock merge "$keyed"
    stock_file in.csv code,qty A,1
    diner_run stock
    MORE=', note: text'
    stock merge "$keyed
    guard: { min_rows: 5 }"
    stock_file in.csv code,qty,note A,1,x
    diner_run stock
    assert_status 9
    assert_sql "select count(*) from pg_attribute where attrelid = 't.stock'::regclass and attname = 'note'" 0
}

@test "schema columns: a table in use is waited for no longer than lock_timeout" {
    stock merge "$keyed"
    stock_file in.csv code,qty A,1
    diner_run stock
    MORE=', note: text'
    stock merge "$keyed"
    stock_file in.csv code,qty,note A,1,x
    psql -X -q -d "$(dev_dsn)" -c "begin; lock table t.stock in access share mode; select pg_sleep(6)" >/dev/null 3>&- &
    holder=$!
    sleep 0.5
    started=$SECONDS
    DINER_DATABASE_LOCK_TIMEOUT=200ms run --separate-stderr timeout 60 "$DINER" run stock -o json
    wait "$holder"
    [ "$status" -eq 0 ] || assert_stderr_has "lock timeout"
    [ $((SECONDS - started)) -le 15 ]
}

# ---- contract: types -----------------------------------------------------------------------------

held() { sql "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't.stock'::regclass and attname = 'qty'"; }

@test "schema types: freeze fails and says how to go on" {
    sql "create table t.stock (code text primary key, qty int)"
    stock_file in.csv code,qty A,1
    QTY=bigint stock merge "$keyed"
    diner_run stock
    assert_status 9
    assert_stderr_has "column 'qty' of \"t\".\"stock\" is integer, the pipeline declares bigint"
    assert_stderr_has "let  schema: { types: evolve }  widen the column"
    assert_equal "$(held)" integer
}

@test "schema types: evolve widens where no value can change, and nowhere else" {
    while IFS='|' read -r from to kept; do
        sql "drop table if exists t.stock; create table t.stock (code text primary key, qty $from)"
        QTY="\"$to\"" stock merge "$keyed
    schema: { types: evolve }"
        stock_file in.csv code,qty "A,${VALUE:-1}"
        diner_run stock
        if [ "$kept" = widened ]; then
            assert_status 0
            [ "$(held)" != "$(sql "select format_type('$from'::regtype, null)")" ] || fail "$from stayed"
        else
            assert_status 9
            assert_stderr_has "column 'qty' of"
        fi
    done <<'TYPES'
smallint|int|widened
int|bigint|widened
varchar(5)|varchar(9)|widened
varchar(5)|text|widened
numeric(8,2)|numeric(12,2)|widened
bigint|numeric(12,2)|kept
numeric(8,2)|numeric(12,3)|kept
date|timestamptz|kept
text|int|kept
int|text|kept
float8|numeric(8,2)|kept
TYPES
}

@test "schema types: a wider target is no matter" {
    sql "create table t.stock (code varchar(50) primary key, qty numeric(20,4))"
    pipeline stock <<'YAML'
streams:
  stock: { source: { file: ../in.csv }, mode: merge, key: [code], columns: { code: varchar(20), qty: int } }
YAML
    stock_file in.csv code,qty A,1
    diner_run stock
    assert_status 0
    diner_run stock
    assert_moved stock "1 0 0 1 0 0 0 0"
}

@test "schema types: discard_row rejects what does not fit, discard_value makes it null" {
    sql "create table t.stock (code varchar(3) primary key, qty int)"
    QTY='"numeric(20,2)"' stock merge "$keyed
    schema: { types: discard_row }"
    stock_file in.csv code,qty A,1 B,2.50 C,3000000000 DDDD,4 E,5.00
    diner_run stock
    assert_status 0
    assert_moved stock "5 2 0 0 0 0 3 0"
    assert_rows stock "A,1 E,5"
    assert_sql "select string_agg(concat_ws(' ', column_name, value, reason), ', ' order by position) from diner.reject" \
        "qty 2.50 does not fit integer, qty 3000000000.00 does not fit integer, code DDDD does not fit varchar(3)"
    sed -i 's/discard_row/discard_value/; s/code: text/code: varchar(3)/' pipelines/stock.yaml
    stock_file in.csv code,qty A,1 B,2.50 C,3000000000 E,5.00
    diner_run stock
    assert_status 0
    assert_rows stock "A,1 B C E,5"
}

# ---- a target of somebody else's -----------------------------------------------------------------

theirs() { # an order table with all kinds of constraints
    sql "create table t.shop (id text primary key)"
    sql "insert into t.shop values ('S1'), ('S2')"
    sql "create table t.stock (code text primary key, qty int not null, name varchar(5), shop text,
            barcode text, constraint positive check (qty > 0),
            constraint of_a_shop foreign key (shop) references t.shop, constraint one_barcode unique (barcode))"
}
loading_theirs() { # MODE, more keys
    pipeline stock <<YAML
streams:
  stock:
    source: { file: ../in.csv }
    mode: $1
    columns: { code: text, qty: int, name: varchar(5), shop: text, barcode: text }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
    ${2:-}
YAML
}
refused() { # position reason, in the order of the file
    sql "select string_agg(position || ' ' || coalesce(column_name || ' ', '') || reason, '; ' order by position) from diner.reject"
}

@test "constraints of the target are rejects that name them; the good rows are loaded" {
    for mode in merge replace append; do
        sql "drop table if exists t.stock, t.shop; delete from diner.reject"
        theirs
        loading_theirs $mode "$([ $mode = append ] || echo "$keyed")"
        stock_file in.csv code,qty,name,shop,barcode A,1,,S1,111 B,,,S1, C,-5,,S1, D,4,,S9, E,5,,S1,111 F,6,,, G,7,longname,S2,
        diner_run stock
        assert_status 0
        assert_moved stock "7 2 0 0 0 0 5 0"
        assert_rows stock "A,1 F,6"
        assert_equal "$(refused)" "3 qty null, which \"t\".\"stock\" does not take; 4 qty violates check 'positive'; 5 shop violates foreign key 'of_a_shop': not in t.shop; 6 barcode violates unique 't.one_barcode': the value is taken; 8 name longer than the type allows"
    done
}

@test "constraints: a reference to the same table may come with the load" {
    sql "create table t.stock (code text primary key, parent text, constraint tree foreign key (parent) references t.stock)"
    pipeline stock <<'YAML'
streams:
  stock:
    source: { file: ../in.csv }
    mode: merge
    key: [code]
    columns: { code: text, parent: text }
    on_error: { max_rejects: 10, max_reject_rate: 100% }
YAML
    stock_file in.csv code,parent A,B B, C,X
    diner_run stock
    assert_status 0
    assert_moved stock "3 2 0 0 0 0 1 0"
}

@test "constraints: a value that a deleted row frees may be taken in the same load" {
    theirs
    loading_theirs replace "$keyed
    guard: { max_shrink: 100% }"
    stock_file in.csv code,qty,name,shop,barcode A,1,,S1,111
    diner_run stock
    stock_file in.csv code,qty,name,shop,barcode B,1,,S1,111
    diner_run stock
    assert_status 0
    assert_moved stock "1 1 0 0 1 0 0 0"
}

@test "constraints: what only a trigger, a domain or an exclusion knows is found by halving" {
    sql "create domain t.code_t as text check (value <> 'BAD')"
    sql "create table t.stock (code t.code_t primary key, qty int, span int4range,
            exclude using gist (span with &&))"
    sql "create function t.no_seven() returns trigger language plpgsql as \$\$
            begin if new.qty = 7 then raise exception 'seven is not for sale'; end if; return new; end \$\$"
    sql "create trigger no_seven before insert or update on t.stock for each row execute function t.no_seven()"
    for mode in "merge
    $keyed" append; do
        sql "truncate t.stock; delete from diner.reject; delete from diner.state"
        stock "$mode"
        { echo code,qty; seq 6 | sed 's|.*|K&,&|'; echo BAD,1; echo X,7; seq -f 'L%g,1' 200; echo Y,7; } >in.csv
        diner_run stock
        assert_status 0
        assert_moved stock "209 206 0 0 0 0 3 0"
        assert_equal "$(refused)" '8 value for domain t.code_t violates check constraint "code_t_check"; 9 seven is not for sale; 210 seven is not for sale'
    done
}

@test "constraints: an update that a trigger refuses keeps the old row" {
    sql "create table t.stock (code text primary key, qty int)"
    sql "create function t.no_seven() returns trigger language plpgsql as \$\$
            begin if new.qty = 7 then raise exception 'seven is not for sale'; end if; return new; end \$\$"
    sql "create trigger no_seven before insert or update on t.stock for each row execute function t.no_seven()"
    stock merge "$keyed"
    stock_file in.csv code,qty A,1 B,2 C,3
    diner_run stock
    stock_file in.csv code,qty A,10 B,7 C,30 D,4
    diner_run stock
    assert_status 0
    assert_moved stock "4 1 2 0 0 0 1 0"
    assert_rows stock "A,10 B,2 C,30 D,4"
}

@test "constraints: the budget bounds them" {
    theirs
    loading_theirs merge "$keyed"
    { echo code,qty,name,shop,barcode; seq -f 'K%g,-1,,S1,' 50; } >in.csv
    diner_run stock
    assert_status 1
    assert_stderr_has "11 rows rejected, max_rejects is 10"
    assert_sql "select count(*) from t.stock" 0
}

@test "constraints: a table that refuses every write fails within the budget" {
    sql "create table t.stock (code text primary key, qty int)"
    sql "create function t.never() returns trigger language plpgsql as \$\$ begin raise exception 'closed'; end \$\$"
    sql "create trigger never before insert on t.stock for each row execute function t.never()"
    stock merge "$keyed"
    { echo code,qty; seq -f 'K%g,1' 3000; } >in.csv
    diner_run stock
    assert_status 1
    assert_stderr_has "11 rows rejected"
    assert_sql "select count(*) from diner.reject where reason = 'closed' and run_failed" 11
}

@test "append goes straight into a plain table, and by way of a stage into one that may refuse" {
    sql "create table t.stock (code text, qty int check (qty > 0))"
    stock append
    stock_file in.csv code,qty A,1 B,-2
    diner_run stock
    assert_status 0
    assert_moved stock "2 1 0 0 0 0 1 0"
}

@test "append: a wider column, or one that is left out, takes the stage" {
    sql "create table t.stock (code text, qty bigint)"
    MORE=', note: text'
    stock append 'schema: { columns: discard_value }'
    stock_file in.csv code,qty,note A,1,x
    diner_run stock
    assert_status 0
    assert_rows stock "A,1"
    MORE=''
    stock append
    stock_file in.csv code,qty B,2
    sed -i 's/in.csv }/in.csv, changed: ignore }/' pipelines/stock.yaml
    diner_run stock
    assert_status 0
    assert_rows stock "A,1 B,2"
}
