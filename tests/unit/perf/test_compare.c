/* The decision rule of a comparison and the gate: each of its conditions alone is not enough. */
#include "perf/compare.h"
#include "perf/gate.h"
#include "perf/record.h"
#include "perf/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena *arena;
static struct compare_rule rule;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    compare_rule_default(&rule);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static uint64_t seed = 42;
static double jitter(double spread) /* -spread..spread */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) / 9007199254740992.0 * 2 - 1) * spread;
}

struct shape {
    double p95_ms, spread; /* relative, of the slices */
    double rps, error_rate, database_ms;
    size_t slices;
};

static struct perf_result make(struct shape s)
{
    struct perf_result r;
    perf_result_init(&r, arena, "diner");
    r.percentiles[PERF_P95] = perf_measured(s.p95_ms);
    r.mean = perf_measured(s.p95_ms / 2);
    r.rps = perf_measured(s.rps);
    r.error_rate = perf_measured(s.error_rate);
    if (s.database_ms > 0) {
        r.database.method = PERF_DATABASE_STATEMENTS;
        r.database.ms_per_request = perf_measured(s.database_ms);
    }
    r.nsamples = s.slices;
    for (size_t i = 0; i < s.slices; i++) {
        double factor = 1 + jitter(s.spread);
        r.samples[i] =
            (struct perf_sample){.seconds = 1,
                                 .requests = 10000,
                                 .ok = (uint64_t)(s.rps * (1 + jitter(s.spread))),
                                 .errors = (uint64_t)(s.error_rate * 10000 * factor),
                                 .p50_ms = 1,
                                 .p95_ms = s.p95_ms * factor,
                                 .database_ms = s.database_ms > 0 ? s.database_ms * factor : -1};
    }
    return r;
}

static enum perf_verdict verdict_of(struct shape before, struct shape after,
                                    enum perf_metric metric)
{
    struct perf_result a = make(before), b = make(after);
    struct perf_comparison c;
    perf_compare(&a, &b, &rule, arena, &c);
    return c.changes[metric].verdict;
}

static const struct shape BASE = {100, 0.02, 1000, 0, 20, 10};

static void test_p95(void **state)
{
    struct shape after = BASE;
    (void)state;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_P95), PERF_SAME);
    after.p95_ms = 150;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_P95), PERF_CLEARLY_WORSE);
    after.p95_ms = 60;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_P95), PERF_IMPROVED);
    after.p95_ms = 108; /* established, but smaller than 10 % */
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_P95), PERF_SAME);
    after.p95_ms = 150;
    after.slices = 3; /* large, but nothing to test with */
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_P95), PERF_WORSE);
}

/* 4 slices against 4 give p = 0.029 at best: enough for one question, not for four at once. */
static void test_many_metrics_ask_for_more(void **state)
{
    struct shape before = BASE, after = BASE;
    struct perf_comparison c;
    (void)state;
    before.slices = after.slices = 4;
    after.p95_ms = 150;
    struct perf_result a = make(before), b = make(after);
    perf_compare(&a, &b, &rule, arena, &c);
    assert_true(fabs(c.changes[PERF_METRIC_P95].p - 4 * 2.0 / 70) < 1e-9);
    assert_int_equal(c.changes[PERF_METRIC_P95].verdict, PERF_WORSE);
}

static void test_floor(void **state)
{
    struct shape before = BASE, after = BASE;
    (void)state;
    before.p95_ms = 1;
    after.p95_ms = 2.5; /* 150 % and established, but under 2 ms */
    assert_int_equal(verdict_of(before, after, PERF_METRIC_P95), PERF_SAME);
    after.p95_ms = 3.5;
    assert_int_equal(verdict_of(before, after, PERF_METRIC_P95), PERF_CLEARLY_WORSE);
}

/* The figure moved by half, yet the slices of both runs are spread all over. */
static void test_large_but_not_established(void **state)
{
    struct perf_result a = make(BASE), b = make(BASE);
    struct perf_comparison c;
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        a.samples[i].p95_ms = 50 + 10 * (double)i;
        b.samples[i].p95_ms = 52 + 10 * (double)((i * 7) % 10);
    }
    b.percentiles[PERF_P95] = perf_measured(190);
    perf_compare(&a, &b, &rule, arena, &c);
    assert_true(c.changes[PERF_METRIC_P95].p > 0.5);
    assert_int_equal(c.changes[PERF_METRIC_P95].verdict, PERF_WORSE);
    assert_int_equal(c.verdict, PERF_WORSE);
    b.percentiles[PERF_P95] = perf_measured(40); /* and for the better */
    perf_compare(&a, &b, &rule, arena, &c);
    assert_int_equal(c.changes[PERF_METRIC_P95].verdict, PERF_SAME);
}

