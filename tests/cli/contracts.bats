#!/usr/bin/env bats
# Schema contracts in every mode: what becomes of a column that the table lacks, and of values that its
# type does not hold.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

keys_of() { # MODE
    case $1 in
    append) echo 'mode: append' ;;
    rows) echo 'mode: replace' ;;
    part) echo 'mode: delete_insert, partition_by: [part]' ;;
    swap) echo 'mode: replace, key: [code]' ;;
    *) echo "mode: $1, key: [code]" ;;
    esac
}
contract() { # MODE CONTRACT COLUMNS
    pipeline c <<YAML
streams:
  c:
    { source: { file: ../in.csv$([ "$1" != append ] || echo ', changed: ignore') },
      target: { load: $([ "$1" = swap ] && echo swap || echo difference) }, $(keys_of "$1"),
      schema: { columns: $2, types: $2 }, guard: { max_shrink: 100% }, on_error: { max_rejects: 9, max_reject_rate: 100% },
      columns: { code: text, part: int, $3 } }
YAML
}
found() { sql "select string_agg(code || coalesce(qty::text, '~') || coalesce(to_jsonb(c) ->> 'note', ''), ' ' order by code, qty) from t.c"; }

@test "each contract x each mode, for columns and for types" {
    while IFS='|' read -r mode contract column type; do
        sql "drop table if exists t.c; truncate diner.state" 2>/dev/null
        contract "$mode" evolve 'qty: smallint'
        stock_file in.csv code,qty,part A,1,1 B,2,1
        diner_run c
        assert_status 0
        contract "$mode" "$contract" 'qty: smallint, note: text'
        stock_file in.csv code,qty,part,note A,1,1, B,3,1,n
        diner_run c
        assert_equal "$mode $contract, a column: $status $(found)" "$mode $contract, a column: $column"
        contract "$mode" "$contract" "qty: int$([ "$mode$contract" != swapevolve ] || echo ', note: text')"
        stock_file in.csv code,qty,part,note A,70000,1, B,4,1,
        diner_run c
        assert_equal "$mode $contract, a type: $status $(found)" "$mode $contract, a type: $type"
    done <<'CONTRACTS'
append|evolve|0 A1 A1 B2 B3n|0 A1 A1 A70000 B2 B3n B4
append|freeze|9 A1 B2|9 A1 B2
append|discard_row|0 A1 A1 B2|0 A1 A1 B2 B4
append|discard_value|0 A1 A1 B2 B3|0 A1 A1 A~ B2 B3 B4
merge|evolve|0 A1 B3n|0 A70000 B4n
merge|freeze|9 A1 B2|9 A1 B2
merge|discard_row|0 A1 B2|0 A1 B4
merge|discard_value|0 A1 B3|0 A~ B4
replace|evolve|0 A1 B3n|0 A70000 B4n
replace|freeze|9 A1 B2|9 A1 B2
replace|discard_row|0 A1 B2|0 A1 B4
replace|discard_value|0 A1 B3|0 A~ B4
rows|evolve|0 A1 B3n|0 A70000 B4
rows|freeze|9 A1 B2|9 A1 B2
rows|discard_row|0 A1|0 B4
rows|discard_value|0 A1 B3|0 A~ B4
swap|evolve|0 A1 B3n|0 A70000 B4
swap|freeze|9 A1 B2|9 A1 B2
swap|discard_row|0 A1 B2|0 A1 B4
swap|discard_value|0 A1 B3|0 A~ B4
scd2|evolve|0 A1 B2 B3n|0 A1 A70000 B2 B3n B4
scd2|freeze|9 A1 B2|9 A1 B2
scd2|discard_row|0 A1 B2|0 A1 B2 B4
scd2|discard_value|0 A1 B2 B3|0 A1 A~ B2 B3 B4
part|evolve|0 A1 B3n|0 A70000 B4
part|freeze|9 A1 B2|9 A1 B2
part|discard_row|0 A1|0 B4
part|discard_value|0 A1 B3|0 A~ B4
CONTRACTS
}
