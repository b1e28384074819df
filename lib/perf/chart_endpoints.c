/* lib/perf/chart_endpoints.c - charts over endpoints, statements, steps and waits. */
#include "perf/chart.h"
#include "perf/chart_svg.h"
#include "perf/quantity.h"
#include "perf/report_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDE      960.0
#define HALF      470.0
#define ROWS_MAX  50
#define STACK_MAX 7 /* statements told apart by fill */

double document_target(const struct perf_document *d, size_t endpoint, enum figure_kind kind)
{
    double limit = -1;
    for (size_t i = 0; i < d->gate->nchecks; i++) {
        const struct study_check *c = &d->gate->checks[i];
        if (c->rule == NULL || c->rule->threshold.delta || c->rule->threshold.figure.kind != kind ||
            threshold_is_minimum(&c->rule->threshold) != figure_more_is_better(kind))
            continue;
        /* The strictest of one endpoint; for the whole also the most lenient of a rule for all. */
        bool applies =
            c->endpoint == endpoint || (endpoint == FIGURE_WHOLE && c->rule->scope == RULE_EACH);
        if (applies &&
            (limit < 0 || (figure_more_is_better(kind) ? c->rule->threshold.limit > limit
                                                       : c->rule->threshold.limit < limit)))
            limit = c->rule->threshold.limit;
    }
    return limit;
}

const struct perf_step *document_knee(const struct perf_document *d)
{
    double target = document_target(d, FIGURE_WHOLE, FIGURE_P95);
    const struct perf_step *best = NULL;
    for (size_t i = 0; i < d->after->nsteps; i++) {
        const struct perf_step *s = &d->after->steps[i];
        if ((target > 0 && s->p95_ms > target) || s->error_rate > 0.01)
            continue;
        if (best == NULL || s->rps > best->rps)
            best = s;
    }
    return best;
}

/* ---- endpoints against their target ---------------------------------------------------------- */

struct row {
    size_t endpoint;
    struct perf_estimate now;
    double was, target; /* below 0: none */
};

