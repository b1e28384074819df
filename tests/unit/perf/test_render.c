/* What a report is made of: escaping, texts in both languages, figures as words, charts byte for
 * byte, and the arithmetic of what a change is worth. */
#include "perf/alert.h"
#include "perf/chart_svg.h"
#include "perf/quantity.h"
#include "perf/report_text.h"
#include "perf/roi.h"
#include "perf/section.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena *arena;
static struct strbuf out;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    strbuf_init(&out, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    strbuf_release(&out);
    arena_free(arena);
    return 0;
}

static const char *html(const char *text)
{
    strbuf_clear(&out);
    html_add(&out, text);
    return out.data;
}

static const char *markdown(const char *text)
{
    strbuf_clear(&out);
    markdown_add(&out, text);
    return out.data;
}

static void test_escaping(void **state)
{
    (void)state;
    assert_string_equal(html("<script>alert('x') & \"y\"</script>"),
                        "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;");
    assert_string_equal(html("a\001b\xFF\xC3(中"), "a\xEF\xBF\xBD"
                                                   "b\xEF\xBF\xBD\xEF\xBF\xBD(中");
    assert_string_equal(html("\xED\xA0\x80"),
                        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* surrogate */
    assert_string_equal(markdown("<script>|a_b _c_ *d* [e](f) `g` @h\n# i"),
                        "&lt;script>\\|a_b \\_c\\_ \\*d\\* \\[e\\](f) \\`g\\` &#64;h # i");
    assert_string_equal(markdown("# no heading"), "\\# no heading");
    assert_string_equal(markdown("- no list"), "\\- no list");
}

/* Both languages have each text, and the same arguments in it. */
static void test_texts_are_whole(void **state)
{
    struct perf_document en = {.language = PERF_ENGLISH}, zh = {.language = PERF_CHINESE};
    (void)state;
    for (int i = TEXT_NONE + 1; i < TEXT_COUNT; i++) {
        const char *a = text_of(&en, (enum report_text)i), *b = text_of(&zh, (enum report_text)i);
        if (a[0] == '\0' || b[0] == '\0')
            fail_msg("a text is empty beside '%s%s'", a, b);
        for (char digit = '0'; digit <= '5'; digit++) {
            char place[4] = {'{', digit, '}', '\0'};
            if ((strstr(a, place) != NULL) != (strstr(b, place) != NULL))
                fail_msg("%s is in one language only: '%s' '%s'", place, a, b);
        }
    }
    assert_string_equal(text_fill(&zh, arena, TEXT_V_FAILED, "2", "9", NULL),
                        "9 项检查中有 2 项未达标。");
    const struct {
        const char *english, *chinese;
    } reasons[] = {
        {"no database was given", "未指定数据库"},
        {"12 requests, a P99 needs 1000", "只有 12 个请求，P99 至少需要 1000 个"},
        {"not measured before: hey does not report it", "优化前未测量：hey 未报告该项"},
        {"GET /orders: every answer was 429", "GET /orders：所有响应均为 429"},
        {"something else", "something else"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        assert_string_equal(text_reason(&zh, arena, reasons[i].english), reasons[i].chinese);
        assert_string_equal(text_reason(&en, arena, reasons[i].english), reasons[i].english);
    }
}

static const char *quantity(enum figure_unit unit, double value)
{
    strbuf_clear(&out);
    quantity_of(unit, value, &out);
    for (char *p; (p = strstr(out.data, "\xC2\xA0")) != NULL;) {
        *p = ' ';
        memmove(p + 1, p + 2, strlen(p + 2) + 1);
    }
    return out.data;
}

static void test_quantities(void **state)
{
    (void)state;
    assert_string_equal(quantity(UNIT_MS, 0.0123), "0.012 ms");
    assert_string_equal(quantity(UNIT_MS, 1.234), "1.23 ms");
    assert_string_equal(quantity(UNIT_MS, 9.996), "10.0 ms");
    assert_string_equal(quantity(UNIT_MS, 99.96), "100 ms");
    assert_string_equal(quantity(UNIT_MS, 1234.4), "1,234 ms");
    assert_string_equal(quantity(UNIT_MS, 12345), "12.3 s");
    assert_string_equal(quantity(UNIT_SHARE, 0.001), "0.1 %");
    assert_string_equal(quantity(UNIT_SHARE, 0), "0 %");
    assert_string_equal(quantity(UNIT_PER_S, 1234567), "1,234,567/s");
    assert_string_equal(quantity(UNIT_COUNT, 3), "3");
    assert_string_equal(quantity(UNIT_COUNT, 3.25), "3.25");
    assert_string_equal(quantity(UNIT_COUNT, 100), "100");
    assert_string_equal(quantity(UNIT_BYTES, 312), "312 B");
    assert_string_equal(quantity(UNIT_BYTES, 30212096), "28.8 MB");
    strbuf_clear(&out);
    quantity_percent_change(-0.3456, &out);
    assert_string_equal(out.data, "\xE2\x88\x92"
                                  "34.6\xC2\xA0%");
    strbuf_clear(&out);
    quantity_percent_change(0.0002, &out); /* no sign where there is no change */
    assert_string_equal(out.data, "0.0\xC2\xA0%");
}

static void test_scales(void **state)
{
    double ticks[TICKS_MAX];
    (void)state;
    struct scale s = scale_for(0, 437, false);
    assert_true(fabs(s.high - 500) < 1e-9 && !s.log);
    assert_int_equal(scale_ticks(&s, 5, ticks), 6);
    assert_true(fabs(ticks[5] - 500) < 1e-9);
    s = scale_for(1.5, 900, true);
    assert_true(s.log && fabs(s.low - 1) < 1e-9 && fabs(s.high - 1000) < 1e-6);
    s = scale_for(0, 0, false);
    assert_true(s.high > 0); /* nothing measured still has an axis */
    assert_string_equal(svg_shorten("GET /api/v1/orders", 10, arena), "GET /api/\xE2\x80\xA6");
    assert_string_equal(svg_shorten("门店订单列表", 7, arena), "门店订\xE2\x80\xA6");
    assert_string_equal(svg_shorten("short", 10, arena), "short");
}

/* ---- charts ---------------------------------------------------------------------------------- */

static struct perf_study study;
static struct study_gate gate;

static struct chart_context chart_of(void)
{
    static struct perf_document d;
    static struct perf_step steps[] = {
        {.connections = 1, .rps = 100, .p95_ms = 20},
        {.connections = 2, .rps = 200, .p95_ms = 40},
        {.connections = 4, .rps = 190, .p95_ms = 90, .error_rate = 0.02}};
    static struct perf_wait waits[] = {{NULL, NULL, 2}, {"IO", "<b>", 1}};
    study = (struct perf_study){.steps = steps, .nsteps = 3};
    study.server.waits = waits;
    study.server.nwaits = 2;
    gate = (struct study_gate){0};
    d = (struct perf_document){.after = &study, .gate = &gate};
    strbuf_clear(&out);
    return (struct chart_context){.d = &d, .arena = arena, .out = &out};
}

static void test_chart_waits(void **state)
{
    struct chart_context c = chart_of();
    (void)state;
    chart_waits(&c);
    assert_string_equal(
        out.data,
        "<svg viewBox=\"0 0 470 94\" role=\"img\" aria-labelledby=\"c1\"><title id=\"c1\">What "
        "sessions of the database wait for</title><desc></desc>\n"
        "<path class=\"g\" d=\"M190.0 10.0L190.0 56.0\"/>\n"
        "<text x=\"190.0\" y=\"73.0\" text-anchor=\"middle\">0</text>\n"
        "<path class=\"g\" d=\"M245.0 10.0L245.0 56.0\"/>\n"
        "<text x=\"245.0\" y=\"73.0\" text-anchor=\"middle\">0.5</text>\n"
        "<path class=\"g\" d=\"M300.0 10.0L300.0 56.0\"/>\n"
        "<text x=\"300.0\" y=\"73.0\" text-anchor=\"middle\">1</text>\n"
        "<path class=\"g\" d=\"M355.0 10.0L355.0 56.0\"/>\n"
        "<text x=\"355.0\" y=\"73.0\" text-anchor=\"middle\">1.5</text>\n"
        "<path class=\"g\" d=\"M410.0 10.0L410.0 56.0\"/>\n"
        "<text x=\"410.0\" y=\"73.0\" text-anchor=\"middle\">2</text>\n"
        "<text x=\"454.0\" y=\"90.0\" text-anchor=\"end\" class=\"axis\">sessions</text>\n"
        "<text x=\"182.0\" y=\"25.0\" text-anchor=\"end\">on the CPU</text>\n"
        "<rect class=\"bar\" x=\"190.0\" y=\"14.0\" width=\"220.0\" height=\"14.0\"><title>on the "
        "CPU: 2</title></rect>\n"
        "<text x=\"416.0\" y=\"25.0\" class=\"v\">2</text>\n"
        "<text x=\"182.0\" y=\"48.0\" text-anchor=\"end\">IO: &lt;b&gt;</text>\n"
        "<rect class=\"bar wait\" x=\"190.0\" y=\"37.0\" width=\"110.0\" "
        "height=\"14.0\"><title>IO: "
        "&lt;b&gt;: 1</title></rect>\n"
        "<text x=\"306.0\" y=\"48.0\" class=\"v\">1</text>\n"
        "</svg>");
}

static void test_chart_knee(void **state)
{
    struct chart_context c = chart_of();
    (void)state;
    assert_ptr_equal(document_knee(c.d), &study.steps[1]); /* the third fails too often */
    chart_knee(&c);
    assert_non_null(strstr(out.data, "capacity 200/s"));
    assert_non_null(
        strstr(out.data, "<path class=\"l a\" d=\"M258.0 178.8L450.0 141.6L430.8 48.6\"/>"));
    assert_non_null(strstr(out.data, "class=\"dot bad\""));
}

static void test_charts_without_data_are_none(void **state)
{
    struct chart_context c = chart_of();
    (void)state;
    study = (struct perf_study){0};
    chart_time(&c);
    chart_curve(&c);
    chart_spread(&c);
    chart_endpoints(&c);
    chart_database(&c);
    chart_knee(&c);
    chart_waits(&c);
    assert_int_equal(out.len, 0);
}

/* ---- worth ----------------------------------------------------------------------------------- */

static struct perf_study with_database_time(double ms)
{
    struct perf_study s = {.nendpoints = 1,
                           .endpoints = arena_array(arena, 1, sizeof *s.endpoints)};
    s.endpoints[0] = (struct perf_endpoint){
        .name = "GET /a", .attributed = true, .database_ms = ms, .weight = 1};
    s.environment.requests_per_day = 100000;
    return s;
}

static void test_roi(void **state)
{
    struct perf_study before = with_database_time(30), after = with_database_time(12);
    struct perf_document d = {.before = &before, .after = &after, .gate = &gate};
    struct roi r = roi_compute(&d, arena);
    (void)state;
    assert_true(r.known && r.measured && r.per_day && !r.has_money);
    assert_true(fabs(r.seconds - 1800) < 1e-6); /* 100,000 x 18 ms */
    assert_true(fabs(r.share - 0.6) < 1e-9);
    after.environment.currency = "CNY";
    after.environment.cost_per_month = 1000;
    d.effort_cost = 3000;
    r = roi_compute(&d, arena);
    assert_true(r.has_money && fabs(r.money_per_month - 600) < 1e-9);
    assert_true(fabs(r.payback_months - 5) < 1e-9);
    assert_true(fabs(r.break_even_effort - 7200) < 1e-9);
    /* Expected from findings: at most all that there is. */
    struct perf_finding findings[] = {{.kind = "a", .gain_ms_per_request = 8},
                                      {.kind = "b", .gain_ms_per_request = 7},
                                      {.kind = "c", .gain_ms_per_request = -1}};
    after.findings = findings;
    after.nfindings = 3;
    d.before = NULL;
    r = roi_compute(&d, arena);
    assert_true(r.known && !r.measured);
    assert_true(fabs(r.ms_per_request - 12) < 1e-9);
}

static void test_alert(void **state)
{
    struct perf_study s = with_database_time(1);
    struct perf_result *result = arena_alloc(arena, sizeof *result);
    struct study_rules rules = {0};
    struct error err = ERROR_INIT;
    (void)state;
    perf_result_init(result, arena, "diner");
    result->percentiles[PERF_P95] = perf_measured(120);
    s.endpoints[0].result = result;
    assert_int_equal(study_gate_evaluate(&s, &rules, NULL, arena, &gate, &err), 0);
    struct perf_document d = {.after = &s, .gate = &gate};
    struct alert a = alert_derive(&d, arena);
    assert_true(a.known && !a.from_target && !a.fires);
    assert_true(fabs(a.limit_s - 0.5) < 1e-9); /* twice 0.12, rounded up to 1, 2 or 5 */
    assert_int_equal(study_rules_add(&rules, RULE_EACH, NULL, "p(95)<100", false, arena, &err), 0);
    assert_int_equal(study_gate_evaluate(&s, &rules, NULL, arena, &gate, &err), 0);
    a = alert_derive(&d, arena);
    assert_true(a.from_target && a.fires && fabs(a.limit_s - 0.1) < 1e-9);
    bool edge = false;
    for (size_t i = 0; i < a.nedges; i++)
        edge = edge || fabs(a.edges[i] - 0.1) < 1e-12;
    assert_true(edge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_texts_are_whole),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_chart_waits),
        cmocka_unit_test(test_chart_knee),
        cmocka_unit_test(test_charts_without_data_are_none),
        cmocka_unit_test(test_roi),
        cmocka_unit_test(test_alert),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
