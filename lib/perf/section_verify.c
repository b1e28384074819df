/* lib/perf/section_verify.c - 4: the load test with its expectation, what to watch, alert rules. */
#include "perf/section.h"

#include "perf/alert.h"
#include "perf/quantity.h"

#include <math.h>

static void append(struct sink *s, struct strbuf *text, const char *part)
{
    strbuf_adds(text, text->len > 0 ? say(s, TEXT_COMMA) : "");
    strbuf_adds(text, part);
}

static const char *model_text(struct sink *s, const struct perf_profile *p)
{
    const char *rate = arena_printf(s->arena, "%lld", (long long)p->rate_per_s);
    const char *connections = arena_printf(s->arena, "%lld", (long long)p->connections);
    if (p->model == PERF_MODEL_OPEN)
        return p->rate_per_s > 0 ? text_fill(s->d, s->arena, TEXT_L_OPEN, rate, NULL)
                                 : say(s, TEXT_L_OPEN_PLAIN);
    if (p->model == PERF_MODEL_CLOSED)
        return p->connections > 0 ? text_fill(s->d, s->arena, TEXT_L_CLOSED, connections, NULL)
                                  : say(s, TEXT_L_CLOSED_PLAIN);
    return say(s, TEXT_L_UNKNOWN);
}

static void add_profile(struct sink *s, const struct perf_result *r, size_t rounds)
{
    const struct perf_profile *p = &r->profile;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    append(s, &text, model_text(s, p));
    append(s, &text,
           text_fill(s->d, s->arena, TEXT_L_SECONDS, arena_printf(s->arena, "%.3g", p->duration_s),
                     NULL));
    if (p->warmup_s > 0)
        append(s, &text,
               text_fill(s->d, s->arena, TEXT_L_WARMUP, arena_printf(s->arena, "%.3g", p->warmup_s),
                         NULL));
    if (rounds > 1)
        append(
            s, &text,
            text_fill(s->d, s->arena, TEXT_L_ROUNDS, arena_printf(s->arena, "%zu", rounds), NULL));
    append(s, &text, text_fill(s->d, s->arena, TEXT_L_SOURCE, p->source, NULL));
    sink_fact(s, say(s, TEXT_PROFILE), text.data);
}

/* The rules as they were set, each once. */
static void add_expectation(struct sink *s)
{
    const struct study_gate *g = s->d->gate;
    const struct study_rule *last = NULL;
    AUTO_STRBUF struct strbuf text = {0};
    size_t shown = 0;
    strbuf_init(&text, 0);
    for (size_t i = 0; i < g->nchecks && shown < 12; i++) {
        const struct study_check *c = &g->checks[i];
        if (c->rule == NULL || c->rule == last)
            continue;
        last = c->rule;
        append(s, &text,
               c->rule->scope == RULE_ENDPOINT
                   ? arena_printf(s->arena, "%s %s", c->rule->endpoint, say_check_rule(s, c))
                   : say_check_rule(s, c));
        shown++;
    }
    sink_fact(s, say(s, TEXT_EXPECTATION), shown > 0 ? text.data : say(s, TEXT_NO_TARGET));
}

static const struct perf_result *any_result(const struct perf_study *a, size_t *ret_rounds)
{
    *ret_rounds = a->nendpoints > 0 ? a->endpoints[0].nrounds : 0;
    if (a->mixed != NULL)
        return a->mixed;
    for (size_t i = 0; i < a->nendpoints; i++)
        if (a->endpoints[i].result != NULL)
            return a->endpoints[i].result;
    return NULL;
}

static void add_outcome(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    uint64_t limited = section_outcomes(a, LOADGEN_LIMITED), ok = section_outcomes(a, LOADGEN_OK);
    uint64_t late = section_outcomes(a, LOADGEN_TIMEOUT) + section_outcomes(a, LOADGEN_UNSENT);
    uint64_t all = 0;
    for (int i = 0; i < LOADGEN_OUTCOMES; i++)
        all += section_outcomes(a, (enum loadgen_outcome)i);
    sink_fact(s, say(s, TEXT_ALREADY_MEASURED),
              text_fill(s->d, s->arena, TEXT_L_REQUESTS, say_unit(s, UNIT_COUNT, (double)all),
                        say_unit(s, UNIT_COUNT, (double)(all - ok - limited - late)),
                        say_unit(s, UNIT_COUNT, (double)late),
                        say_unit(s, UNIT_COUNT, (double)limited), NULL));
}

static void add_check(struct sink *s, const struct study_check *c)
{
    bool plain = c->rule != NULL && !c->rule->threshold.delta;
    const struct sink_cell cells[] = {
        {.text = say_endpoint(s, c->endpoint)},
        {.text = say_check_rule(s, c),
         .code = c->rule != NULL,
         .anchor = c->rule == NULL ? c->anchor : NULL},
        {.text = say_check_value(s, c),
         .note = plain ? say_interval(s, figure_unit(c->rule->threshold.figure.kind), &c->estimate)
                       : NULL},
        {.text = say(s, text_check(c->state)),
         .note = c->state != CHECK_PASSED && c->why ? say_why(s, c->why) : NULL,
         .tone = tone_of_check(c->state)},
    };
    sink_row(s, cells, c->rule != NULL ? c->anchor : NULL);
}