static int slowest_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order =
        (y->now.value.value > x->now.value.value) - (y->now.value.value < x->now.value.value);
    return order != 0 ? order : (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

static size_t endpoint_rows(struct chart_context *c, struct row *rows)
{
    const struct perf_document *d = c->d;
    const struct perf_figure p95 = {.kind = FIGURE_P95};
    size_t n = 0;
    for (size_t i = 0; i < d->after->nendpoints; i++) {
        struct row r = {.endpoint = i, .was = -1};
        r.now = figure_estimate(d->after, i, p95, c->arena);
        if (r.now.value.known != PERF_MEASURED)
            continue;
        r.target = document_target(d, i, FIGURE_P95);
        size_t was =
            d->before ? study_find_endpoint(d->before, d->after->endpoints[i].name) : FIGURE_WHOLE;
        if (was != FIGURE_WHOLE) {
            struct perf_estimate e = figure_estimate(d->before, was, p95, c->arena);
            r.was = e.value.known == PERF_MEASURED ? e.value.value : -1;
        }
        rows[n++] = r;
    }
    qsort(rows, n, sizeof *rows, slowest_first);
    return n < ROWS_MAX ? n : ROWS_MAX;
}

static void endpoint_row(struct chart_context *c, const struct plot *p, const struct row *r,
                         double y)
{
    AUTO_STRBUF struct strbuf text = {0};
    const char *name = c->d->after->endpoints[r->endpoint].name;
    bool missed = r->target > 0 && r->now.value.value >= r->target;
    strbuf_init(&text, 1024);
    quantity_ms(r->now.value.value, &text);
    const char *value = arena_strdup(c->arena, text.data);
    svg_text(c->out, p->left - 10, y + 4, SVG_END, NULL, svg_shorten(name, 36, c->arena));
    svg_text(c->out, p->left + p->width + 8, y + 4, SVG_START, missed ? "bad" : "v", value);
    strbuf_clear(&text);
    strbuf_addf(&text, "%s: %s", name, value);
    if (r->now.has_interval) {
        strbuf_adds(&text, " (");
        quantity_ms(r->now.low, &text);
        strbuf_adds(&text, " - ");
        quantity_ms(r->now.high, &text);
        strbuf_adds(&text, ")");
    }
    if (r->was >= 0) {
        strbuf_addf(&text, ", %s ", text_of(c->d, TEXT_SERIES_BEFORE));
        quantity_ms(r->was, &text);
    }
    double x = plot_x(p, r->now.value.value);
    svg_line(c->out, p->left, y, p->left + p->width, y, "g");
    if (r->was >= 0) {
        svg_line(c->out, plot_x(p, r->was), y, x, y, "l b thin");
        svg_dot(c->out, plot_x(p, r->was), y, 4.5, "dot b", NULL);
    }
    if (r->now.has_interval)
        strbuf_addf(c->out,
                    "<path class=\"l w\" d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f\"/>\n",
                    plot_x(p, r->now.low), y - 5, y + 5, plot_x(p, r->now.low), y,
                    plot_x(p, r->now.high), plot_x(p, r->now.high), y - 5, y + 5);
    svg_dot(c->out, x, y, 5, missed ? "dot bad" : "dot a", NULL);
    if (r->target > 0 && r->target <= p->x.high)
        svg_line(c->out, plot_x(p, r->target), y - 9, plot_x(p, r->target), y + 9, "l t");
    svg_rect(c->out, 0, y - 11, p->left + p->width + 80, 22, "hot", text.data);
}

void chart_endpoints(struct chart_context *c)
{
    struct row *rows = arena_array(c->arena, c->d->after->nendpoints + 1, sizeof *rows);
    size_t n = endpoint_rows(c, rows);
    if (n < 2)
        return;
    double low = INFINITY, high = 0;
    bool had = false, target = false;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        low = fmin(low, fmin(r->now.value.value, r->was >= 0 ? r->was : INFINITY));
        high = fmax(high, fmax(fmax(r->now.value.value, r->was), r->now.high));
        had = had || r->was >= 0;
        target = target || r->target > 0;
        if (r->target > 0 && r->target < high * 4)
            high = fmax(high, r->target * 1.05);
    }
    double height = 62 + (double)n * 24;
    struct plot p = {
        c->out,       250, 28, WIDE - 250 - 84, (double)n * 24, scale_for(low, high, true),
        {0, 1, false}};
    svg_begin(c->out, ++c->serial, WIDE, height, text_of(c->d, TEXT_CHART_ENDPOINTS), "");
    plot_grid_x(&p, UNIT_MS, 6);
    double x = svg_key(c->out, 250, 16, "swatch a", false,
                       text_of(c->d, had ? TEXT_SERIES_AFTER : TEXT_SERIES_MEASURED));
    if (had)
        x = svg_key(c->out, x, 16, "swatch b", false, text_of(c->d, TEXT_SERIES_BEFORE));
    x = svg_key(c->out, x, 16, "l w", true, text_of(c->d, TEXT_INTERVAL));
    if (target)
        svg_key(c->out, x, 16, "l t", true, text_of(c->d, TEXT_SERIES_TARGET));
    for (size_t i = 0; i < n; i++)
        endpoint_row(c, &p, &rows[i], 28 + 12 + (double)i * 24);
    svg_end(c->out);
}

/* ---- database time by statement -------------------------------------------------------------- */

struct stack {
    const struct perf_document *d;
    size_t top[STACK_MAX]; /* statements of after, most time first */
    size_t ntop;
};

static void add_times(const struct perf_study *s, const size_t *places, double *ms)
{
    for (size_t e = 0; e < s->nendpoints; e++)
        for (size_t u = 0; u < s->endpoints[e].nuses; u++) {
            const struct perf_use *use = &s->endpoints[e].uses[u];
            if (places == NULL || places[use->statement] != SIZE_MAX)
                ms[places ? places[use->statement] : use->statement] +=
                    use->exec_ms * study_weight(s, e);
        }
}

/* Where each statement of before stands in after, by fingerprint; SIZE_MAX: not there. */
static size_t *places_of(const struct perf_study *before, const struct perf_study *after,
                         struct arena *arena)
{
    size_t *places = arena_array(arena, before->server.nstatements + 1, sizeof *places);
    for (size_t i = 0; i < before->server.nstatements; i++) {
        const char *print = before->server.statements[i].fingerprint;
        places[i] = SIZE_MAX;
        for (size_t k = 0; print != NULL && k < after->server.nstatements; k++)
            if (strcmp(after->server.statements[k].fingerprint, print) == 0) {
                places[i] = k;
                break;
            }
    }
    return places;
}

