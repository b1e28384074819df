#!/usr/bin/env bats
# Every text that people read, in Chinese. The locale zh_CN.UTF-8 need not be installed, and on the
# machines of the tests it is not.
load ../helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    unset LC_ALL LC_MESSAGES LANG LANGUAGE
}

teardown() { dev_stop; }

chinese() { run --separate-stderr env LC_ALL=zh_CN.UTF-8 "$DINER" "$@"; }
english() { run --separate-stderr env LC_ALL=C "$DINER" "$@"; }

po() { echo "$PROJECT/lib/messages/zh_CN.po"; }

count() { # of the messages that msgattrib OPTION... keeps
    msgattrib --no-obsolete "$@" "$(po)" | grep -c '^msgid ' || true
}

@test "an error and its hint" {
    chinese run no_such
    assert_status 1
    assert_stderr_has "diner: 没有管道 'no_such'"
    assert_stderr_has "提示：已在配置项 'pipeline_path' 的各目录中查找"
    assert_stdout_is ""
}

@test "misuse: what is wrong, what was meant, how it is used" {
    chinese orders list --sotre S001
    assert_status 2
    assert_stderr_has "diner orders list: 未知选项 '--sotre'"
    assert_stderr_has $'\n您是不是要用 \'--store\'？'
    assert_stderr_has "用法：diner orders list [选项]"
}

@test "a file that cannot be read: with the system's reason" {
    chinese --config none.yaml config check
    assert_status 3
    assert_stderr_has "无法读取配置 'none.yaml'"
    assert_stderr_has "没有那个文件或目录"
}

@test "help: summary, description, options with their notes, examples" {
    chinese orders refund --help
    assert_status 0
    assert_stdout_has "diner orders refund - 退款，部分退款或退还全部余额"
    assert_stdout_has "用法：diner orders refund [选项] ORDER"
    assert_stdout_has "一笔支付最多 50 次退款"
    assert_stdout_has "（可选值：table, json, jsonl, csv；默认：table）"
    assert_stdout_has "全局选项："
    assert_stdout_has "# 部分退款"
    assert_stderr_is ""
    chinese help exit-codes
    assert_stdout_has "检查、目标或比较未通过"
    chinese help settings
    assert_stdout_has "营业日结束、下一营业日开始的时刻"
    chinese help api-errors
    assert_stdout_has "存量不足"
}

@test "help is broken where Chinese may be: no line is too wide, none begins with a closing mark" {
    local command
    for command in run "notify deliver" "perf-report" "pipeline plan" "help settings"; do
        # shellcheck disable=SC2086
        LC_ALL=zh_CN.UTF-8 "$DINER" $command $([[ $command == help* ]] || echo --help) >help.txt
        python3 - help.txt <<'PY' || fail "$command"
import sys, unicodedata
for line in open(sys.argv[1], encoding="utf-8"):
    line = line.rstrip("\n")
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    words = line.split()
    # A command of an example, a name, a URL is never broken; one closing mark may stand over.
    if width > 92 and not line.startswith("  diner") and len(words) > 1:
        sys.exit("wide: %d: %s" % (width, line))
    if words and words[0][0] in "，。；：、）！？":
        sys.exit("begins with a mark: " + line)
PY
    done
}

@test "a summary" {
    chinese config check
    assert_status 0
    assert_stderr_matches '^config check：.*没有问题$'
}

@test "a table: headings in Chinese, columns aligned by what a terminal shows" {
    chinese doctor
    assert_stdout_matches '^检查 +结果 +详情 +补救办法'
    printf '%s\n' "$output" >table.txt
    python3 - table.txt <<'PY'
import re, sys, unicodedata
wide = lambda s: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in s)
starts = {wide(re.match(r"\S+( \S+)* {2,}", line).group(0)) for line in open(sys.argv[1], encoding="utf-8")}
assert len(starts) == 1, starts
PY
}

