/* lib/perf/section_analysis.c - 1: the problem, the figures, the endpoints, the root causes. */
#include "perf/section.h"

#include "perf/chart_svg.h"
#include "perf/quantity.h"

#include <math.h>
#include <stdlib.h>

static const char *count_text(const struct sink *s, size_t n)
{
    return arena_printf(s->arena, "%zu", n);
}

/* ---- problem --------------------------------------------------------------------------------- */

static bool was_judged(const struct study_gate *g)
{
    return g->passed + g->failed + g->inconclusive > 0;
}

static void add_phenomenon(struct sink *s)
{
    const struct study_gate *g = s->d->gate;
    size_t shown = 0;
    if (g->failed == 0) {
        sink_fact(s, say(s, TEXT_PHENOMENON), say(s, was_judged(g) ? TEXT_P_NONE : TEXT_V_NOTHING));
        return;
    }
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (size_t i = 0; i < g->nchecks && shown < 4; i++) {
        const struct study_check *c = &g->checks[i];
        if (c->state != CHECK_FAILED)
            continue;
        strbuf_adds(&text, shown++ > 0 ? say(s, TEXT_SEMICOLON) : "");
        if (c->rule != NULL && c->estimate.value.known == PERF_UNKNOWN)
            text_add(s->d, &text, TEXT_P_UNKNOWN, say_endpoint(s, c->endpoint),
                     say_check_rule(s, c), say_why(s, c->why), NULL);
        else if (c->rule != NULL && c->rule->threshold.figure.kind == FIGURE_P95 &&
                 !c->rule->threshold.delta)
            text_add(s->d, &text, TEXT_P_SLOW, say_endpoint(s, c->endpoint), say_check_value(s, c),
                     say_limit(s, &c->rule->threshold), NULL);
        else
            text_add(s->d, &text, TEXT_P_CHECK, say_endpoint(s, c->endpoint), say_check_rule(s, c),
                     say_check_value(s, c), NULL);
    }
    if (g->failed > shown) {
        strbuf_adds(&text, say(s, TEXT_SEMICOLON));
        text_add(s->d, &text, TEXT_P_MORE, count_text(s, g->failed - shown), NULL);
    }
    strbuf_adds(&text, say(s, TEXT_STOP));
    sink_fact(s, say(s, TEXT_PHENOMENON), text.data);
}

static bool misses_a_target(const struct perf_document *d, size_t endpoint)
{
    for (size_t i = 0; i < d->gate->nchecks; i++)
        if (d->gate->checks[i].endpoint == endpoint && d->gate->checks[i].state == CHECK_FAILED)
            return true;
    return false;
}

static void append(struct sink *s, struct strbuf *text, const char *part)
{
    strbuf_adds(text, text->len > 0 ? say(s, TEXT_SEMICOLON) : "");
    strbuf_adds(text, part);
}

static void add_wait(struct sink *s, struct strbuf *text)
{
    const struct perf_figure mean = {.kind = FIGURE_MEAN};
    double requests = s->d->after->environment.requests_per_day;
    struct perf_value v = figure_estimate(s->d->after, FIGURE_WHOLE, mean, s->arena).value;
    AUTO_STRBUF struct strbuf number = {0};
    if (!(requests > 0) || v.known != PERF_MEASURED)
        return;
    double hours = requests * v.value / 3.6e6;
    strbuf_init(&number, 256);
    quantity_number(requests, &number);
    append(s, text,
           text_fill(s->d, s->arena, TEXT_I_WAIT, number.data,
                     hours >= 1 ? arena_printf(s->arena, "%.1f\xC2\xA0h", hours)
                                : arena_printf(s->arena, "%.0f\xC2\xA0min", hours * 60),
                     NULL));
}