/* The statements with the most time on either side. */
static void stack_choose(struct stack *k, struct arena *arena)
{
    const struct perf_study *s = k->d->after;
    double *ms = arena_array(arena, s->server.nstatements + 1, sizeof *ms);
    add_times(s, NULL, ms);
    if (k->d->before != NULL)
        add_times(k->d->before, places_of(k->d->before, s, arena), ms);
    while (k->ntop < STACK_MAX) {
        size_t best = s->server.nstatements;
        for (size_t i = 0; i < s->server.nstatements; i++)
            if (ms[i] > 0 && (best == s->server.nstatements || ms[i] > ms[best]))
                best = i;
        if (best == s->server.nstatements)
            break;
        k->top[k->ntop++] = best;
        ms[best] = 0;
    }
}

/* The fill of a statement of `s`, which may be the study before: met by fingerprint. */
static size_t stack_fill(const struct stack *k, const struct perf_study *s, size_t statement)
{
    const char *print = s->server.statements[statement].fingerprint;
    for (size_t i = 0; i < k->ntop; i++) {
        const struct perf_statement *t = &k->d->after->server.statements[k->top[i]];
        if (print != NULL && t->fingerprint != NULL && strcmp(print, t->fingerprint) == 0)
            return i;
    }
    return STACK_MAX;
}

static const char *statement_label(const struct perf_study *s, size_t statement, size_t columns,
                                   struct arena *arena)
{
    char *text = arena_strdup(arena, s->server.statements[statement].text);
    size_t n = 0;
    bool blank = true; /* runs of blanks become one */
    for (const char *p = text; *p != '\0'; p++) {
        bool is_blank = strchr(" \t\r\n", *p) != NULL;
        if (!is_blank || !blank)
            text[n++] = is_blank ? ' ' : *p;
        blank = is_blank;
    }
    text[n] = '\0';
    return svg_shorten(text, columns, arena);
}

static void stack_bar(struct chart_context *c, const struct stack *k, const struct plot *p,
                      const struct perf_study *s, size_t endpoint, double y, double height)
{
    AUTO_STRBUF struct strbuf text = {0};
    double sums[STACK_MAX + 1] = {0}, at = 0;
    const struct perf_endpoint *e = &s->endpoints[endpoint];
    strbuf_init(&text, 1024);
    for (size_t u = 0; u < e->nuses; u++)
        sums[stack_fill(k, s, e->uses[u].statement)] += e->uses[u].exec_ms;
    for (size_t i = 0; i <= STACK_MAX; i++) {
        char class[8];
        if (!(sums[i] > 0))
            continue;
        strbuf_clear(&text);
        strbuf_addf(&text, "%s: ", e->name);
        quantity_ms(sums[i], &text);
        strbuf_addf(&text, " - %s",
                    i < k->ntop ? statement_label(c->d->after, k->top[i], 90, c->arena)
                                : text_of(c->d, TEXT_OTHERS));
        snprintf(class, sizeof class, "s%zu", i);
        double x = plot_x(p, at), to = plot_x(p, at + sums[i]);
        if (to - x >= 0.3)
            svg_rect(c->out, x, y, to - x, height, class, text.data);
        at += sums[i];
    }
}