@test "the columns of a pipeline have the names that it gives them" {
    printf 'store,qty\nS001,5\n' >in.csv
    cat >p.yaml <<'YAML'
version: 1
name: p
streams:
  s:
    source: { file: in.csv }
    target: { connection: warehouse }
    mode: replace
    guard: { min_rows: 1 }
    columns: { store: text, qty: int }
YAML
    chinese pipeline preview ./p.yaml
    assert_status 0
    assert_stdout_matches '^STORE +QTY +拒收'
}

@test "a line of the log is Chinese for people, English as JSON for programs" {
    export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 # nobody listens: a warning
    chinese config show no_such
    assert_status 1
    assert_stderr_matches ' warn 追踪信息未能发送：POST http://127.0.0.1:1/v1/traces：'
    assert_stderr_has "diner: 没有配置项 'no_such'"
    chinese --log-format json config show no_such
    assert_status 1
    assert_stderr_has '"level":"warn","msg":"the trace was not sent: '
    assert_stderr_has "\"msg\":\"there is no setting 'no_such'\""
    assert_stderr_has "\"hint\":\"'diner config show' lists all of them\""
}

@test "which language: LC_ALL, LC_MESSAGES, LANG, LANGUAGE" {
    local way
    for way in LC_ALL=zh_CN.UTF-8 LC_MESSAGES=zh_CN.UTF-8 LANG=zh_CN.UTF-8 LANG=zh_CN LC_ALL=zh_CN.GB18030 \
        LANGUAGE=zh_CN 'LANG=C.UTF-8 LANGUAGE=zh_CN' 'LANG=en_US.UTF-8 LANGUAGE=zh_CN:en'; do
        # shellcheck disable=SC2086
        run env $way "$DINER" version -h
        assert_stdout_has "用法：" || fail "$way"
    done
    for way in LC_ALL=C LC_ALL=POSIX LC_ALL=C.UTF-8 LANG=en_US.UTF-8 'LC_ALL=C LANGUAGE=zh_CN' \
        'LC_ALL=zh_CN.UTF-8 LANGUAGE=en' 'LC_ALL=C LANG=zh_CN.UTF-8' LC_ALL=xx_YY.UTF-8 LANG=; do
        # shellcheck disable=SC2086
        run env $way "$DINER" version -h
        assert_stdout_has "usage: " || fail "$way"
    done
}

@test "what programs read is the same in both languages" {
    local command
    for command in "doctor -o json" "connector list -o json" "config show -o csv" "pipeline list -o jsonl" \
        "run no_such -o json"; do
        # shellcheck disable=SC2086
        LC_ALL=C "$DINER" $command >c.txt 2>c.err || true
        # shellcheck disable=SC2086
        LC_ALL=zh_CN.UTF-8 "$DINER" $command >zh.txt 2>zh.err || true
        sed -i -E 's/now [^"]*"|[0-9]+ MiB/-/' c.txt zh.txt # the time and the disk of the moment
        diff c.txt zh.txt || fail "$command"
        diff c.err zh.err || fail "$command: errors"
    done
}

@test "the report of perf-report is in the reader's language, unless --lang says which" {
    local study=$PROJECT/tests/fixtures/perf/study_after.json
    chinese perf-report render "$study"
    assert_stdout_matches '^# 性能优化报告'
    chinese perf-report render "$study" --lang en
    assert_stdout_matches '^# Performance report'
    english perf-report render "$study"
    assert_stdout_matches '^# Performance report'
    chinese perf-report render "$study" -o json
    assert_json '.language == "en"'
}

