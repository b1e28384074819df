/* lib/perf/report_markdown.c - the report for people and pull requests. */
#include "core/datetime.h"
#include "perf/labels.h"
#include "perf/report.h"

#include <ctype.h>

/* Whether a character would be markup where it stands. An underscore inside a word is none. */
static bool is_markup(const char *text, const char *p)
{
    if (*p == '_')
        return p == text || !isalnum((unsigned char)p[-1]) || !isalnum((unsigned char)p[1]);
    if (*p == '<') /* of a tag or a link */
        return isalpha((unsigned char)p[1]) || (p[1] != '\0' && strchr("/!?", p[1]) != NULL);
    return strchr("\\`*[]|~", *p) != NULL;
}

/* Text from outside (URLs, file names, reasons) into Markdown: nothing of it may become markup or
 * break a table. */
static void add_text(struct strbuf *out, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (is_markup(text, p))
            strbuf_addch(out, '\\');
        strbuf_addch(out, iscntrl((unsigned char)*p) ? ' ' : *p);
    }
}

static void add_row(struct strbuf *out, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(out, "| ");
        add_text(out, cells[i]);
        strbuf_addch(out, ' ');
    }
    strbuf_adds(out, "|\n");
}

static void add_head(struct strbuf *out, const enum perf_label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_addf(out, "| %s ", perf_label(labels[i]));
    strbuf_adds(out, "|\n");
    for (size_t i = 0; i < n; i++)
        strbuf_adds(out, "| --- ");
    strbuf_adds(out, "|\n");
}

static void add_verdict(const struct perf_report *r, struct strbuf *out)
{
    const struct gate *g = r->gate;
    size_t passed = 0;
    strbuf_addf(out, "**%s:** ", perf_label(LABEL_VERDICT));
    for (int i = 0; i < GATE_RULES; i++)
        passed += g->checks[i].state == GATE_PASSED;
    if (r->after->interrupted) {
        strbuf_adds(out, perf_label(LABEL_INTERRUPTED));
    } else if (g->failed == 0) {
        strbuf_adds(out, perf_label(passed > 0 ? LABEL_PASSED : LABEL_NOTHING_CHECKED));
    } else {
        AUTO_STRBUF struct strbuf line = {0};
        strbuf_init(&line, 4096);
        strbuf_addf(out, "%s: ", perf_label(LABEL_FAILED));
        for (int i = 0, n = 0; i < GATE_RULES; i++) {
            if (g->checks[i].state != GATE_FAILED)
                continue;
            strbuf_adds(&line, n++ > 0 ? "; " : "");
            report_gate_line(&g->checks[i], (enum gate_rule)i, &line);
        }
        add_text(out, line.data);
    }
    if (r->comparison != NULL && !r->after->interrupted)
        strbuf_addf(out, ". %s: %s", perf_label(LABEL_BASELINE),
                    report_verdict_label(r->comparison->verdict));
    strbuf_adds(out, ".\n\n");
}

static void add_table(const struct perf_report *r, struct arena *arena, struct strbuf *out)
{
    static const enum perf_label head[] = {LABEL_METRIC, LABEL_BEFORE, LABEL_TARGET, LABEL_AFTER,
                                           LABEL_IMPROVEMENT};
    const char *cells[REPORT_COLUMNS];
    add_head(out, head, REPORT_COLUMNS);
    for (int i = 0; i < PERF_METRICS; i++) {
        report_row(r, (enum perf_metric)i, arena, cells);
        add_row(out, cells, REPORT_COLUMNS);
    }
}

static void add_title(struct strbuf *out, enum perf_label label)
{
    strbuf_addf(out, "\n## %s\n\n", perf_label(label));
}