static int most_time_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    double dx = fmax(x->now.value.value, x->was), dy = fmax(y->now.value.value, y->was);
    int order = (dy > dx) - (dy < dx);
    return order != 0 ? order : (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

static double uses_sum(const struct perf_study *s, size_t endpoint)
{
    double sum = 0;
    for (size_t u = 0; u < s->endpoints[endpoint].nuses; u++)
        sum += s->endpoints[endpoint].uses[u].exec_ms;
    return sum;
}

static size_t database_rows(struct chart_context *c, struct row *rows)
{
    const struct perf_document *d = c->d;
    size_t n = 0;
    for (size_t i = 0; i < d->after->nendpoints; i++) {
        struct row r = {.endpoint = i, .was = -1};
        size_t was =
            d->before ? study_find_endpoint(d->before, d->after->endpoints[i].name) : FIGURE_WHOLE;
        r.now.value.value = uses_sum(d->after, i);
        if (was != FIGURE_WHOLE && d->before->endpoints[was].nuses > 0)
            r.was = uses_sum(d->before, was);
        if (r.now.value.value > 0 || r.was > 0)
            rows[n++] = r;
    }
    qsort(rows, n, sizeof *rows, most_time_first);
    return n < 20 ? n : 20;
}

static void database_legend(struct chart_context *c, const struct stack *k, double y)
{
    for (size_t i = 0; i < k->ntop; i++) {
        char class[24];
        snprintf(class, sizeof class, "s%zu", i);
        svg_rect(c->out, 20, y + (double)i * 18 - 9, 14, 11, class, NULL);
        svg_text(c->out, 42, y + (double)i * 18, SVG_START, "code",
                 statement_label(c->d->after, k->top[i], 128, c->arena));
    }
    svg_rect(c->out, 20, y + (double)k->ntop * 18 - 9, 14, 11, "s7", NULL);
    svg_text(c->out, 42, y + (double)k->ntop * 18, SVG_START, NULL, text_of(c->d, TEXT_OTHERS));
}

void chart_database(struct chart_context *c)
{
    const struct perf_document *d = c->d;
    struct row *rows = arena_array(c->arena, d->after->nendpoints + 1, sizeof *rows);
    size_t n = database_rows(c, rows);
    struct stack k = {.d = d};
    double high = 0;
    bool had = false;
    if (n == 0)
        return;
    stack_choose(&k, c->arena);
    for (size_t i = 0; i < n; i++) {
        high = fmax(high, fmax(rows[i].now.value.value, rows[i].was));
        had = had || rows[i].was >= 0;
    }
    double step = had ? 36 : 26, body = (double)n * step;
    struct plot p = {c->out,       250, 10, WIDE - 250 - 84, body, scale_for(0, high, false),
                     {0, 1, false}};
    svg_begin(c->out, ++c->serial, WIDE, body + 60 + (double)k.ntop * 18,
              text_of(d, TEXT_CHART_DATABASE), "");
    plot_grid_x(&p, UNIT_MS, 6);
    for (size_t i = 0; i < n; i++) {
        AUTO_STRBUF struct strbuf text = {0};
        double y = 10 + (double)i * step;
        const char *name = d->after->endpoints[rows[i].endpoint].name;
        strbuf_init(&text, 256);
        quantity_ms(rows[i].now.value.value, &text);
        svg_text(c->out, 240, y + 15, SVG_END, NULL, svg_shorten(name, 36, c->arena));
        svg_text(c->out, WIDE - 76, y + 15, SVG_START, "v", text.data);
        if (rows[i].was >= 0) {
            size_t was = study_find_endpoint(d->before, name);
            stack_bar(c, &k, &p, d->before, was, y + 22, 6);
        }
        stack_bar(c, &k, &p, d->after, rows[i].endpoint, y + 4, 15);
    }
    database_legend(c, &k, body + 52);
    svg_end(c->out);
}

/* ---- capacity -------------------------------------------------------------------------------- */

void chart_knee(struct chart_context *c)
{
    AUTO_STRBUF struct strbuf text = {0};
    const struct perf_study *s = c->d->after;
    double *xs = arena_array(c->arena, s->nsteps + 1, sizeof *xs);
    double *ys = arena_array(c->arena, s->nsteps + 1, sizeof *ys), wide = 0, high = 0,
           low = INFINITY;
    if (s->nsteps < 2)
        return;
    for (size_t i = 0; i < s->nsteps; i++) {
        xs[i] = s->steps[i].rps;
        ys[i] = s->steps[i].p95_ms >= 0 ? s->steps[i].p95_ms : NAN;
        wide = fmax(wide, xs[i]);
        high = fmax(high, isnan(ys[i]) ? 0 : ys[i]);
        low = fmin(low, isnan(ys[i]) ? INFINITY : ys[i]);
    }
    double target = document_target(c->d, FIGURE_WHOLE, FIGURE_P95);
    if (target > 0)
        high = fmax(high, target * 1.05);
    const struct perf_step *knee = document_knee(c->d);
    struct plot p = {
        c->out, 66, 30, HALF - 86, 186, scale_for(0, wide, false), scale_for(low, high, true)};
    strbuf_init(&text, 1024);
    svg_begin(c->out, ++c->serial, HALF, 262, text_of(c->d, TEXT_CHART_KNEE), "");
    plot_grid_y(&p, UNIT_MS, 5);
    plot_grid_x(&p, UNIT_COUNT, 5);
    svg_text(c->out, HALF - 16, 258, SVG_END, "axis", text_of(c->d, TEXT_AXIS_RATE));
    double x = svg_key(c->out, 66, 16, "l a", true, "P95");
    if (target > 0) {
        svg_key(c->out, x, 16, "l t", true, text_of(c->d, TEXT_SERIES_TARGET));
        svg_line(c->out, p.left, plot_y(&p, target), p.left + p.width, plot_y(&p, target), "l t");
    }
    if (knee != NULL) {
        quantity_of(UNIT_PER_S, knee->rps, &text);
        const char *label = text_fill(c->d, c->arena, TEXT_KNEE, text.data, NULL);
        double at = plot_x(&p, knee->rps);
        svg_line(c->out, at, p.top, at, p.top + p.height, "l k");
        svg_text(c->out, at - 6, p.top + 14, at > p.left + 130 ? SVG_END : SVG_START, "v", label);
    }
    plot_path(&p, xs, ys, s->nsteps, "l a");
    for (size_t i = 0; i < s->nsteps; i++) {
        const struct perf_step *step = &s->steps[i];
        if (isnan(ys[i]))
            continue;
        strbuf_clear(&text);
        quantity_of(UNIT_PER_S, step->rps, &text);
        strbuf_adds(&text, ", P95 ");
        quantity_ms(step->p95_ms, &text);
        strbuf_addf(&text, ", %s ", text_of(c->d, TEXT_ERRORS));
        quantity_share(step->error_rate, &text);
        svg_dot(c->out, plot_x(&p, xs[i]), plot_y(&p, ys[i]), 5,
                step->error_rate > 0.01 ? "dot bad" : "dot a", text.data);
    }
    svg_end(c->out);
}

/* ---- waits ----------------------------------------------------------------------------------- */

static int most_sessions_first(const void *a, const void *b)
{
    double x = (*(const struct perf_wait *const *)a)->sessions;
    double y = (*(const struct perf_wait *const *)b)->sessions;
    return (y > x) - (y < x);
}

void chart_waits(struct chart_context *c)
{
    AUTO_STRBUF struct strbuf text = {0};
    const struct perf_server *server = &c->d->after->server;
    const struct perf_wait **waits = arena_array(c->arena, server->nwaits + 1, sizeof *waits);
    size_t n = 0;
    for (size_t i = 0; i < server->nwaits; i++)
        if (server->waits[i].sessions > 0)
            waits[n++] = &server->waits[i];
    if (n == 0)
        return;
    qsort(waits, n, sizeof *waits, most_sessions_first);
    n = n < 9 ? n : 9;
    strbuf_init(&text, 1024);
    struct plot p = {c->out,
                     190,
                     10,
                     HALF - 190 - 60,
                     (double)n * 23,
                     scale_for(0, waits[0]->sessions, false),
                     {0, 1, false}};
    svg_begin(c->out, ++c->serial, HALF, p.height + 48, text_of(c->d, TEXT_CHART_WAITS), "");
    plot_grid_x(&p, UNIT_COUNT, 4);
    svg_text(c->out, HALF - 16, p.height + 44, SVG_END, "axis", text_of(c->d, TEXT_SESSIONS));
    for (size_t i = 0; i < n; i++) {
        double y = 10 + (double)i * 23;
        const char *name = waits[i]->type == NULL
                               ? text_of(c->d, TEXT_ON_CPU)
                               : arena_printf(c->arena, "%s: %s", waits[i]->type,
                                              waits[i]->event ? waits[i]->event : "");
        strbuf_clear(&text);
        quantity_number(waits[i]->sessions, &text);
        svg_text(c->out, p.left - 8, y + 15, SVG_END, NULL, svg_shorten(name, 27, c->arena));
        svg_rect(c->out, p.left, y + 4, plot_x(&p, waits[i]->sessions) - p.left, 14,
                 waits[i]->type == NULL ? "bar" : "bar wait",
                 arena_printf(c->arena, "%s: %s", name, text.data));
        svg_text(c->out, plot_x(&p, waits[i]->sessions) + 6, y + 15, SVG_START, "v", text.data);
    }
    svg_end(c->out);
}