static void add_impact(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    const struct perf_figure mean = {.kind = FIGURE_MEAN}, database = {.kind = FIGURE_DATABASE};
    AUTO_STRBUF struct strbuf text = {0};
    double share = 0;
    size_t missing = 0;
    strbuf_init(&text, 0);
    for (size_t i = 0; i < a->nendpoints; i++)
        if (misses_a_target(s->d, i)) {
            share += study_weight(a, i);
            missing++;
        }
    if (missing > 0 && a->nendpoints > 1) {
        append(s, &text,
               text_fill(s->d, s->arena, TEXT_I_COUNT, count_text(s, missing),
                         count_text(s, a->nendpoints), NULL));
        append(s, &text,
               text_fill(s->d, s->arena, TEXT_I_SHARE, say_unit(s, UNIT_SHARE, share), NULL));
    }
    struct perf_value all = figure_estimate(a, FIGURE_WHOLE, mean, s->arena).value;
    struct perf_value db = figure_estimate(a, FIGURE_WHOLE, database, s->arena).value;
    if (s->d->gate->failed > 0 && all.known == PERF_MEASURED && db.known == PERF_MEASURED &&
        all.value > 0)
        append(s, &text,
               text_fill(s->d, s->arena, TEXT_I_DATABASE,
                         say_unit(s, UNIT_SHARE, fmin(1, db.value / all.value)), NULL));
    if (s->d->gate->failed > 0)
        add_wait(s, &text);
    strbuf_adds(&text, text.len > 0 ? say(s, TEXT_STOP) : "");
    sink_fact(s, say(s, TEXT_IMPACT),
              text.len > 0             ? text.data
              : was_judged(s->d->gate) ? say(s, TEXT_I_NONE)
                                       : say(s, TEXT_NOT_MEASURED));
}

/* A rate limit that answered instead of the API comes before all that follows. */
static void add_limited(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    uint64_t limited = section_outcomes(a, LOADGEN_LIMITED), all = 0;
    for (int i = 0; i < LOADGEN_OUTCOMES; i++)
        all += section_outcomes(a, (enum loadgen_outcome)i);
    if (limited > 0)
        sink_note(s, text_fill(s->d, s->arena, TEXT_P_LIMITED,
                               say_unit(s, UNIT_COUNT, (double)limited),
                               say_unit(s, UNIT_COUNT, (double)all), NULL));
}

static void add_problem(struct sink *s)
{
    struct severity severity = section_severity(s);
    const char *word =
        severity.none ? say(s, TEXT_NO_PROBLEM) : say(s, text_severity(severity.severity));
    bool zh = s->d->language == PERF_CHINESE;
    sink_heading(s, 3, "1.1", NULL, say(s, TEXT_S1_PROBLEM));
    add_phenomenon(s);
    add_limited(s);
    add_impact(s);
    sink_fact(s, say(s, TEXT_SEVERITY),
              arena_printf(s->arena, zh ? "%s（%s）" : "%s (%s)", word, severity.why));
}

/* ---- the table of metrics ----------------------------------------------------------------------
 */

static struct sink_cell value_cell(struct sink *s, enum figure_unit unit,
                                   const struct perf_estimate *e)
{
    struct sink_cell cell = {.text = say_value(s, unit, &e->value),
                             .note = say_interval(s, unit, e)};
    if (e->value.known == PERF_UNKNOWN) {
        cell.tone = TONE_MUTED;
        cell.note = say_why(s, e->value.why);
    } else {
        cell.sort = sort_key(s, e->value.value);
    }
    return cell;
}

static const char *p_text(const struct sink *s, const struct study_change *c)
{
    if (c->counter)
        return say(s, TEXT_EXACT);
    if (!c->tested)
        return arena_printf(s->arena, "%s%s%s", say(s, TEXT_NOT_TESTED), say(s, TEXT_COLON),
                            say_why(s, c->why));
    return c->p < 0.001 ? "p\xC2\xA0<\xC2\xA0"
                          "0.001"
                        : arena_printf(s->arena, "p\xC2\xA0=\xC2\xA0%.3f", c->p);
}