static void add_targets(const struct perf_report *r, struct strbuf *out)
{
    static const enum perf_label head[] = {LABEL_CHECK, LABEL_LIMIT, LABEL_MEASURED, LABEL_STATE};
    AUTO_STRBUF struct strbuf limit = {0}, value = {0};
    strbuf_init(&limit, 4096);
    strbuf_init(&value, 4096);
    add_title(out, LABEL_TARGETS);
    add_head(out, head, 4);
    for (int i = 0; i < GATE_BASELINE; i++) {
        const struct gate_check *c = &r->gate->checks[i];
        strbuf_clear(&limit);
        strbuf_clear(&value);
        report_gate_limit(c, (enum gate_rule)i, &limit);
        report_gate_value(c, (enum gate_rule)i, &value);
        if (c->state == GATE_NOT_MEASURED && c->value.known == PERF_MEASURED && c->why != NULL)
            strbuf_addf(&value, " (%s)", c->why);
        enum perf_label state = c->state == GATE_PASSED      ? LABEL_MET
                                : c->state == GATE_FAILED    ? LABEL_MISSED
                                : c->state == GATE_NO_TARGET ? LABEL_NO_TARGET
                                                             : LABEL_NOT_MEASURED;
        const char *cells[] = {report_rule_label((enum gate_rule)i), limit.data, value.data,
                               perf_label(state)};
        add_row(out, cells, 4);
    }
}

static void add_figure(struct strbuf *out, enum perf_metric metric, double value, bool sign)
{
    if (sign && value >= 0)
        strbuf_addch(out, '+');
    if (value < 0)
        strbuf_addch(out, '-');
    value = value < 0 ? -value : value;
    if (metric == PERF_METRIC_RPS)
        report_rate(value, out);
    else if (metric == PERF_METRIC_ERRORS)
        report_share(value, out);
    else
        report_ms(value, out);
}

static void add_shift(const struct perf_change *c, enum perf_metric metric, struct strbuf *out)
{
    if (!c->tested) {
        strbuf_addf(out, "%s (%s)", perf_label(LABEL_NOT_TESTED), c->why);
        return;
    }
    add_figure(out, metric, c->shift.estimate, true);
    if (!c->shift.has_interval)
        return;
    strbuf_adds(out, " (");
    add_figure(out, metric, c->shift.low, true);
    strbuf_adds(out, " to ");
    add_figure(out, metric, c->shift.high, true);
    strbuf_addch(out, ')');
}

static void add_comparison(const struct perf_report *r, struct arena *arena, struct strbuf *out)
{
    static const enum perf_label head[] = {LABEL_METRIC, LABEL_SLICES, LABEL_SHIFT, LABEL_NEEDED,
                                           LABEL_VERDICT};
    AUTO_STRBUF struct strbuf shift = {0};
    if (r->comparison == NULL)
        return;
    strbuf_init(&shift, 4096);
    add_title(out, LABEL_COMPARISON);
    strbuf_adds(out, "Baseline: ");
    add_text(out, r->before_name);
    strbuf_adds(out, "\n\n");
    add_head(out, head, 5);
    for (int i = 0; i < PERF_METRICS; i++) {
        const struct perf_change *c = &r->comparison->changes[i];
        strbuf_clear(&shift);
        if (c->measured)
            add_shift(c, (enum perf_metric)i, &shift);
        else
            strbuf_adds(&shift, perf_label(LABEL_NOT_MEASURED));
        const char *cells[] = {
            report_metric_label((enum perf_metric)i),
            arena_printf(arena, "%zu, %zu", c->slices_before, c->slices_after),
            shift.data,
            c->measured ? arena_printf(arena, "%.1f %%", c->threshold * 100) : "",
            report_verdict_label(c->verdict),
        };
        add_row(out, cells, 5);
    }
    strbuf_addch(out, '\n');
    report_rule(&r->comparison->rule, out);
    strbuf_addch(out, '\n');
}

