#!/usr/bin/env bats
# The reports of saved studies in every form, without a server; the page in a real browser.
# shellcheck disable=SC2154,SC2016 # `run` sets stderr; a $ in a pattern is one
bats_require_minimum_version 1.5.0
load ../helper

setup_file() {
    export STUDIES=$PROJECT/tests/fixtures/perf BROWSER=$PROJECT/tests/browser
    export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/none
    python3 "$STUDIES/make_studies.py" "$BATS_FILE_TMPDIR" hostile
    python3 "$STUDIES/make_studies.py" "$BATS_FILE_TMPDIR" large
    if [ ! -d "$BROWSER/node_modules/playwright-core" ]; then
        (cd "$BROWSER" && npm ci --no-audit --no-fund >&2) 3>&- || return 1
    fi
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    BUDGETS=(-t 'p(95)<500' -t 'db.calls_per_req<=8' -t 'db.buffers_per_req<2000'
        -t 'delta(p95)<10%')
}

render() { # STUDY OPTION...
    "$DINER" -q perf-report render "$@"
}

# The lines are there, in this order, each at the begin of a line of text.
in_order() { # FILE PATTERN...
    python3 - "$@" <<'PY'
import re, sys
text, at = open(sys.argv[1], encoding="utf-8").read(), 0
for pattern in sys.argv[2:]:
    found = re.compile(pattern).search(text, at)
    if not found:
        sys.exit(f"'{pattern}' is not there, or not in its place")
    at = found.end()
PY
}

@test "the page: the owner's form, headings and order, in Chinese" {
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --lang zh --html r.html
    in_order r.html '<html lang="zh-CN">' '<h1>性能优化报告' '未通过' 'API响应时间 \(P95\)' '数据库查询时间' \
        'QPS' '错误率' '主要原因' '</span> 性能问题分析</h2>' '现象' '影响' '严重程度</b> <span>高' \
        '>指标</th>.*优化前</th>.*目标</th>.*优化后</th>.*改善幅度</th>' 'API响应时间 \(P95\)' '数据库查询时间' \
        'QPS' '错误率' '数据库层面' '应用层面' '问题 SQL' '架构层面' '</span> 优化方案</h2>' '索引与查询' '缓存优化' '异步处理' \
        '负载均衡与扩容' '</span> 实施计划</h2>' '第一阶段（第 1 周）' 'type="checkbox"' '第二阶段' '第三阶段' '第四阶段' \
        '</span> 验证与监控</h2>' '负载测试' '预期' '监控指标' '告警规则' 'HighResponseTime' 'API响应时间过高' \
        'HighErrorRate' '</span> 优化结果</h2>' '性能提升' '成本' 'ROI' '节省数据库时间' 'CNY' '</span> 经验总结</h2>' \
        '最佳实践' '注意事项' '<h2 id="appendix">附录' '测试环境' '数据库参数' '原始直方图' '<footer>' '优化负责人</b> <span>陈晓' \
        '完成时间' '相关文档</b> <span>docs/perf-report.md'
}

@test "the page in English; what was not measured says so" {
    render "$STUDIES/study_before.json" -t 'p(95)<500' --html r.html
    in_order r.html '<html lang="en">' 'Failed' '</span> Performance problem analysis</h2>' 'Phenomenon' \
        'Severity</b> <span>high' 'API response time \(P95\)' 'not measured' 'no baseline' 'Database level' \
        'ANY \(\$1\)' '</span> Optimisation plan</h2>' \
        'CREATE INDEX CONCURRENTLY idx_orders_store_id_created_at' '</span> Implementation plan</h2>' 'Phase 1 \(week 1\)' \
        '</span> Verification and monitoring</h2>' '</span> Results of the optimisation</h2>' \
        'gains are expected, not measured' '</span> Lessons learned</h2>' 'Appendix'
    [ "$(grep -c '<svg viewBox' r.html)" -eq 7 ] # one run: no second series, all charts but none empty
    run ! grep -qE '<(link|img)|src=|@import|url\([^#]|https?://[^1]' r.html
    # The load of all as the sum of each alone, and what is left over.
    grep -qE 'cost 97.{1,2}% of the database time of the mixed run; 3.{1,2}% of it remain unexplained' r.html
}

@test "in a browser: silent, no request, sorting, folds, hover, phone, dark, paper; markup is inert" {
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --lang zh --html zh.html
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --lang en --html en.html
    render "$BATS_FILE_TMPDIR/study_hostile.json" -t 'p(95)<1' --html hostile.html
    run node "$BROWSER/report.mjs" "$PWD/r.pdf" "$PWD/zh.html" "$PWD/en.html" "$PWD/hostile.html"
    [ "$status" -eq 0 ] || fail "$output"
    [[ $output == "ok "* ]]
    pdftotext -layout r.pdf r.txt
    in_order r.txt '性能优化报告' '性能问题分析' '优化方案' '实施计划' '验证与监控' '优化结果' '经验总结' '附录' '原始直方图' '优化负责人'
    pdfinfo r.pdf | grep -q 'Page size.*A4'
    # A table of several pages has its heading on each.
    render "$BATS_FILE_TMPDIR/study_large.json" -t 'p(95)<500' --html large.html
    run node "$BROWSER/report.mjs" "$PWD/large.pdf" "$PWD/large.html"
    [ "$status" -eq 0 ] || fail "$output"
    pdftotext -layout large.pdf large.txt
    [ "$(grep -cE '^ *Endpoint +Share +P95' large.txt)" -ge 2 ]
}