/* A change that nothing establishes is shown, and said to be so. */
static struct sink_cell untested_cell(struct sink *s, const struct study_change *c)
{
    struct sink_cell cell = {.text = say(s, TEXT_C_NOT_COMPARED),
                             .note = c && c->why ? say_why(s, c->why) : NULL,
                             .tone = TONE_MUTED};
    if (c != NULL && c->before > 0) {
        cell.text = say_change(s, c);
        cell.sort = sort_key(s, c->relative);
        cell.note = p_text(s, c);
    }
    return cell;
}

/* "-34 %" over "improved", the interval and the p-value. */
static struct sink_cell improvement_cell(struct sink *s, const struct study_change *c, bool brief)
{
    if (s->d->comparison == NULL)
        return (struct sink_cell){.text = say(s, TEXT_NO_BASELINE), .tone = TONE_MUTED};
    if (c == NULL || c->verdict == CHANGE_NOT_COMPARED)
        return untested_cell(s, c);
    AUTO_STRBUF struct strbuf note = {0};
    strbuf_init(&note, 1024);
    strbuf_adds(&note, say(s, text_change(c->verdict)));
    if (!brief && c->tested && c->shift.has_interval && !c->scaled && c->before > 0) {
        strbuf_adds(&note, say(s, TEXT_COMMA));
        quantity_percent_change(c->shift.low / c->before, &note);
        strbuf_adds(&note, "\xC2\xA0\xE2\x80\x93 ");
        quantity_percent_change(c->shift.high / c->before, &note);
    }
    if (!brief || !c->tested || c->verdict != CHANGE_SAME)
        strbuf_addf(&note, "%s%s", say(s, TEXT_COMMA), p_text(s, c));
    return (struct sink_cell){.text = say_change(s, c),
                              .note = arena_strdup(s->arena, note.data),
                              .sort = sort_key(s, c->relative),
                              .tone = tone_of_change(c)};
}

static void add_metric(struct sink *s, enum figure_kind kind)
{
    const struct perf_figure f = {.kind = kind};
    enum figure_unit unit = figure_unit(kind);
    const struct threshold *t = target_of(s, FIGURE_WHOLE, kind);
    struct perf_estimate now = figure_estimate(s->d->after, FIGURE_WHOLE, f, s->arena);
    struct sink_cell before = {.text = say(s, TEXT_NOT_MEASURED), .tone = TONE_MUTED};
    if (s->d->before != NULL) {
        struct perf_estimate was = figure_estimate(s->d->before, FIGURE_WHOLE, f, s->arena);
        before = value_cell(s, unit, &was);
    }
    struct sink_cell cells[5] = {
        {.text = say(s, text_figure(kind))},
        before,
        {.text = say_limit(s, t), .tone = t ? TONE_PLAIN : TONE_MUTED},
        value_cell(s, unit, &now),
        improvement_cell(s, study_change_of(s->d->comparison, FIGURE_WHOLE, kind), false),
    };
    if (t != NULL && now.value.known != PERF_UNKNOWN)
        cells[3].tone = tone_of_check(study_gate_figure(s->d->after, t, FIGURE_WHOLE, s->arena));
    sink_row(s, cells, NULL);
}

static void add_metrics(struct sink *s)
{
    static const enum figure_kind kinds[] = {
        FIGURE_P95, FIGURE_DATABASE, FIGURE_RPS,  FIGURE_ERRORS, FIGURE_MEAN, FIGURE_P50,
        FIGURE_P99, FIGURE_CALLS,    FIGURE_ROWS, FIGURE_BLOCKS, FIGURE_WAL};
    const struct sink_column columns[] = {{say(s, TEXT_METRIC), false},
                                          {say(s, TEXT_BEFORE), true},
                                          {say(s, TEXT_TARGET), true},
                                          {say(s, TEXT_AFTER), true},
                                          {say(s, TEXT_IMPROVEMENT), true}};
    size_t n = s->d->after->nendpoints > 0 ? 11 : 4;
    sink_heading(s, 3, "1.2", "metrics", say(s, TEXT_S1_METRICS));
    sink_table_begin(s, NULL, columns, 5);
    for (size_t i = 0; i < n; i++)
        add_metric(s, kinds[i]);
    sink_table_end(s);
    sink_note(s, say(s, TEXT_METRICS_NOTE));
    if (s->d->after->nendpoints == 0 && s->d->after->server.version_number > 0)
        section_server(s);
    if (s->d->after->mixed == NULL && s->d->after->nendpoints > 1)
        sink_note(s, text_fill(s->d, s->arena, TEXT_WHOLE_NOTE,
                               count_text(s, s->d->after->nendpoints), NULL));
    section_draw(s, chart_time, TEXT_CHART_TIME, false);
    sink_charts_begin(s);
    section_draw(s, chart_curve, TEXT_CHART_CURVE, true);
    section_draw(s, chart_spread, TEXT_CHART_SPREAD, true);
    sink_charts_end(s);
}

