/* lib/perf/render_openmetrics.c - the figures as OpenMetrics text, for a push gateway or a file
 * collector. https://github.com/prometheus/OpenMetrics, version 1.0.0. */
#include "perf/document.h"

#include <math.h>

static void add_label(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "%s=\"", name);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\\' || *p == '"')
            strbuf_addch(out, '\\');
        if (*p == '\n')
            strbuf_adds(out, "\\n");
        else
            strbuf_addch(out, *p);
    }
    strbuf_addch(out, '"');
}

static void add_family(struct strbuf *out, const char *name, const char *unit, const char *help)
{
    bool summary = strcmp(name, "diner_perf_response_seconds") == 0;
    strbuf_addf(out, "# TYPE %s %s\n", name, summary ? "summary" : "gauge");
    if (unit != NULL)
        strbuf_addf(out, "# UNIT %s %s\n", name, unit);
    strbuf_addf(out, "# HELP %s %s\n", name, help);
}

static const char *name_of(const struct perf_document *d, size_t endpoint)
{
    return endpoint == FIGURE_WHOLE ? "" : d->after->endpoints[endpoint].name;
}

struct metric {
    const char *name, *unit, *help;
    struct perf_figure figure;
    double factor;
    const char *quantile; /* or NULL */
};

static void add_sample(const struct perf_document *d, const struct metric *m, size_t endpoint,
                       struct arena *arena, struct strbuf *out)
{
    struct perf_value v = figure_estimate(d->after, endpoint, m->figure, arena).value;
    if (v.known != PERF_MEASURED)
        return;
    strbuf_addf(out, "%s{", m->name);
    add_label(out, "endpoint", name_of(d, endpoint));
    if (m->quantile != NULL) {
        strbuf_addch(out, ',');
        add_label(out, "quantile", m->quantile);
    }
    strbuf_addf(out, "} %.9g\n", v.value * m->factor);
}

/* For the whole (endpoint="") and for each endpoint those that have the figure: what has the same
 * labels but for the quantile stands together, as the format asks. */
static void add_samples(const struct perf_document *d, const struct metric *metrics, size_t n,
                        struct arena *arena, struct strbuf *out)
{
    for (size_t i = 0; i <= d->after->nendpoints; i++)
        for (size_t k = 0; k < n; k++)
            add_sample(d, &metrics[k], i == 0 ? FIGURE_WHOLE : i - 1, arena, out);
}

static void add_latencies(const struct perf_document *d, struct arena *arena, struct strbuf *out)
{
    static const struct {
        double percentile;
        const char *quantile;
    } rows[] = {{50, "0.5"}, {90, "0.9"}, {95, "0.95"}, {99, "0.99"}};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct metric metrics[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        metrics[i] = (struct metric){.name = "diner_perf_response_seconds",
                                     .figure = figure_of_percentile(rows[i].percentile),
                                     .factor = 0.001,
                                     .quantile = rows[i].quantile};
    add_family(out, metrics[0].name, "seconds", "Response time from the intended start.");
    add_samples(d, metrics, ROWS, arena, out);
}

static void add_checks(const struct perf_document *d, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf rule = {0};
    strbuf_init(&rule, 4096);
    add_family(out, "diner_perf_check", NULL,
               "1 passed, 0 failed, -1 inconclusive, -2 not measured.");
    for (size_t i = 0; i < d->gate->nchecks; i++) {
        static const int values[] = {[CHECK_PASSED] = 1,
                                     [CHECK_NOT_MEASURED] = -2,
                                     [CHECK_INCONCLUSIVE] = -1,
                                     [CHECK_FAILED] = 0};
        const struct study_check *c = &d->gate->checks[i];
        strbuf_clear(&rule);
        study_check_rule(c, &rule);
        strbuf_adds(out, "diner_perf_check{");
        add_label(out, "endpoint", c->rule == NULL ? "" : name_of(d, c->endpoint));
        strbuf_addch(out, ',');
        add_label(out, "rule", rule.data);
        strbuf_addch(out, ',');
        add_label(out, "check", c->anchor);
        strbuf_addf(out, "} %d\n", values[c->state]);
    }
}

void perf_render_openmetrics(const struct perf_document *d, struct strbuf *out)
{
    static const struct metric metrics[] = {
        {"diner_perf_requests_per_second",
         NULL,
         "Successful answers a second.",
         {FIGURE_RPS, 0},
         1,
         NULL},
        {"diner_perf_errors_ratio",
         "ratio",
         "Share of failed requests, 429 apart.",
         {FIGURE_ERRORS, 0},
         1,
         NULL},
        {"diner_perf_database_seconds",
         "seconds",
         "Database time per request.",
         {FIGURE_DATABASE, 0},
         0.001,
         NULL},
        {"diner_perf_statements_per_request",
         NULL,
         "Statements per request.",
         {FIGURE_CALLS, 0},
         1,
         NULL},
        {"diner_perf_rows_per_request", NULL, "Rows per request.", {FIGURE_ROWS, 0}, 1, NULL},
        {"diner_perf_buffers_per_request",
         NULL,
         "Blocks of 8 KiB per request.",
         {FIGURE_BLOCKS, 0},
         1,
         NULL},
        {"diner_perf_wal_bytes", "bytes", "WAL per request.", {FIGURE_WAL, 0}, 1, NULL},
    };
    struct arena *arena = arena_new();
    add_latencies(d, arena, out);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        add_family(out, metrics[i].name, metrics[i].unit, metrics[i].help);
        add_samples(d, &metrics[i], 1, arena, out);
    }
    add_checks(d, out);
    strbuf_adds(out, "# EOF\n");
    arena_free(arena);
}