/* A baseline that differs from itself by 20 % asks for more than 60 %. */
static void test_noisy_baseline_raises_the_threshold(void **state)
{
    struct perf_result a = make(BASE), b = make(BASE);
    struct perf_comparison c;
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        a.samples[i].p95_ms = i % 2 == 0 ? 90 : 110;
        b.samples[i].p95_ms = 150 + (double)i / 10;
    }
    b.percentiles[PERF_P95] = perf_measured(150);
    perf_compare(&a, &b, &rule, arena, &c);
    assert_true(fabs(c.changes[PERF_METRIC_P95].noise - 0.2) < 1e-9);
    assert_true(fabs(c.changes[PERF_METRIC_P95].threshold - 0.6) < 1e-9);
    assert_true(c.changes[PERF_METRIC_P95].p < 0.01);
    assert_int_equal(c.changes[PERF_METRIC_P95].verdict, PERF_SAME);
}

static void test_other_metrics(void **state)
{
    struct shape after = BASE, before = BASE;
    (void)state;
    after.rps = 700; /* fewer is worse */
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_RPS), PERF_CLEARLY_WORSE);
    after.rps = 1500;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_RPS), PERF_IMPROVED);
    after.error_rate = 0.05; /* from nothing: no relative change, the floor decides */
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_ERRORS), PERF_CLEARLY_WORSE);
    assert_int_equal(verdict_of(after, BASE, PERF_METRIC_ERRORS), PERF_IMPROVED);
    after.error_rate = 0.0005;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_ERRORS), PERF_SAME);
    after.database_ms = 40;
    assert_int_equal(verdict_of(BASE, after, PERF_METRIC_DATABASE), PERF_CLEARLY_WORSE);
    before.database_ms = 0;
    assert_int_equal(verdict_of(before, after, PERF_METRIC_DATABASE), PERF_NOT_COMPARED);
}

/* The same server measured twice: with slices that vary by 15 %, false alarms stay rare. */
static void test_a_against_a(void **state)
{
    int alarms = 0;
    struct shape noisy = BASE;
    (void)state;
    noisy.spread = 0.15;
    for (int i = 0; i < 200; i++) {
        struct shape again = noisy;
        again.p95_ms = 100 * (1 + jitter(0.12)); /* the figure itself drifts a little */
        struct perf_result a = make(noisy), b = make(again);
        struct perf_comparison c;
        perf_compare(&a, &b, &rule, arena, &c);
        alarms += c.verdict == PERF_CLEARLY_WORSE;
    }
    assert_true(alarms <= 10); /* 5 % of 200 */
}

static void test_profiles(void **state)
{
    struct error err = ERROR_INIT;
    struct perf_profile a = {.source = "diner",
                             .method = "GET",
                             .url = "http://a:1/x",
                             .model = PERF_MODEL_OPEN,
                             .rate_per_s = 100,
                             .connections = 8};
    struct perf_profile b = a;
    (void)state;
    b.url = "http://other/x"; /* another host is what before and after may be about */
    b.connections = 16;       /* at most so many: not the load itself */
    assert_int_equal(perf_profiles_check(&a, &b, &err), 0);
    b.rate_per_s = 200;
    assert_int_equal(perf_profiles_check(&a, &b, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "200"));
    b = a;
    b.model = PERF_MODEL_CLOSED;
    assert_int_equal(perf_profiles_check(&a, &b, &err), ERR_USAGE);
    b = a;
    b.url = "http://a:1/y";
    assert_int_equal(perf_profiles_check(&a, &b, &err), ERR_USAGE);
    b = (struct perf_profile){.source = "k6"}; /* what is not known is not held against it */
    assert_int_equal(perf_profiles_check(&a, &b, &err), 0);
}

/* ---- gate ---------------------------------------------------------------------------------- */

static const struct perf_targets TARGETS = {500, 200, 100, 800, 0.001};

static void test_gate_targets(void **state)
{
    struct shape s = BASE;
    struct gate g;
    struct error err = ERROR_INIT;
    (void)state;
    struct perf_result r = make(s);
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(gate_result(&g, &err), 0);
    assert_int_equal(g.checks[GATE_DATABASE].state, GATE_PASSED);
    assert_int_equal(g.checks[GATE_BASELINE].state, GATE_NO_TARGET);
    r.percentiles[PERF_P95] = perf_measured(500); /* below, not at */
    r.rps = perf_measured(800);                   /* at least */
    r.error_rate = perf_measured(0.0011);
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_FAILED);
    assert_int_equal(g.checks[GATE_RPS].state, GATE_PASSED);
    assert_int_equal(g.checks[GATE_ERRORS].state, GATE_FAILED);
    assert_int_equal(gate_result(&g, &err), ERR_CHECK);
    assert_non_null(strstr(err.message, "500 ms"));
    assert_non_null(strstr(err.message, "0.11 %"));
    assert_null(strstr(err.message, "QPS"));
}