/* ---- endpoints ---------------------------------------------------------------------------------
 */

static struct sink_cell endpoint_value(struct sink *s, size_t endpoint, enum figure_kind kind,
                                       bool interval)
{
    const struct perf_figure f = {.kind = kind};
    struct perf_estimate e = figure_estimate(s->d->after, endpoint, f, s->arena);
    struct sink_cell cell = value_cell(s, figure_unit(kind), &e);
    const struct threshold *t = target_of(s, endpoint, kind);
    if (!interval || e.value.known == PERF_UNKNOWN)
        cell.note = NULL;
    if (t != NULL && e.value.known != PERF_UNKNOWN &&
        study_gate_figure(s->d->after, t, endpoint, s->arena) == CHECK_FAILED)
        cell.tone = TONE_BAD;
    return cell;
}

static void add_endpoint(struct sink *s, size_t i)
{
    const struct study_change *c = study_change_of(s->d->comparison, i, FIGURE_P95);
    struct sink_cell cells[8] = {
        {.text = s->d->after->endpoints[i].name},
        {.text = say_unit(s, UNIT_SHARE, study_weight(s->d->after, i)),
         .sort = sort_key(s, study_weight(s->d->after, i))},
        endpoint_value(s, i, FIGURE_P95, true),
        endpoint_value(s, i, FIGURE_DATABASE, false),
        endpoint_value(s, i, FIGURE_CALLS, false),
        endpoint_value(s, i, FIGURE_BLOCKS, false),
        endpoint_value(s, i, FIGURE_ERRORS, false),
    };
    cells[7] = improvement_cell(s, c, true);
    sink_row(s, cells, NULL);
}

static void add_endpoints(struct sink *s)
{
    const struct sink_column columns[] = {{say(s, TEXT_ENDPOINT), false},
                                          {say(s, TEXT_SHARE), true},
                                          {"P95", true},
                                          {say(s, TEXT_F_DATABASE), true},
                                          {say(s, TEXT_F_CALLS), true},
                                          {say(s, TEXT_F_BLOCKS), true},
                                          {say(s, TEXT_F_ERRORS), true},
                                          {say(s, TEXT_IMPROVEMENT), true}};
    if (s->d->after->nendpoints == 0)
        return;
    sink_heading(s, 3, "1.3", "endpoints", say(s, TEXT_S1_ENDPOINTS));
    section_draw(s, chart_endpoints, TEXT_CHART_ENDPOINTS, false);
    sink_table_begin(s, NULL, columns, s->d->comparison ? 8 : 7);
    for (size_t i = 0; i < s->d->after->nendpoints; i++)
        add_endpoint(s, i);
    sink_table_end(s);
}

/* ---- endpoint by statement ---------------------------------------------------------------------
 */

#define HEAT_COLUMNS 10
#define HEAT_ROWS    50

struct heat {
    size_t statements[HEAT_COLUMNS];
    size_t n;
    double most;
};