static void add_checks(struct sink *s)
{
    const struct sink_column columns[] = {{say(s, TEXT_ENDPOINT), false},
                                          {say(s, TEXT_RULE), false},
                                          {say(s, TEXT_VALUE), true},
                                          {say(s, TEXT_STATE), false}};
    sink_fold_begin(s, text_fill(s->d, s->arena, TEXT_CHECKS_ALL,
                                 arena_printf(s->arena, "%zu", s->d->gate->nchecks), NULL));
    sink_table_begin(s, NULL, columns, 4);
    for (size_t i = 0; i < s->d->gate->nchecks; i++)
        add_check(s, &s->d->gate->checks[i]);
    sink_table_end(s);
    sink_fold_end(s);
}

static void add_load(struct sink *s)
{
    size_t rounds;
    const struct perf_result *r = any_result(s->d->after, &rounds);
    sink_heading(s, 3, "4.1", NULL, say(s, TEXT_S4_LOAD));
    if (r == NULL) {
        sink_fact(s, say(s, TEXT_PROFILE), say(s, TEXT_NOT_MEASURED));
    } else {
        add_profile(s, r, rounds);
        add_outcome(s);
    }
    add_expectation(s);
    sink_code(s, say(s, TEXT_COMMAND), "sh", s->d->command);
    add_checks(s);
}

/* ---- metrics to watch --------------------------------------------------------------------------
 */

static void add_watch(struct sink *s, enum report_text what, const char *series, const char *now,
                      const char *alert)
{
    const struct sink_cell cells[] = {
        {.text = say(s, what)}, {.text = series, .code = true}, {.text = now}, {.text = alert}};
    sink_row(s, cells, NULL);
}

static void add_watches(struct sink *s, const struct alert *a)
{
    const struct sink_column columns[] = {{say(s, TEXT_METRIC), false},
                                          {say(s, TEXT_SERIES), false},
                                          {say(s, TEXT_NOW), true},
                                          {say(s, TEXT_ALERT_AT), true}};
    const struct perf_figure errors = {.kind = FIGURE_ERRORS};
    const struct perf_server *server = &s->d->after->server;
    const char *none = say(s, TEXT_NOT_MEASURED);
    struct perf_value rate = figure_estimate(s->d->after, FIGURE_WHOLE, errors, s->arena).value;
    sink_heading(s, 3, "4.2", NULL, say(s, TEXT_S4_METRICS));
    sink_table_begin(s, NULL, columns, 4);
    add_watch(s, TEXT_M_LATENCY, "http_request_duration_seconds",
              a->measured_s >= 0 ? say_unit(s, UNIT_MS, a->measured_s * 1000) : none,
              a->known ? arena_printf(s->arena, "> %s", say_unit(s, UNIT_MS, a->limit_s * 1000))
                       : say(s, TEXT_NO_TARGET));
    add_watch(s, TEXT_M_ERRORS, "http_requests_total{status=~\"5..\"}",
              say_value(s, UNIT_SHARE, &rate),
              a->known ? arena_printf(s->arena, "> %s", say_unit(s, UNIT_SHARE, a->error_limit))
                       : say(s, TEXT_NO_TARGET));
    if (server->version_number > 0 && server->max_connections > 0) {
        double usable = server->max_connections - fmax(0, server->reserved_connections);
        add_watch(s, TEXT_M_CONNECTIONS, "pg_stat_activity",
                  say_unit(s, UNIT_COUNT, server->sessions.total),
                  arena_printf(s->arena, "> %s", say_unit(s, UNIT_COUNT, floor(usable * 0.8))));
    }
    double blocks = server->blocks_hit + server->blocks_read;
    if (server->version_number > 0 && blocks > 0)
        add_watch(s, TEXT_M_CACHE, "pg_stat_database",
                  say_unit(s, UNIT_SHARE, server->blocks_hit / blocks),
                  arena_printf(s->arena, "< %s", say_unit(s, UNIT_SHARE, 0.99)));
    sink_table_end(s);
}

static void add_alerts(struct sink *s, const struct alert *a)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    sink_heading(s, 3, "4.3", "alerts", say(s, TEXT_S4_ALERTS));
    if (!a->known) {
        sink_paragraph(s, say(s, TEXT_NOT_MEASURED));
        return;
    }
    const char *measured =
        a->measured_s >= 0 ? say_unit(s, UNIT_MS, a->measured_s * 1000) : say(s, TEXT_NOT_MEASURED);
    sink_paragraph(s, text_fill(s->d, s->arena, a->from_target ? TEXT_A_DERIVED : TEXT_A_NO_TARGET,
                                measured, NULL));
    if (a->fires)
        sink_paragraph(s, say(s, TEXT_A_FIRES));
    alert_edges(a, &text);
    sink_note(s, text_fill(s->d, s->arena, TEXT_A_BUCKETS, text.data, NULL));
    strbuf_clear(&text);
    perf_render_alerts(s->d, &text);
    sink_code(s, say(s, TEXT_A_RULES), "yaml", text.data);
    strbuf_clear(&text);
    perf_render_alerts_test(s->d, "alerts.yml", &text);
    sink_fold_begin(s, say(s, TEXT_A_TEST));
    sink_code(s, NULL, "yaml", text.data);
    sink_fold_end(s);
}

void section_verify(struct sink *s)
{
    struct alert a = alert_derive(s->d, s->arena);
    sink_heading(s, 2, "4", "verify", say(s, TEXT_S4));
    add_load(s);
    add_watches(s, &a);
    add_alerts(s, &a);
}