static void test_gate_unknown_figures(void **state)
{
    struct perf_result r = make(BASE);
    struct gate g;
    (void)state;
    r.percentiles[PERF_P95] = perf_unknown("no request succeeded");
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_FAILED); /* our own load did not show it */
    r.profile.source = "wrk";
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_NOT_MEASURED);
    r.percentiles[PERF_P95] = perf_between(3, 499, "neighbours");
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_PASSED);
    r.percentiles[PERF_P95] = perf_between(3, 501, "neighbours");
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_NOT_MEASURED);
    r.percentiles[PERF_P95] = perf_between(500, 700, "neighbours");
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_P95].state, GATE_FAILED);
}

static void test_gate_offered_rate(void **state)
{
    struct perf_result r = make(BASE);
    struct gate g;
    (void)state;
    r.profile.model = PERF_MODEL_OPEN;
    r.profile.rate_per_s = 100;
    r.rps = perf_measured(100);
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_RPS].state, GATE_NOT_MEASURED);
    r.profile.rate_per_s = 900;
    gate_evaluate(&r, &TARGETS, NULL, arena, &g);
    assert_int_equal(g.checks[GATE_RPS].state, GATE_FAILED);
}

static void test_gate_baseline(void **state)
{
    struct shape slower = BASE;
    struct perf_comparison c;
    struct gate g;
    (void)state;
    slower.p95_ms = 150;
    struct perf_result a = make(BASE), b = make(slower);
    perf_compare(&a, &b, &rule, arena, &c);
    gate_evaluate(&b, &TARGETS, &c, arena, &g);
    assert_int_equal(g.checks[GATE_BASELINE].state, GATE_FAILED);
    slower.slices = 2;
    b = make(slower);
    perf_compare(&a, &b, &rule, arena, &c);
    gate_evaluate(&b, &TARGETS, &c, arena, &g);
    assert_int_equal(c.verdict, PERF_WORSE);
    assert_int_equal(g.checks[GATE_BASELINE].state, GATE_PASSED);
}

/* ---- report -------------------------------------------------------------------------------- */

static char *markdown(const struct perf_result *before, const struct perf_result *after)
{
    struct perf_comparison c;
    struct gate g;
    struct strbuf out;
    if (before != NULL)
        perf_compare(before, after, &rule, arena, &c);
    gate_evaluate(after, &TARGETS, before ? &c : NULL, arena, &g);
    const struct perf_report report = {before, after, &TARGETS, before ? &c : NULL, &g, "b.json"};
    strbuf_init(&out, 0);
    report_markdown(&report, &out);
    char *text = arena_strdup(arena, out.data);
    strbuf_release(&out);
    return text;
}

static void test_markdown_table(void **state)
{
    struct shape slower = BASE;
    (void)state;
    slower.p95_ms = 612;
    slower.database_ms = 0;
    struct perf_result a = make(BASE), b = make(slower);
    a.database.ms_per_request = perf_measured(20);
    b.error_rate = perf_measured(0);
    const char *text = markdown(&a, &b);
    assert_non_null(strstr(text, "| Metric | Before | Target | After | Improvement |"));
    assert_non_null(strstr(text, "| API response time (P95) | 100 ms | < 500 ms | 612 ms | 512.0 % "
                                 "higher, clearly worse (p < 0.001) |"));
    assert_non_null(strstr(text, "| Database query time (mean per request) | 20.0 ms | < 100 ms | "
                                 "not measured (no --db was given) | not compared (not measured "
                                 "after: no --db was given) |"));
    assert_non_null(strstr(text, "| Error rate | 0.0 % | < 0.1 % | 0.0 % | no change, same"));
    assert_non_null(strstr(text, "Mann-Whitney"));
    text = markdown(NULL, &b);
    assert_non_null(strstr(text, "| not measured (no baseline) | < 500 ms | 612 ms | not compared "
                                 "(no baseline) |"));
    assert_null(strstr(text, "## Comparison"));
}

static void test_markdown_is_not_markup_from_outside(void **state)
{
    struct perf_result r = make(BASE);
    (void)state;
    r.profile.url = "http://h/<script>|x`y`";
    r.profile.method = "GET";
    perf_note(&r, arena, "line\nbreak *bold* pg_stat_statements");
    const char *text = markdown(NULL, &r);
    assert_non_null(strstr(text, "http://h/\\<script>\\|x\\`y\\`"));
    assert_non_null(strstr(text, "- line break \\*bold\\* pg_stat_statements\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_p95),
        cmocka_unit_test(test_many_metrics_ask_for_more),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_large_but_not_established),
        cmocka_unit_test(test_noisy_baseline_raises_the_threshold),
        cmocka_unit_test(test_other_metrics),
        cmocka_unit_test(test_a_against_a),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_gate_targets),
        cmocka_unit_test(test_gate_unknown_figures),
        cmocka_unit_test(test_gate_offered_rate),
        cmocka_unit_test(test_gate_baseline),
        cmocka_unit_test(test_markdown_table),
        cmocka_unit_test(test_markdown_is_not_markup_from_outside),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