static void add_profile(const struct perf_result *a, struct strbuf *out)
{
    const struct perf_profile *p = &a->profile;
    char when[DATETIME_ISO_MAX];
    strbuf_adds(out, "- ");
    if (p->model == PERF_MODEL_OPEN && p->rate_per_s > 0)
        strbuf_addf(out, "open model: %lld requests/s, at most %lld connections",
                    (long long)p->rate_per_s, (long long)p->connections);
    else if (p->model == PERF_MODEL_OPEN)
        strbuf_adds(out, "open model");
    else if (p->model == PERF_MODEL_CLOSED && p->connections > 0)
        strbuf_addf(out, "closed model: %lld connections, each asks again once it is answered",
                    (long long)p->connections);
    else if (p->model == PERF_MODEL_CLOSED)
        strbuf_adds(out, "closed model");
    else
        strbuf_adds(out, "load model not known");
    strbuf_addf(out, ", %.3g s", p->duration_s);
    if (p->warmup_s > 0)
        strbuf_addf(out, " after %.3g s of warm-up", p->warmup_s);
    strbuf_adds(out, ", measured by ");
    add_text(out, p->source);
    if (p->started_us != 0) {
        datetime_print(p->started_us, NULL, when);
        strbuf_addf(out, ", started %s", when);
    }
    strbuf_addch(out, '\n');
}

static void add_outcomes(const struct perf_result *a, struct strbuf *out)
{
    static const char *const words[LOADGEN_OUTCOMES] = {
        [LOADGEN_OK] = "succeeded",
        [LOADGEN_LIMITED] = "429 (rate limit; counted apart)",
        [LOADGEN_STATUS] = "answered with another status",
        [LOADGEN_TIMEOUT] = "timed out",
        [LOADGEN_UNSENT] = "gave up waiting for a connection",
        [LOADGEN_CONNECT] = "could not connect",
        [LOADGEN_CUT] = "were cut off",
        [LOADGEN_MALFORMED] = "got an answer that is not HTTP or too large"};
    strbuf_addf(out, "- %llu requests", (unsigned long long)perf_requests(a));
    for (int i = 0, n = 0; i < LOADGEN_OUTCOMES; i++)
        if (a->outcomes[i] > 0)
            strbuf_addf(out, "%s%llu %s", n++ > 0 ? ", " : ": ", (unsigned long long)a->outcomes[i],
                        words[i]);
    if (a->warmup_requests > 0)
        strbuf_addf(out, "; %llu of the warm-up not counted",
                    (unsigned long long)a->warmup_requests);
    strbuf_addch(out, '\n');
}

static void add_time_cell(const struct perf_value *v, struct strbuf *out)
{
    struct gate_check c = {.value = *v};
    report_gate_value(&c, GATE_P95, out);
}

static void add_times(const struct perf_result *a, struct arena *arena, struct strbuf *out)
{
    static const enum perf_label head[] = {LABEL_PERCENTILE, LABEL_RESPONSE, LABEL_SERVICE};
    bool has_service = strcmp(a->profile.source, "diner") == 0;
    AUTO_STRBUF struct strbuf response = {0}, service = {0};
    strbuf_init(&response, 4096);
    strbuf_init(&service, 4096);
    strbuf_addf(out, "\n### %s\n\n", perf_label(LABEL_RESPONSE_TIMES));
    add_head(out, head, has_service ? 3 : 2);
    for (int i = 0; i < PERF_PERCENTILES + 2; i++) {
        bool is_percentile = i < PERF_PERCENTILES;
        strbuf_clear(&response);
        strbuf_clear(&service);
        add_time_cell(is_percentile           ? &a->percentiles[i]
                      : i == PERF_PERCENTILES ? &a->mean
                                              : &a->max,
                      &response);
        if (is_percentile)
            add_time_cell(&a->service[i], &service);
        const char *cells[] = {is_percentile ? arena_printf(arena, "P%g", perf_percentiles[i])
                               : i == PERF_PERCENTILES ? perf_label(LABEL_MEAN)
                                                       : perf_label(LABEL_MAXIMUM),
                               response.data, service.data};
        add_row(out, cells, has_service ? 3 : 2);
    }
    if (has_service)
        strbuf_adds(out, "\nResponse time counts from the moment a request was meant to start, "
                         "service time from its sending. Both are of successful answers and of "
                         "requests that timed out.\n");
}