@test "a run, its rejects and the platform: Chinese for people, English for programs" {
    export LC_ALL=zh_CN.UTF-8
    dev_start --orders 20
    printf 'sku,qty\nP1,1\nP2,abc\nP3,\n' >stock.csv
    cat >bad.yaml <<'YAML'
version: 1
name: bad
streams:
  stock:
    source: { file: stock.csv, format: csv }
    target: { connection: warehouse, schema: ods, table: chinese_stock }
    mode: replace
    columns: { sku: text, qty: { type: int4, required: true } }
YAML
    run --separate-stderr "$DINER" run bad.yaml
    assert_status 0
    assert_stdout_matches '^管道 +数据流 +状态 '
    assert_stderr_matches '^bad.yaml 完成：读取 3，插入 1，.*拒收 2，'
    run --separate-stderr "$DINER" rejects list --pipeline bad
    assert_stdout_has "不是数字"
    assert_stdout_has "为空，但必填"
    run --separate-stderr "$DINER" rejects list --pipeline bad -o json
    assert_stdout_has '"reason":"not a number"'
    # The server was started in this locale, too: its answers are a contract.
    run --separate-stderr "$DINER" orders show no_such
    assert_status 1
    assert_stderr_has "HTTP 404: unknown_order: There is no order 'no_such'"
    assert_stderr_matches '^diner: GET http.*：HTTP 404'
    run --separate-stderr curl -s "$(dev_url)/api/v1/orders"
    assert_json '.message | test("^[ -~]+$")'
}

@test "man pages in both languages" {
    mkdir en zh
    LC_ALL=C "$DINER" -q __docs man en
    LC_ALL=zh_CN.UTF-8 "$DINER" -q __docs man zh
    diff <(ls en) <(ls zh)
    run cat zh/diner-orders-cancel.1
    assert_stdout_has '.SH 名称'
    assert_stdout_has 'diner\-orders\-cancel \- 取消订单；库存恢复一次，已付款项退回'
    groff -man -Tutf8 -k zh/*.1 >pages.txt 2>warnings.txt
    [ ! -s warnings.txt ] || fail "$(head -3 warnings.txt)"
    grep -q '计划任务' pages.txt
}

@test "completions describe in Chinese" {
    chinese completion fish
    assert_status 0
    assert_stdout_has "'显示本帮助'"
    chinese completion zsh
    assert_stdout_has "运行管道和作业"
}

@test "the catalogue is whole: every text is translated, with the conversions of its format" {
    run msgfmt --check --output-file=/dev/null "$(po)"
    assert_status 0
    [ "$(count --translated)" -gt 3000 ] || fail "only $(count --translated) are translated"
    # Of what is declared (help, settings, codes) nothing; of all else one in fifty may lag behind.
    LC_ALL=C "$DINER" -q __docs messages .
    xgettext --language=C --from-code=UTF-8 --keyword=declared --output=declared.pot declared.c 2>/dev/null
    msgmerge --quiet --no-fuzzy-matching --output-file=declared.po "$(po)" declared.pot
    run msgattrib --untranslated --no-obsolete declared.po
    assert_stdout_is "" || fail "not translated: $output"
    [ $(($(count --untranslated) * 50)) -le "$(count --translated)" ] ||
        fail "$(count --untranslated) are not translated"
}

@test "a format whose translation has other conversions is refused" {
    sed 's/没有管道/没有 %d 管道/' "$(po)" >wrong.po
    run msgfmt --check --output-file=/dev/null wrong.po
    [ "$status" -ne 0 ] || fail "taken"
}

@test "an installed program finds its catalogue" {
    local mo
    mo=$(dirname "$DINER")/locale/zh_CN/LC_MESSAGES/diner.mo
    mkdir -p prefix/bin
    install -D -m 0644 "$mo" prefix/share/locale/zh_CN/LC_MESSAGES/diner.mo
    cp "$DINER" prefix/bin/diner
    LC_ALL=zh_CN.UTF-8 run prefix/bin/diner help
    assert_stdout_has "用法："
    rm -r prefix/share
    LC_ALL=zh_CN.UTF-8 run prefix/bin/diner help # English, or what this machine has installed
    assert_status 0
}