@test "markup from outside is text in Markdown and XML too" {
    local hostile=$BATS_FILE_TMPDIR/study_hostile.json
    render "$hostile" -t 'p(95)<1' --markdown r.md --junit r.xml --html r.html --alerts a.yml
    # Nothing but our own anchors, line breaks and folds is markup outside of code.
    python3 - <<'PY'
import re
text = open("r.md", encoding="utf-8").read()
text = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
tags = set(re.findall(r"(?<!\\)<(/?[a-zA-Z!][a-zA-Z]*)", text))
assert tags <= {"a", "/a", "br", "sub", "/sub", "details", "/details", "summary", "/summary"}, tags
assert not re.search(r"(?<!\\)\]\((?!#)", text)
import xml.etree.ElementTree as xml
root = xml.parse("r.xml").getroot()
assert any("<script>" in case.get("classname") for case in root), "the name is kept as text"
PY
    [ "$(grep -c '<script' r.html)" -eq 1 ]
}

@test "Markdown: the tables of a pull request; a large study is cut at a heading, and says so" {
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --markdown r.md
    in_order r.md '^# Performance report' '❌ \*\*Failed\*\*' '## <a id="analysis"></a>1 ' \
        '\| Metric \| Before \| Target \| After \| Improvement \|' '\| API response time \(P95\) \|' \
        '\| Database query time \|' '\| QPS \|' '\| Error rate \|' '1\.4' '```sql' '- \[ \] ' '```yaml'
    run ! grep -q "The report was cut" r.md
    render "$BATS_FILE_TMPDIR/study_large.json" "${BUDGETS[@]}" --lang zh --markdown l.md
    [ "$(wc -m <l.md)" -le 65000 ]
    [ "$(wc -m <l.md)" -gt 30000 ]
    [[ $(tail -n 1 l.md) == *"在此截断"* ]]
    [ "$(grep -c '^```' l.md)" -gt 0 ]
    [ $(($(grep -c '^```' l.md) % 2)) -eq 0 ]
    [ "$(grep -c '<details>' l.md)" -eq "$(grep -c '</details>' l.md)" ]
}

@test "JSON: as its schema says, with and without a baseline" {
    local schema=$PROJECT/docs/reference/perf-report.schema.json
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --json a.json
    render "$BATS_FILE_TMPDIR/study_hostile.json" --lang zh --json b.json
    render "$BATS_FILE_TMPDIR/study_large.json" --json c.json
    /usr/bin/python3 - "$schema" a.json b.json c.json <<'PY'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
for name in sys.argv[2:]:
    jsonschema.validate(json.load(open(name)), schema)
a = json.load(open("a.json"))
assert a["diner_perf_report"] == 2 and a["verdict"] == "failed" and a["exit_code"] == 9
assert a["comparison"]["verdict"] == "inconclusive" and len(a["endpoints"]) == 7
by = {(c["endpoint"], c["figure"]): c for c in a["comparison"]["changes"]}
orders = by["GET /api/v1/orders", "p95"]
assert orders["verdict"] == "improved" and orders["p"] < .05 and orders["relative"] < -.8
assert by["GET /api/v1/orders", "db.calls_per_req"] ["after"] == 3
assert a["roi"]["basis"] == "measured" and a["roi"]["database_seconds_saved_per_day"] > 1000
PY
}

@test "JUnit: a case for each check; inconclusive is skipped, and fails under --strict" {
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --junit r.xml --json r.json
    render "$STUDIES/study_after.json" --baseline "$STUDIES/study_before.json" "${BUDGETS[@]}" \
        --strict --junit s.xml
    python3 - <<'PY'
import json
import xml.etree.ElementTree as xml
checks = json.load(open("r.json"))["checks"]
root, strict = xml.parse("r.xml").getroot(), xml.parse("s.xml").getroot()
count = lambda what: sum(c["result"] == what for c in checks)
assert len(root) == len(checks) == int(root.get("tests"))
assert len(root.findall("*/failure")) == count("failed") == int(root.get("failures")) > 0
assert len(root.findall("*/skipped")) == int(root.get("skipped")) == count("inconclusive") > 0
assert int(strict.get("failures")) == count("failed") + count("inconclusive")
assert "(report: #check-" in root.find("*/failure").text
PY
}