/* The statements with the most calls per request, summed over the endpoints. */
static struct heat heat_choose(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    double *calls = arena_array(s->arena, a->server.nstatements + 1, sizeof *calls);
    struct heat h = {.n = 0};
    for (size_t e = 0; e < a->nendpoints; e++)
        for (size_t u = 0; u < a->endpoints[e].nuses; u++) {
            const struct perf_use *use = &a->endpoints[e].uses[u];
            calls[use->statement] += use->calls;
            h.most = fmax(h.most, use->calls);
        }
    while (h.n < HEAT_COLUMNS) {
        size_t best = a->server.nstatements;
        for (size_t i = 0; i < a->server.nstatements; i++)
            if (calls[i] > 0 && (best == a->server.nstatements || calls[i] > calls[best]))
                best = i;
        if (best == a->server.nstatements)
            break;
        h.statements[h.n++] = best;
        calls[best] = 0;
    }
    return h;
}

/* 1 to 9 on a logarithmic scale from 0.1 calls to the most. */
static int heat_level(double calls, double most)
{
    double level = most > 1 ? 3 + 6 * log(fmax(calls, 1)) / log(fmax(most, 9)) : 3;
    if (calls < 0.95)
        level = 1;
    return (int)fmax(1, fmin(9, round(level)));
}

static bool heat_row(struct sink *s, const struct heat *h, size_t endpoint)
{
    const struct perf_endpoint *e = &s->d->after->endpoints[endpoint];
    struct sink_cell cells[HEAT_COLUMNS + 1] = {{.text = e->name}};
    bool any = false;
    for (size_t k = 0; k < h->n; k++) {
        cells[k + 1] = (struct sink_cell){.text = "\xC2\xB7", .sort = "0", .heat = -1};
        for (size_t u = 0; u < e->nuses; u++) {
            if (e->uses[u].statement != h->statements[k] || !(e->uses[u].calls > 0))
                continue;
            cells[k + 1] = (struct sink_cell){.text = say_unit(s, UNIT_COUNT, e->uses[u].calls),
                                              .sort = sort_key(s, e->uses[u].calls),
                                              .heat = heat_level(e->uses[u].calls, h->most)};
            any = true;
        }
    }
    if (any)
        sink_row(s, cells, NULL);
    return any;
}

static void add_heat_key(struct sink *s, const struct heat *h)
{
    const struct sink_column columns[] = {{"", false}, {say(s, TEXT_STATEMENT), false}};
    sink_table_begin(s, NULL, columns, 2);
    for (size_t k = 0; k < h->n; k++) {
        const char *text = s->d->after->server.statements[h->statements[k]].text;
        const struct sink_cell cells[] = {
            {.text = arena_printf(s->arena, "Q%zu", h->statements[k] + 1)},
            {.text = svg_shorten(text, 160, s->arena), .code = true, .wrap = true}};
        sink_row(s, cells, NULL);
    }
    sink_table_end(s);
}

static void add_heat(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    struct sink_column columns[HEAT_COLUMNS + 1] = {{say(s, TEXT_ENDPOINT), false}};
    struct heat h = heat_choose(s);
    if (h.n == 0)
        return;
    for (size_t k = 0; k < h.n; k++)
        columns[k + 1] =
            (struct sink_column){arena_printf(s->arena, "Q%zu", h.statements[k] + 1), true};
    sink_table_begin(s, say(s, TEXT_CHART_HEAT), columns, h.n + 1);
    for (size_t i = 0, shown = 0; i < a->nendpoints && shown < HEAT_ROWS; i++)
        shown += heat_row(s, &h, i);
    sink_table_end(s);
    add_heat_key(s, &h);
    if (a->mixed_explained >= 0)
        sink_note(s, text_fill(s->d, s->arena, TEXT_MIXED_SUM,
                               say_unit(s, UNIT_SHARE, a->mixed_explained),
                               say_unit(s, UNIT_SHARE, 1 - a->mixed_explained), NULL));
}

/* ---- causes ------------------------------------------------------------------------------------
 */