static void add_database_line(const char *what, const struct perf_value *v, const char *unit,
                              double factor, struct strbuf *out)
{
    if (v->known == PERF_MEASURED)
        strbuf_addf(out, "- %s: %.4g%s\n", what, v->value * factor, unit);
}

static void add_database(const struct perf_result *a, struct strbuf *out)
{
    static const char *const methods[] = {"", "pg_stat_statements (statements that finished)",
                                          "pg_stat_database (time sessions were active)"};
    const struct perf_database *d = &a->database;
    if (d->method == PERF_DATABASE_NONE)
        return;
    add_title(out, LABEL_DATABASE);
    strbuf_addf(out, "- measured by %s, PostgreSQL ", methods[d->method]);
    add_text(out, d->server);
    strbuf_addch(out, '\n');
    add_database_line("time per request", &d->ms_per_request, " ms", 1, out);
    add_database_line("time per statement", &d->ms_per_call, " ms", 1, out);
    add_database_line("statements per request", &d->calls_per_request, "", 1, out);
    add_database_line("rows per request", &d->rows_per_request, "", 1, out);
    add_database_line("blocks found in shared buffers", &d->cache_hit, " %", 100, out);
    add_database_line("commits per request", &d->commits_per_request, "", 1, out);
    add_database_line("waiting for blocks per request", &d->block_read_ms_per_request, " ms", 1,
                      out);
}

static void add_unknown(enum perf_label label, const struct perf_value *v, struct strbuf *out)
{
    if (v->known == PERF_MEASURED)
        return;
    strbuf_addf(out, "- %s: ", perf_label(label));
    add_text(out, v->why == NULL ? "no figure" : v->why);
    strbuf_addch(out, '\n');
}

static void add_not_measured(const struct perf_result *a, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 16384);
    add_unknown(LABEL_API_P95, &a->percentiles[PERF_P95], &list);
    add_unknown(LABEL_API_MEAN, &a->mean, &list);
    add_unknown(LABEL_DATABASE_TIME, &a->database.ms_per_request, &list);
    add_unknown(LABEL_QPS, &a->rps, &list);
    add_unknown(LABEL_ERROR_RATE, &a->error_rate, &list);
    if (list.len == 0)
        return;
    add_title(out, LABEL_NOT_MEASURED_TITLE);
    strbuf_add(out, list.data, list.len);
}

static void add_notes(const struct perf_result *a, struct strbuf *out)
{
    if (a->nnotes == 0)
        return;
    add_title(out, LABEL_NOTES);
    for (size_t i = 0; i < a->nnotes; i++) {
        strbuf_adds(out, "- ");
        add_text(out, a->notes[i]);
        strbuf_addch(out, '\n');
    }
}

void report_markdown(const struct perf_report *r, struct strbuf *out)
{
    const struct perf_result *a = r->after;
    struct arena *arena = arena_new();
    strbuf_addf(out, "# %s", perf_label(LABEL_TITLE));
    if (a->profile.url != NULL) {
        strbuf_adds(out, ": ");
        add_text(out, a->profile.method);
        strbuf_adds(out, a->profile.method ? " " : "");
        add_text(out, a->profile.url);
    }
    strbuf_adds(out, "\n\n");
    add_verdict(r, out);
    add_table(r, arena, out);
    add_targets(r, out);
    add_comparison(r, arena, out);
    add_title(out, LABEL_LOAD);
    add_profile(a, out);
    add_outcomes(a, out);
    add_times(a, arena, out);
    add_database(a, out);
    add_not_measured(a, out);
    add_notes(a, out);
    arena_free(arena);
}