@test "alert rules: limits from the target or the curve, and promtool agrees that they fire" {
    local lang
    for lang in en zh; do
        render "$STUDIES/study_after.json" -t 'p(95)<500' --lang "$lang" --alerts alerts.yml \
            --alerts-test test.yml
        promtool check rules alerts.yml
        promtool test rules test.yml
    done
    grep -q 'name: backend_alerts' alerts.yml
    grep -q '"API响应时间过高"' alerts.yml
    grep -q '> 0.5$' alerts.yml
    grep -qE '^# .*0\.5[,:]' alerts.yml # an edge exactly there
    render "$STUDIES/study_before.json" -t 'p(95)<300' --alerts alerts.yml --alerts-test test.yml
    grep -q 'would fire now' alerts.yml
    promtool test rules test.yml
    sed -i 's/> 0.3$/> 30/' alerts.yml # and the test can fail
    run promtool test rules test.yml
    [ "$status" -ne 0 ]
}

@test "OpenMetrics: families with their samples, and the end" {
    render "$STUDIES/study_after.json" --openmetrics r.txt
    [ "$(tail -n 1 r.txt)" = "# EOF" ]
    promtool check metrics <r.txt
    grep -qx 'diner_perf_statements_per_request{endpoint="POST /api/v1/orders"} 14' r.txt
    render "$BATS_FILE_TMPDIR/study_hostile.json" --openmetrics h.txt
    promtool check metrics <h.txt
    # promtool reads Prometheus' own form: OpenMetrics asks for more.
    /usr/bin/python3 - r.txt h.txt <<'PY'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for name in sys.argv[1:]:
    families = list(text_string_to_metric_families(open(name).read()))
    assert len(families) > 3 and all(f.samples for f in families), name
    assert any(s.labels.get("endpoint") for f in families for s in f.samples)
PY
}

@test "50 endpoints and 500 statements stay under 400 KB" {
    render "$BATS_FILE_TMPDIR/study_large.json" --baseline "$BATS_FILE_TMPDIR/study_large.json" \
        "${BUDGETS[@]}" --lang zh --html l.html
    [ "$(wc -c <l.html)" -lt 400000 ]
}

@test "several forms at once; standard output; errors" {
    run --separate-stderr render "$STUDIES/study_after.json" -t 'p(95)<500' --html r.html --junit -
    [ "$status" -eq 0 ] # rendering does not judge
    [[ $output == '<?xml version'* ]]
    [ -s r.html ]
    run --separate-stderr render "$STUDIES/study_after.json"
    [[ $output == '# Performance report'* ]]
    run --separate-stderr render "$STUDIES/study_after.json" --html no/such/dir/r.html
    [ "$status" -eq 1 ]
    [[ $stderr == *"no/such/dir"* ]]
    run --separate-stderr render "$STUDIES/study_after.json" -t 'p(95)<'
    [ "$status" -eq 3 ]
    [[ $stderr == *"column 7: expected a number, found the end"* ]]
    run --separate-stderr render "$STUDIES/study_after.json" --html /dev/full
    [ "$status" -ne 0 ]
}

@test "the examples for CI are YAML, and each command of diner in them parses" {
    local file command words n=0
    for file in "$PROJECT"/configs/ci/*.yml; do
        python3 - "$file" >commands <<'PY'
import sys, yaml
def texts(node):
    if isinstance(node, dict): node = list(node.values())
    if isinstance(node, list):
        for item in node: yield from texts(item)
    elif isinstance(node, str): yield node
for text in texts(yaml.safe_load(open(sys.argv[1]))):
    for line in text.splitlines():
        if line.strip().startswith("diner "): print(line.strip().split(" #")[0])
PY
        while read -r command; do
            # Without the files: what does not parse is misuse (2), and nothing is contacted.
            read -ra words <<<"$command"
            run --separate-stderr "$DINER" "${words[@]:1}"
            [ "$status" -ne 2 ] || fail "$command: $stderr"
            [ "$status" -ne 0 ]
            n=$((n + 1))
        done <commands
    done
    [ "$n" -ge 12 ]
}

@test "every reason and note that the measuring parts give is there in Chinese" {
    run python3 - "$BATS_TEST_DIRNAME/../../lib/perf" <<'PY'
import glob, re, sys
LITERALS = r'(?:"(?:[^"\\]|\\.)*"\s*)+'  # as the compiler joins them
def join(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))

table = open(sys.argv[1] + "/report_text.c").read()
table = table[table.index("REASONS[][2]"):]
table = [join(t) for t in re.findall(LITERALS, table[:table.index("\n};\n")])][::2]
known = [re.compile(re.sub(r"\\\{\d\\\}", ".+", re.escape(t)) + "$") for t in table if t != "{0}: {1}"]
given = re.compile(r'(?:perf_unknown\(|perf_note\([^"]*|(?:why|unproved) = (?:arena_printf\([^"]*)?)'
                   rf'({LITERALS})')
missing = seen = 0
for path in sorted(glob.glob(sys.argv[1] + "/*.c")):
    for found in given.finditer(open(path).read()):
        text = re.sub(r"%(?:\.\d)?(?:ll)?[a-z]", "1", join(found.group(1))).replace("%%", "%")
        seen += 1
        if not any(k.match(text) for k in known):
            missing += 1
            print(f"{path}: {text}")
print(f"{seen} seen" if seen > 40 else f"only {seen} seen")
sys.exit(missing > 0 or seen <= 40)
PY
    assert_status 0
}