static void add_evidence(struct sink *s, const struct perf_finding *f)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (size_t i = 0; i < f->nevidence; i++)
        strbuf_addf(&text, "%s%s%s%s", i > 0 ? say(s, TEXT_SEMICOLON) : "",
                    text_pick(s->d, f->evidence[i].label_en, f->evidence[i].label_zh),
                    say(s, TEXT_COLON), f->evidence[i].value);
    if (text.len > 0)
        sink_fact(s, say(s, TEXT_EVIDENCE), text.data);
}

static void add_finding(struct sink *s, const struct perf_finding *f)
{
    bool proved = f->proof >= PERF_PROOF_CONFIRMED;
    const struct sink_badge badges[] = {
        {arena_printf(s->arena, "%s%s%s", say(s, TEXT_SEVERITY), say(s, TEXT_COLON),
                      say(s, text_severity(f->severity))),
         tone_of_severity(f->severity)},
        {say(s, text_proof(f->proof)), proved ? TONE_GOOD : TONE_MUTED},
    };
    sink_heading(s, 5, NULL, finding_anchor(s, f), finding_title(s, f));
    sink_badges(s, badges, 2);
    sink_paragraph(s, text_pick(s->d, f->cause_en, f->cause_zh));
    add_evidence(s, f);
    if (f->unproved != NULL)
        sink_fact(s, say(s, TEXT_PROOF), say_why(s, f->unproved));
    if (f->nendpoints > 0)
        sink_fact(s, say(s, TEXT_AFFECTED), say_endpoints(s, f->endpoints, f->nendpoints));
    sink_code(s, say(s, TEXT_SQL_NOW), "sql", f->sql);
    sink_code(s, say(s, TEXT_SQL_BETTER), "sql", f->rewrite);
}

static void add_level(struct sink *s, enum perf_level level, const char *number,
                      enum report_text title)
{
    size_t n = 0;
    sink_heading(s, 4, number, NULL, say(s, title));
    for (size_t i = 0; i < s->d->after->nfindings; i++) {
        const struct perf_finding *f = &s->d->after->findings[i];
        if (f->level != level)
            continue;
        add_finding(s, f);
        n++;
    }
    bool unseen = level == PERF_LEVEL_DATABASE && s->d->after->server.version_number == 0;
    if (n == 0)
        sink_paragraph(s, say(s, !s->d->after->diagnosed ? TEXT_NO_DIAGNOSIS
                                 : unseen                ? TEXT_LEVEL_UNSEEN
                                                         : TEXT_LEVEL_NONE));
}

static void add_causes(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    AUTO_STRBUF struct strbuf blind = {0};
    strbuf_init(&blind, 0);
    sink_heading(s, 3, "1.4", "causes", say(s, TEXT_S1_CAUSES));
    for (size_t i = 0; i < a->nmissing; i++)
        strbuf_addf(&blind, "%s%s", i > 0 ? say(s, TEXT_SEMICOLON) : "",
                    text_pick(s->d, a->missing[i].why_en, a->missing[i].why_zh));
    if (blind.len > 0)
        sink_note(s, text_fill(s->d, s->arena, TEXT_LEVEL_BLIND, blind.data, NULL));
    add_level(s, PERF_LEVEL_DATABASE, "1.4.1", TEXT_S1_DATABASE);
    section_draw(s, chart_database, TEXT_CHART_DATABASE, false);
    add_level(s, PERF_LEVEL_APPLICATION, "1.4.2", TEXT_S1_APPLICATION);
    add_heat(s);
    add_level(s, PERF_LEVEL_ARCHITECTURE, "1.4.3", TEXT_S1_ARCHITECTURE);
    sink_charts_begin(s);
    section_draw(s, chart_knee, TEXT_CHART_KNEE, true);
    section_draw(s, chart_waits, TEXT_CHART_WAITS, true);
    sink_charts_end(s);
}

void section_analysis(struct sink *s)
{
    sink_heading(s, 2, "1", "analysis", say(s, TEXT_S1));
    add_problem(s);
    add_metrics(s);
    add_endpoints(s);
    add_causes(s);
}
