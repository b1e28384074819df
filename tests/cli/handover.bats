#!/usr/bin/env bats
# diner docs: the two documents have the sections they are to have, in both languages, and say what
# is declared, what a database really has, and what was measured. That the committed ones are as
# generated is docs.bats' business; that their examples fit the contract, openapi/contract.bats'.
# shellcheck disable=SC2016 # patterns of Markdown
load ../helper

setup_file() {
    dev_start
    local document lang
    for document in delivery architecture; do
        for lang in en zh; do
            "$DINER" docs "$document" --lang "$lang" --out "$FILE_DIR/$document.$lang.md" || return 1
        done
    done
}
teardown_file() { dev_stop; }

chapters() { grep '^## ' "$FILE_DIR/$1.md"; }

@test "delivery: the eight chapters, in both languages" {
    assert_equal "$(chapters delivery.en)" "## 1. Overview
## 2. API
## 3. Data model
## 4. Code map
## 5. Tests
## 6. Performance and security
## 7. Deployment and monitoring
## 8. What is next"
    assert_equal "$(chapters delivery.zh)" "## 1. 概述
## 2. API 接口
## 3. 数据模型
## 4. 代码地图
## 5. 测试
## 6. 性能与安全
## 7. 部署与监控
## 8. 下一步"
}

@test "architecture: the seven chapters, and why it is one process over one database" {
    assert_equal "$(chapters architecture.en)" "## 1. Overview
## 2. Services and dependencies
## 3. Communication, discovery, gateway, breaker
## 4. Data and sagas
## 5. Deployment
## 6. Strategy of tests
## 7. Conclusions"
    assert_equal "$(chapters architecture.zh | wc -l)" 7
    grep -qF '**Why one process over one database.**' "$FILE_DIR/architecture.en.md"
    grep -qF '**为什么是一个进程加一个数据库。**' "$FILE_DIR/architecture.zh.md"
}

@test "both languages have the same parts at the same places" {
    local document assets=$PROJECT/lib/platform/assets
    for document in delivery architecture; do
        diff <(grep -oE '\{\{[^}]*\}\}|^#+ ' "$assets/${document}_en.md" | sort) \
            <(grep -oE '\{\{[^}]*\}\}|^#+ ' "$assets/${document}_zh.md" | sort) || fail "$document"
        diff <(grep -oE '^\{\{[^}]*\}\}$|^#+ ' "$assets/${document}_en.md") \
            <(grep -oE '^\{\{[^}]*\}\}$|^#+ ' "$assets/${document}_zh.md") || fail "$document"
    done
}

@test "in Chinese nothing is left in English but names" {
    # A cell of five words or more without a Chinese character is a text that was not translated.
    run grep -nP '\| [A-Za-z]+( [a-z]+){4,}[^\p{Han}`]*\|$' "$FILE_DIR/delivery.zh.md" "$FILE_DIR/architecture.zh.md"
    assert_stdout_is ""
}

@test "the language is the program's, unless it is said" {
    LC_ALL=zh_CN.UTF-8 run --separate-stderr "$DINER" docs architecture
    assert_status 0
    assert_equal "$output" "$(cat "$FILE_DIR/architecture.zh.md")"
    LC_ALL=zh_CN.UTF-8 run --separate-stderr "$DINER" docs architecture --lang en
    assert_equal "$output" "$(cat "$FILE_DIR/architecture.en.md")"
    run --separate-stderr "$DINER" docs architecture --lang fr
    assert_status 2
    assert_stdout_is ""
}

# Each table of the document as SQL that makes it in the schema "told".
told_tables() {
    awk -F' \\| ' '/^#### [a-z_]+\.[a-z_]+$/ { table = substr($0, 6); n = 0 }
        /^## / { table = "" }
        table != "" && /^\| `/ {
            gsub(/^\| `|`$/, "", $1); gsub(/`/, "", $2)
            printf "%s|%s|%s|%s\n", table, $1, $2, ($3 == "yes" ? "t" : "f")
        }' "$FILE_DIR/delivery.en.md"
}

@test "the tables are those that a migrated database has: columns, types, not null" {
    sql "create schema told" >/dev/null
    local script
    script=$(told_tables | awk -F'|' '
        $1 != last { if (last != "") print ");"; printf "create table told.\"%s\" (", $1; last = $1; comma = "" }
        { printf "%s\"%s\" %s%s", comma, $2, $3, ($4 == "t" ? " not null" : ""); comma = ", " }
        END { print ");" }')
    sql "$script" >/dev/null
    assert_sql "with has as (
            select n.nspname || '.' || c.relname as name, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
            from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
            where n.nspname in ('app', 'diner', 'channel_local') and c.relkind in ('r', 'p')
              and a.attnum > 0 and not a.attisdropped),
        told as (
            select c.relname::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
            from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = 'told'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped)
        select 'not told', * from (table has except table told) x
        union all select 'told', * from (table told except table has) y" ""
    [ "$(told_tables | cut -d'|' -f1 | sort -u | wc -l)" -ge 50 ]
}

