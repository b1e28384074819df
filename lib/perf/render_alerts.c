/* lib/perf/render_alerts.c - Prometheus alerting rules from the measured curve, and their test; see
 * alert.h and document.h. The series are those of the platform's /metrics:
 * http_request_duration_seconds{method,endpoint} and http_requests_total{method,endpoint,status}.
 */
#include "perf/alert.h"
#include "perf/chart.h"
#include "perf/report_text.h"

#include "format/jsonx.h"
#include "perf/quantity.h"

#include <math.h>
#include <stdlib.h>

/* ---- limits ---------------------------------------------------------------------------------- */

static double round_125(double value)
{
    double base = pow(10, floor(log10(value)));
    return value <= base * 1.0001 ? base
           : value <= 2 * base    ? 2 * base
           : value <= 5 * base    ? 5 * base
                                  : 10 * base;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_edge(struct alert *a, double edge)
{
    for (size_t i = 0; i < a->nedges; i++)
        if (fabs(a->edges[i] - edge) < edge * 0.05)
            return; /* as good as there */
    if (a->nedges < ALERT_EDGES_MAX)
        a->edges[a->nedges++] = edge;
}

/* The limit first, exactly; then the measured percentiles, rounded up; then what spans the rest. */
static void derive_edges(const struct perf_document *d, struct alert *a, struct arena *arena)
{
    static const double percentiles[] = {50, 90, 95, 99};
    add_edge(a, a->limit_s);
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        struct perf_value v =
            figure_estimate(d->after, FIGURE_WHOLE, figure_of_percentile(percentiles[i]), arena)
                .value;
        if (v.known == PERF_MEASURED && v.value > 0)
            add_edge(a, round_125(v.value / 1000));
    }
    static const double factors[] = {0.1, 0.25, 0.625, 1.25, 2.5, 5, 10};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        add_edge(a, round_125(a->limit_s * factors[i]));
    qsort(a->edges, a->nedges, sizeof a->edges[0], compare_doubles);
}

struct alert alert_derive(const struct perf_document *d, struct arena *arena)
{
    const struct perf_figure p95 = {.kind = FIGURE_P95};
    struct perf_value v = figure_estimate(d->after, FIGURE_WHOLE, p95, arena).value;
    double target = document_target(d, FIGURE_WHOLE, FIGURE_P95);
    struct alert a = {.measured_s = v.known == PERF_MEASURED ? v.value / 1000 : -1};
    a.from_target = target > 0;
    a.known = a.from_target || a.measured_s > 0;
    if (!a.known)
        return a;
    a.limit_s = a.from_target ? target / 1000 : round_125(2 * a.measured_s);
    a.fires = a.measured_s > a.limit_s;
    a.error_limit = 0.01;
    derive_edges(d, &a, arena);
    return a;
}

void alert_edges(const struct alert *a, struct strbuf *out)
{
    for (size_t i = 0; i < a->nedges; i++)
        strbuf_addf(out, "%s%.6g", i > 0 ? ", " : "", a->edges[i]);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void add_quoted(struct strbuf *out, const char *before, const char *text)
{
    strbuf_adds(out, before);
    jsonx_quote(out, span_of(text)); /* a JSON string is a YAML one */
    strbuf_addch(out, '\n');
}

static const char *seconds_text(struct arena *arena, double seconds)
{
    return arena_printf(arena, "%.6g", seconds);
}

static void add_measured(const struct perf_document *d, const struct alert *a, struct arena *arena,
                         struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 256);
    if (a->measured_s < 0)
        strbuf_adds(&text, text_of(d, TEXT_NOT_MEASURED));
    else
        quantity_ms(a->measured_s * 1000, &text);
    strbuf_addf(
        out, "# %s\n",
        text_fill(d, arena, a->from_target ? TEXT_A_DERIVED : TEXT_A_NO_TARGET, text.data, NULL));
    if (a->fires)
        strbuf_addf(out, "# %s\n", text_of(d, TEXT_A_FIRES));
    strbuf_clear(&text);
    alert_edges(a, &text);
    strbuf_addf(out, "# %s\n", text_fill(d, arena, TEXT_A_BUCKETS, text.data, NULL));
}

void perf_render_alerts(const struct perf_document *d, struct strbuf *out)
{
    struct arena *arena = arena_new();
    struct alert a = alert_derive(d, arena);
    if (!a.known) {
        strbuf_addf(out, "# %s: P95 %s\ngroups: []\n", text_of(d, TEXT_S4_ALERTS),
                    text_of(d, TEXT_NOT_MEASURED));
        arena_free(arena);
        return;
    }
    add_measured(d, &a, arena, out);
    strbuf_addf(out,
                "groups:\n"
                "  - name: backend_alerts\n"
                "    rules:\n"
                "      - alert: HighResponseTime\n"
                "        expr: histogram_quantile(0.95, sum by (le, method, endpoint) "
                "(rate(http_request_duration_seconds_bucket[5m]))) > %s\n"
                "        for: 5m\n"
                "        labels:\n"
                "          severity: warning\n"
                "        annotations:\n",
                seconds_text(arena, a.limit_s));
    add_quoted(out, "          summary: ", text_of(d, TEXT_A_SLOW));
    add_quoted(out, "          description: ",
               arena_printf(arena,
                            "{{ $labels.method }} {{ $labels.endpoint }}: P95 {{ $value | "
                            "humanizeDuration }}, > %s s",
                            seconds_text(arena, a.limit_s)));
    strbuf_addf(out,
                "      - alert: HighErrorRate\n"
                "        expr: sum by (method, endpoint) "
                "(rate(http_requests_total{status=~\"5..\"}[5m])) / sum by (method, endpoint) "
                "(rate(http_requests_total[5m])) > %s\n"
                "        for: 5m\n"
                "        labels:\n"
                "          severity: critical\n"
                "        annotations:\n",
                seconds_text(arena, a.error_limit));
    add_quoted(out, "          summary: ", text_of(d, TEXT_A_ERRORS));
    add_quoted(out, "          description: ",
               "{{ $labels.method }} {{ $labels.endpoint }}: {{ $value | humanizePercentage }}");
    arena_free(arena);
}

