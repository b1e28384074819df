#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031
# Columns: defaults, masks, keyed hashes, whatever the source and the target.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

members() { # SOURCE TARGET
    pipeline members <<YAML
streams:
  members:
    source: $1
    target: $2
    columns:
      id: text
      name: { type: text, mask: name }
      phone: { type: text, mask: cn_phone }
      phone_hash: { type: text, from: phone, hash: "env:PII_KEY" }
      tier: { type: text, default: 普通 }
      points: { type: int, default: "0" }
YAML
}

hash_of() { printf %s "$1" | openssl dgst -sha256 -hmac "$PII_KEY" -r | cut -d' ' -f1; }

@test "masks, hashes and defaults from a file into a table" {
    PII_KEY=correct-horse-battery; export PII_KEY
    printf '%s\n' id,name,phone,tier,points '1,段正淳,13812345678,金,12' '2,王五,13900000000,,' >in.csv
    members '{ file: ../in.csv }' '{ connection: warehouse, schema: t }'
    diner_run members
    assert_status 0
    assert_sql "select string_agg(concat_ws('|', id, name, phone, tier, points), ' ' order by id) from t.members" \
        "1|段**|138****5678|金|12 2|王*|139****0000|普通|0"
    assert_sql "select phone_hash from t.members where id = '1'" "$(hash_of 13812345678)"
}

@test "the same from PostgreSQL: on one connection too nothing goes past the mask" {
    PII_KEY=correct-horse-battery; export PII_KEY
    sql "create table t.src as select '1'::text as id, '段正淳'::text as name, '13812345678'::text as phone, null::text as tier, null::int as points"
    members '{ connection: warehouse, table: t.src }' '{ connection: warehouse, schema: t }'
    diner_run members
    assert_status 0
    assert_sql "select concat_ws('|', id, name, phone, tier, points) from t.members" "1|段**|138****5678|普通|0"
    assert_sql "select phone_hash from t.members" "$(hash_of 13812345678)"
    members '{ connection: warehouse, table: t.src }' '{ file: members.csv }'
    diner_run members
    assert_status 0
    assert_equal "$(tail -1 out/members.csv)" "1,段**,138****5678,$(hash_of 13812345678),普通,0"
}

@test "the key of a hash is never shown; without it nothing is loaded" {
    printf '%s\n' id,name,phone,tier,points '1,a,13812345678,x,1' >in.csv
    members '{ file: ../in.csv }' '{ connection: warehouse, schema: t }'
    unset PII_KEY
    diner_run members
    assert_status 3
    assert_stderr_has "column 'phone_hash': the key of its hash"
    sed -i 's/env:PII_KEY/literal:verysecretkey/' pipelines/members.yaml
    run --separate-stderr "$DINER" pipeline show --resolved members
    refute_stdout_has verysecretkey
}

@test "a masked key, a masked number and a mask with a hash are lint errors" {
    pipeline bad <<'YAML'
streams:
  bad:
    source: { file: in.csv }
    mode: merge
    key: [phone]
    columns:
      phone: { type: text, mask: cn_phone }
      n: { type: int, mask: all }
      both: { type: text, mask: all, hash: "env:K" }
YAML
    run --separate-stderr "$DINER" pipeline lint bad
    assert_status 3
    assert_stdout_has "masked values would make keys equal that are not"
    assert_stdout_has "column 'n': what is masked or hashed is text"
    assert_stdout_has "column 'both' has either 'mask' or 'hash'"
}

@test "a type that YAML splits at its comma is one error, and how to write it" {
    pipeline split <<'YAML'
streams:
  a:
    source: { file: in.csv }
    target: { file: a.csv }
    columns: { a: numeric(12,2), b: text }
  b:
    source: { file: in.csv }
    target: { file: b.csv }
    columns:
      n: { type: numeric(12, 2), from: N, required: true }
YAML
    run --separate-stderr "$DINER" pipeline lint split
    assert_status 3
    assert_stdout_is "$PWD/pipelines/split.yaml:8:19: within { } YAML splits 'numeric(12,2)' at its comma
  hint: quote it: a: \"numeric(12,2)\"
$PWD/pipelines/split.yaml:13:18: within { } YAML splits 'numeric(12,2)' at its comma
  hint: quote it: type: \"numeric(12,2)\""
}