@test "so are constraints, indexes and what refers to what, by name" {
    local told has
    told=$(sed -n '/^#### [a-z_]*\.[a-z]/,$p' "$FILE_DIR/delivery.en.md" | sed -n 's/^- `\([a-z0-9_]*\)`: .*/\1/p' | sort)
    has=$(sql "select conname::text collate \"C\" from pg_constraint c join pg_namespace n on n.oid = c.connamespace
            where n.nspname in ('app', 'diner', 'channel_local') and conrelid <> 0
              and not (contype = 'f' and conname like '%\\_fkey')
        union all select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('app', 'diner', 'channel_local')
              and not exists (select from pg_constraint where conindid = c.oid and contype in ('p', 'u', 'x'))
        order by 1")
    [ -n "$has" ]
    diff <(echo "$told") <(echo "$has")
    told=$(awk -F' \\| ' '/^#### [a-z_]+\.[a-z_]+$/ { t = substr($0, 6) } /^## / { t = "" }
        t != "" && /^\| `/ && $5 ~ /`/ { gsub(/[`| ]/, "", $1); gsub(/[`| ]/, "", $5); print t "." $1, $5 }' \
        "$FILE_DIR/delivery.en.md" | sort)
    has=$(sql "set search_path = pg_catalog; select conrelid::regclass || '.' || a.attname || ' ' || confrelid::regclass
        from pg_constraint c join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
        join pg_namespace n on n.oid = c.connamespace
        where contype = 'f' and cardinality(conkey) = 1 and n.nspname in ('app', 'diner', 'channel_local')
        order by 1" | sort)
    [ -n "$has" ]
    diff <(echo "$told") <(echo "$has")
}

@test "the figures are those of the declarations" {
    local text=$FILE_DIR/delivery.en.md operations errors
    operations=$(grep -cE '^    (get|post|put|patch|delete):$' "$PROJECT/lib/platform/openapi.yaml")
    errors=$(grep -c '^X(' "$PROJECT/lib/domain/api_errors.def")
    grep -qF "$operations operations in " "$text"
    grep -qF "$errors error codes" "$text"
    assert_equal "$(grep -cE '^#### (GET|POST|PUT|PATCH|DELETE) /' "$text")" "$operations"
    assert_equal "$(grep -cE '^\| [0-9, ]+ \| `[a-z_]+` \|' "$text")" "$errors"
    grep -qF "$(sql "select count(*) from diner.migration") migrations" "$text"
    grep -qF "$(jq '[.settings[]] | length' "$PROJECT/docs/reference/commands.json") settings" "$text"
    grep -qF 'After 5 failures in a row a service is not asked for 60s' "$FILE_DIR/architecture.en.md"
}

@test "every event that is written is told, and no other" {
    local written told
    written=$(grep -rhoE "[\"'](order|stock|member|points|coupon)\.[a-z_]+[\"']" "$PROJECT"/lib/domain/order*.c \
        "$PROJECT"/lib/domain/{payment,refund,campaign_apply}.c "$PROJECT"/lib/domain/migrations | tr -d "\"'" | sort -u)
    told=$(sed -n 's/^| `\(order\.[a-z_]*\)` |.*/\1/p' "$FILE_DIR/architecture.en.md" | sort)
    assert_equal "$told" "$written"
}

@test "what was not given was not measured" {
    assert_equal "$(grep -c '^Not measured for this document\.$' "$FILE_DIR/delivery.en.md")" 2
    assert_equal "$(grep -c '^本文档未包含测量结果。$' "$FILE_DIR/architecture.zh.md")" 2
}

@test "results of tests and benches stand in it" {
    cd "$BATS_TEST_TMPDIR"
    printf '1..3\nok 1 - a\nnot ok 2 - b\nok 3 # skip\n' >tap
    printf 'CSV\n  speed  1.32 x psql\n```\nrm -rf\n\033[31m' >bench
    run --separate-stderr "$DINER" docs delivery --lang en --tests tap --bench bench
    assert_status 0
    assert_stderr_is ""
    assert_stdout_has "| TAP | 1 | 1 | 1 |"
    assert_stdout_has '````text
CSV
  speed  1.32 x psql
```
rm -rf
 [31m
````'
    printf 'nothing\n' >none
    run --separate-stderr "$DINER" docs delivery --tests none
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "'none': there is no result of a test in it"
    assert_stderr_has "JUnit, TAP"
    run --separate-stderr "$DINER" docs delivery --bench missing --out kept
    assert_status 1
    assert_stderr_has missing
    refute_exists kept
    : >empty
    run --separate-stderr "$DINER" docs delivery --bench empty
    assert_status 1
    assert_stderr_has "'empty' is empty"
}

@test "no configuration is read, and a full disk is told" {
    DINER_CONFIG=/nowhere.yaml run --separate-stderr "$DINER" docs architecture --lang en
    assert_status 0
    run --separate-stderr bash -c '"$DINER" docs delivery >/dev/full'
    [ "$status" -ne 0 ]
    [ -n "$stderr" ]
}