/* ---- their test ------------------------------------------------------------------------------ */

/* Requests a minute that are not slower than each edge: 94 of 100 below the limit make the P95 lie
 * above it, 96 below. Two minutes more than `for` pass until the alert must stand. */
static void add_histogram(const struct alert *a, const char *endpoint, int below,
                          struct strbuf *out)
{
    for (size_t i = 0; i <= a->nedges; i++) {
        bool last = i == a->nedges;
        bool at_limit = !last && a->edges[i] >= a->limit_s * (1 - 1e-9);
        int count = last ? 100 : at_limit ? (a->edges[i] > a->limit_s * 1.5 ? 100 : below) : 10;
        strbuf_addf(out,
                    "      - series: 'http_request_duration_seconds_bucket{method=\"GET\","
                    "endpoint=\"%s\",le=\"",
                    endpoint);
        if (last)
            strbuf_adds(out, "+Inf");
        else
            strbuf_addf(out, "%.6g", a->edges[i]);
        strbuf_addf(out, "\"}'\n        values: '0+%dx20'\n", count);
    }
}

static void add_errors(const char *endpoint, int failed, struct strbuf *out)
{
    strbuf_addf(out,
                "      - series: 'http_requests_total{method=\"GET\",endpoint=\"%s\","
                "status=\"200\"}'\n        values: '0+%dx20'\n"
                "      - series: 'http_requests_total{method=\"GET\",endpoint=\"%s\","
                "status=\"503\"}'\n        values: '0+%dx20'\n",
                endpoint, 1000 - failed, endpoint, failed);
}

static void expect(const char *alert, const char *severity, const char *endpoint,
                   const char *summary, const char *description, struct strbuf *out)
{
    strbuf_addf(out,
                "      - eval_time: 15m\n        alertname: %s\n        exp_alerts:\n"
                "          - exp_labels:\n              severity: %s\n              method: GET\n"
                "              endpoint: %s\n            exp_annotations:\n",
                alert, severity, endpoint);
    add_quoted(out, "              summary: ", summary);
    add_quoted(out, "              description: ", description);
}

/* The P95 that Prometheus computes for the series of /slow, as the annotation shows it. */
static double slow_p95(const struct alert *a)
{
    double low = a->limit_s, high = low;
    for (size_t i = 0; i < a->nedges; i++)
        if (a->edges[i] > a->limit_s * 1.5) {
            high = a->edges[i];
            break;
        } else if (a->edges[i] > low) {
            low = a->edges[i];
        }
    return low + (high - low) * (95.0 - 90.0) / (100.0 - 90.0);
}

static const char *human_duration(double seconds, struct arena *arena)
{
    if (seconds < 1)
        return arena_printf(arena, "%.4gms", seconds * 1000);
    if (seconds < 60)
        return arena_printf(arena, "%.4gs", seconds);
    return arena_printf(arena, "%.0fm %.0fs", floor(seconds / 60), fmod(seconds, 60));
}

void perf_render_alerts_test(const struct perf_document *d, const char *rules_file,
                             struct strbuf *out)
{
    struct arena *arena = arena_new();
    struct alert a = alert_derive(d, arena);
    add_quoted(out, "rule_files:\n  - ", rules_file);
    strbuf_adds(out, "evaluation_interval: 1m\n");
    if (!a.known) {
        strbuf_adds(out, "tests: []\n");
        arena_free(arena);
        return;
    }
    strbuf_adds(out, "tests:\n  - interval: 1m\n    input_series:\n");
    add_histogram(&a, "/quick", 99, out);
    add_histogram(&a, "/slow", 90, out);
    add_errors("/good", 5, out); /* 0.5 % */
    add_errors("/bad", 20, out); /* 2 % */
    strbuf_adds(out, "    alert_rule_test:\n"
                     "      - eval_time: 4m\n        alertname: HighResponseTime\n"
                     "      - eval_time: 4m\n        alertname: HighErrorRate\n");
    expect("HighResponseTime", "warning", "/slow", text_of(d, TEXT_A_SLOW),
           arena_printf(arena, "GET /slow: P95 %s, > %s s", human_duration(slow_p95(&a), arena),
                        seconds_text(arena, a.limit_s)),
           out);
    expect("HighErrorRate", "critical", "/bad", text_of(d, TEXT_A_ERRORS), "GET /bad: 2%", out);
    arena_free(arena);
}
