#!/usr/bin/env bats
# diner members sync: the platform's members and a CRM's, both ways; nobody comes back.
load ../helper
load api

setup_file() {
    dev_start --orders 3 --seed 3
    api_start
    mkdir -p "$FILE_DIR/connectors"
    cat >"$FILE_DIR/connectors/tryton.yaml" <<E
version: 1
base_url: $(api_url)
retry: { base: 1ms, cap: 5ms }
resources:
  party_categories: { path: /categories, records: /result }
  parties: { path: /parties, query: { filter: "\${filter}" }, records: /result }
  party_create:
    method: POST
    path: /create
    write: { batch: 100, records: /items }
  party_write:
    method: POST
    path: /write
    write: { batch: 100, records: /items }
E
}
teardown_file() {
    api_stop
    dev_stop
}
setup() { export DINER_CONNECTOR_PATH=$FILE_DIR/connectors CRM_MEMBER_CATEGORY=member; }

platform() { # METHOD PATH [BODY]: the answer
    token=${token:-$(curl -sS "$(dev_url)/api/v1/auth/login" -d "{\"username\":\"integration\",\"password\":\"$(cat "$DINER_DEV_DIR/secrets/integration")\"}" | jq -r .data.access_token)}
    curl -sS -X "$1" "$(dev_url)/api/v1$2" -H "Authorization: Bearer $token" ${3:+-d "$3"}
}
mechanism() { # ID TYPE NAME VALUE
    printf '{"id": %s, "type": "%s", "name": %s, "value": "%s", "create_date": %s, "write_date": null}' "$1" "$2" "$3" "$4" "$AT"
}
party() { # ID NAME PHONE [CODE [POINTS [LEVEL]]]
    printf '{"id": %s, "code": %s, "name": "%s", "create_date": %s, "write_date": null, "contact_mechanisms.": [%s%s]}' \
        "$1" "${4:-null}" "$2" "$AT" "$(mechanism "${1}1" mobile null "$3")" \
        "${5:+,$(mechanism "${1}2" other '"points"' "$5")}${6:+,$(mechanism "${1}3" other '"level"' "$6")}"
}
AT='{"__class__": "datetime", "year": 2026, "month": 11, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}'
crm() { # PARTY...: what the CRM has
    local IFS=, all
    all="$*"
    api_script <<E
{"/categories": [{"json": {"result": [{"id": 1, "name": "member"}]}}], "/parties": [{"json": {"result": [$all]}}],
 "/create": [{"json": {}}], "/write": [{"json": {}}]}
E
}
sync() {
    run --separate-stderr "$DINER" members sync -o json
    assert_status 0
}

@test "sync: names from the CRM to the platform, members to the CRM; a second time nothing" {
    one=$(platform POST /members '{"name": "我们的甲", "phone": "13800000001", "level": "gold"}' | jq -r .data.member_no)
    two=$(platform POST /members '{"name": "只在我们这里", "phone": "13800000002"}' | jq -r .data.member_no)
    platform POST "/members/$one/points/earn" '{"points": 70, "ref": "sync-1"}' >/dev/null
    crm "$(party 1 他们的甲 "+86 138-0000-0001")" "$(party 2 新来的 13800000003)"
    sync
    assert_equal "$(platform GET "/members/$one?reveal=true" | jq -c '[.data.name, .data.phone, .data.level, .data.points]')" '["他们的甲","13800000001","gold",70]'
    three=$(platform POST /members/find?reveal=true '{"phone": "13800000003"}' | jq -r '.data.member | .member_no + " " + .name')
    assert_equal "$three" "M00000003 新来的"
    assert_asked 'map(select(.path == "/create").body | fromjson | .items[]?) | map(.code) == ["'"$two"'"]'
    assert_sql "select points from ods.platform_members where member_id = '$one'" 70
    # What the CRM lacks of them is sent: level and points too, for who is there and who is new.
    others='.. | objects | select(.type? == "other") | .name + "=" + .value'
    assert_asked '[.[] | select(.path == "/write") | .body | fromjson | .items[]? | select(.id == 1) | '"$others"'] | sort == ["level=gold", "points=70"]'
    assert_asked '[.[] | select(.path == "/create") | .body | fromjson | .items[]? | '"$others"'] | sort == ["level=normal", "points=0"]'
    # The CRM has by now what it was sent.
    crm "$(party 1 他们的甲 13800000001 null 70 gold)" "$(party 2 新来的 13800000003 null 0 normal)" "$(party 3 只在我们这里 13800000002 "\"$two\"" 0 normal)"
    sql "alter table ods.members drop column level" # as it was before there was one
    sync
    before=$(sql "select string_agg(concat_ws(' ', member_no, name, phone, version), ';' order by id) from app.members")
    assert_sql "select string_agg(crm_id || ' ' || member_id, ';' order by crm_id) from ods.crm_links" "1 $one;2 M00000003;3 $two"
    sync
    assert_json 'map(select(.pipeline == "members_push")) | map(.read) == [0]'
    assert_sql "select string_agg(concat_ws(' ', member_no, name, phone, version), ';' order by id) from app.members" "$before"
    assert_asked 'map(select(.path == "/create" or .path == "/write")) == []'
    # A level that the CRM has otherwise is mended there, and never taken over.
    crm "$(party 1 他们的甲 13800000001 null 70 platinum)" "$(party 2 新来的 13800000003 null 0 normal)" "$(party 3 只在我们这里 13800000002 "\"$two\"" 0 normal)"
    sync
    assert_asked '[.[] | select(.path == "/write") | .body | fromjson | .items[]? | [.. | objects | .value? // empty]] == [["gold"]]'
    assert_sql "select level from app.members where member_no = '$one'" gold
}

@test "sync: who was merged stays merged, a change made meanwhile stays" {
    four=$(platform POST /members '{"name": "第四", "phone": "13800000004"}' | jq -r .data.member_no)
    "$DINER" members merge M00000001 "$four" --yes >/dev/null
    crm "$(party 1 他们的甲 13800000001)" "$(party 4 第四位 13800000004)"
    sync
    assert_equal "$(platform GET "/members/$four" | jq -r .data.member_no)" M00000001
    assert_sql "select count(*) from app.members" 4
    # Based on an older version: refused, and hinders no other.
    answer=$(platform POST /members/sync '{"items": [{"ref": "M00000001", "version": 1, "name": "x"}, {"ref": "M00000002", "phone": "13800000001"},
        {"ref": "crm:9", "phone": "13800000009"}, {"ref": "crm:10", "name": "y", "phone": "not a phone"}, {"ref": "M00000003", "name": "新来的"}]}')
    assert_equal "$(jq -c '.data.results | map([.ok, .result, .error])' <<<"$answer")" \
        '[[false,null,"version_conflict"],[false,null,"member_exists"],[false,null,"invalid_member"],[true,"created",null],[true,"unchanged",null]]'
}

@test "sync: who was erased is not brought back, here or there" {
    crm "$(party 1 他们的甲 13800000001)" "$(party 2 新来的 13800000003)"
    sync
    "$DINER" members erase M00000003 --yes >/dev/null
    [ -z "$(pg_dump -d "$(dev_dsn)" | grep -E '13800000003|新来的')" ]
    sync
    [ -z "$(pg_dump -d "$(dev_dsn)" | grep -E '13800000003|新来的')" ]
    assert_sql "select status from app.members where member_no = 'M00000003'" erased
    # A record of theirs that was not known before: known again by its phone.
    crm "$(party 1 他们的甲 13800000001)" "$(party 22 新来的 13800000003)"
    sync
    assert_sql "select count(*) from app.members where phone = '13800000003'" 0
}
