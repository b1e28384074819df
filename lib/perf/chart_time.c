/* lib/perf/chart_time.c - charts of one run: over time, by percentile, by value. */
#include "perf/chart.h"
#include "perf/chart_svg.h"
#include "perf/quantity.h"
#include "perf/report_text.h"

#include <math.h>
#include <stdio.h>

#define WIDE 960.0
#define HALF 470.0

static const struct perf_result *result_of(const struct perf_study *s, size_t endpoint)
{
    return endpoint == FIGURE_WHOLE ? s->mixed : s->endpoints[endpoint].result;
}

/* The run before that stands beside the main one of now; NULL. */
static const struct perf_result *counterpart(const struct perf_document *d, size_t endpoint)
{
    if (d->before == NULL)
        return NULL;
    if (endpoint == FIGURE_WHOLE)
        return d->before->mixed;
    size_t was = study_find_endpoint(d->before, d->after->endpoints[endpoint].name);
    return was == FIGURE_WHOLE ? NULL : result_of(d->before, was);
}

static const char *subject(const struct chart_context *c, size_t endpoint)
{
    return endpoint == FIGURE_WHOLE ? text_of(c->d, TEXT_WHOLE_API)
                                    : c->d->after->endpoints[endpoint].name;
}

/* ---- over time ------------------------------------------------------------------------------- */

struct series {
    double x[PERF_SLICES_MAX], p50[PERF_SLICES_MAX], p95[PERF_SLICES_MAX];
    double rate[PERF_SLICES_MAX], errors[PERF_SLICES_MAX];
    size_t n;
    double seconds, most_ms, most_rate;
};

static void series_read(const struct perf_result *r, struct series *s)
{
    *s = (struct series){0};
    for (size_t i = 0; r != NULL && i < r->nsamples; i++) {
        const struct perf_sample *p = &r->samples[i];
        double seconds = p->seconds > 0 ? p->seconds : 1;
        s->x[i] = s->seconds + seconds / 2;
        s->seconds += seconds;
        s->p50[i] = p->p50_ms >= 0 ? p->p50_ms : NAN;
        s->p95[i] = p->p95_ms >= 0 ? p->p95_ms : NAN;
        s->rate[i] = (double)p->ok / seconds;
        s->errors[i] = (double)p->errors / seconds;
        s->most_ms = fmax(s->most_ms, isnan(s->p95[i]) ? 0 : s->p95[i]);
        s->most_rate = fmax(s->most_rate, s->rate[i] + s->errors[i]);
        s->n = i + 1;
    }
}

static void time_hover(struct chart_context *c, const struct perf_result *r, const struct series *s,
                       const struct plot *p)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 512);
    for (size_t i = 0; i < s->n; i++) {
        double half = r->samples[i].seconds > 0 ? r->samples[i].seconds / 2 : 0.5;
        double x = plot_x(p, s->x[i] - half);
        strbuf_clear(&text);
        strbuf_addf(&text, "%.0f s: ", s->x[i] - half);
        if (!isnan(s->p50[i])) {
            strbuf_adds(&text, "P50 ");
            quantity_ms(s->p50[i], &text);
            strbuf_adds(&text, ", P95 ");
            quantity_ms(s->p95[i], &text);
            strbuf_adds(&text, ", ");
        }
        quantity_of(UNIT_PER_S, s->rate[i], &text);
        strbuf_addf(&text, ", %s %llu", text_of(c->d, TEXT_ERRORS),
                    (unsigned long long)r->samples[i].errors);
        svg_rect(c->out, x, p->top, plot_x(p, s->x[i] + half) - x, p->height, "hot", text.data);
    }
}

static void time_bars(struct chart_context *c, const struct perf_result *r, const struct series *s,
                      const struct plot *p)
{
    double bottom = p->top + p->height;
    for (size_t i = 0; i < s->n; i++) {
        double half = (r->samples[i].seconds > 0 ? r->samples[i].seconds : 1) * 0.42;
        double x = plot_x(p, s->x[i] - half), w = plot_x(p, s->x[i] + half) - x;
        double ok = plot_y(p, s->rate[i]), all = plot_y(p, s->rate[i] + s->errors[i]);
        svg_rect(c->out, x, ok, w, bottom - ok, "bar", NULL);
        if (s->errors[i] > 0)
            svg_rect(c->out, x, fmin(all, ok - 2), w, fmax(2, ok - all), "err", NULL);
    }
}

void chart_time(struct chart_context *c)
{
    size_t endpoint;
    struct series now, was;
    const struct perf_result *r = study_main_result(c->d->after, &endpoint);
    if (r == NULL || r->nsamples < 2)
        return;
    series_read(r, &now);
    series_read(counterpart(c->d, endpoint), &was);
    double target = document_target(c->d, endpoint, FIGURE_P95);
    double most = fmax(now.most_ms, was.most_ms);
    if (target > 0 && target < most * 3)
        most = fmax(most, target * 1.05);
    struct plot top = {c->out,
                       66,
                       30,
                       WIDE - 82,
                       150,
                       {0, fmax(now.seconds, was.seconds), false},
                       scale_for(0, most, false)};
    struct plot low = {c->out, 66, 212, WIDE - 82, 56, top.x, scale_for(0, now.most_rate, false)};
    svg_begin(c->out, ++c->serial, WIDE, 300, text_of(c->d, TEXT_CHART_TIME), subject(c, endpoint));
    plot_grid_y(&top, UNIT_MS, 4);
    plot_grid_y(&low, UNIT_PER_S, 2);
    plot_grid_x(&low, UNIT_COUNT, 8);
    svg_text(c->out, WIDE - 16, 298, SVG_END, "axis", text_of(c->d, TEXT_AXIS_SECONDS));
    double x = svg_key(c->out, 66, 16, "l a", true, "P95");
    x = svg_key(c->out, x, 16, "l a thin", true, "P50");
    if (was.n > 0) {
        const char *label = arena_printf(c->arena, "P95 %s", text_of(c->d, TEXT_SERIES_BEFORE));
        x = svg_key(c->out, x, 16, "l b", true, label);
        plot_path(&top, was.x, was.p95, was.n, "l b");
    }
    if (target > 0 && target <= top.y.high) {
        double y = plot_y(&top, target);
        x = svg_key(c->out, x, 16, "l t", true, text_of(c->d, TEXT_SERIES_TARGET));
        svg_line(c->out, top.left, y, top.left + top.width, y, "l t");
    }
    svg_key(c->out, x, 16, "err", false, text_of(c->d, TEXT_ERRORS));
    time_bars(c, r, &now, &low);
    plot_path(&top, now.x, now.p50, now.n, "l a thin");
    plot_path(&top, now.x, now.p95, now.n, "l a");
    svg_text(c->out, 66, 204, SVG_START, "axis", text_of(c->d, TEXT_AXIS_RATE));
    struct plot both = top;
    both.height = low.top + low.height - top.top;
    time_hover(c, r, &now, &both);
    svg_end(c->out);
}

/* ---- percentiles ----------------------------------------------------------------------------- */

static const double CURVE[] = {0.0001, 10,   20,    30,   40,    50,    60,    70, 75,
                               80,     85,   90,    92.5, 95,    96,    97,    98, 99,
                               99.25,  99.5, 99.75, 99.9, 99.95, 99.99, 99.999};
#define NCURVE (sizeof CURVE / sizeof CURVE[0])

static double tail_of(double percentile)
{
    return 1 / (1 - percentile / 100);
}

/* Points of a run's curve as far as its requests support it. */
static size_t curve_points(const struct perf_result *r, double *xs, double *ys)
{
    size_t n = 0;
    if (r == NULL)
        return 0;
    if (r->latencies == NULL || histogram_count(r->latencies) == 0) {
        for (size_t i = 0; i < PERF_PERCENTILES; i++)
            if (r->percentiles[i].known == PERF_MEASURED) {
                xs[n] = tail_of(perf_percentiles[i]);
                ys[n++] = r->percentiles[i].value;
            }
        return n;
    }
    double count = (double)histogram_count(r->latencies);
    for (size_t i = 0; i < NCURVE && tail_of(CURVE[i]) * 4 <= fmax(count, 8); i++) {
        xs[n] = tail_of(CURVE[i]);
        ys[n++] = fmax(0.001, (double)histogram_percentile(r->latencies, CURVE[i]) / 1000);
    }
    return n;
}

static void curve_axis(const struct plot *p)
{
    static const double marks[] = {50, 90, 95, 99, 99.9, 99.99, 99.999};
    char label[16];
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (tail_of(marks[i]) > p->x.high * 1.001)
            break;
        double x = plot_x(p, tail_of(marks[i]));
        svg_line(p->out, x, p->top, x, p->top + p->height, "g");
        snprintf(label, sizeof label, "P%g", marks[i]);
        if (marks[i] < 95 || marks[i] > 95 || p->x.high < 300) /* P90, P95 and P99 would touch */
            svg_text(p->out, x, p->top + p->height + 17, SVG_MIDDLE, NULL, label);
    }
}

static void curve_dots(struct chart_context *c, const struct plot *p, const double *xs,
                       const double *ys, size_t n, const char *series, const char *class)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 256);
    for (size_t i = 0; i < n; i++) {
        strbuf_clear(&text);
        strbuf_addf(&text, "%s P%.6g: ", series, 100 - 100 / xs[i]);
        quantity_ms(ys[i], &text);
        svg_dot(c->out, plot_x(p, xs[i]), plot_y(p, ys[i]), 5, class, text.data);
    }
}

void chart_curve(struct chart_context *c)
{
    double xs[NCURVE], ys[NCURVE], was_x[NCURVE], was_y[NCURVE];
    size_t endpoint;
    const struct perf_result *r = study_main_result(c->d->after, &endpoint);
    size_t n = curve_points(r, xs, ys);
    if (n < 2)
        return;
    size_t m = curve_points(counterpart(c->d, endpoint), was_x, was_y);
    double high = fmax(ys[n - 1], m > 0 ? was_y[m - 1] : 0);
    double low = fmin(ys[0], m > 0 ? was_y[0] : INFINITY);
    double target = document_target(c->d, endpoint, FIGURE_P95);
    if (target > 0 && target < high * 3)
        high = fmax(high, target);
    struct plot p = {c->out,
                     66,
                     30,
                     HALF - 82,
                     200,
                     {1, fmax(xs[n - 1], m > 0 ? was_x[m - 1] : 1), true},
                     scale_for(low, high, true)};
    svg_begin(c->out, ++c->serial, HALF, 262, text_of(c->d, TEXT_CHART_CURVE),
              subject(c, endpoint));
    plot_grid_y(&p, UNIT_MS, 5);
    curve_axis(&p);
    const char *now = text_of(c->d, m > 0 ? TEXT_SERIES_AFTER : TEXT_SERIES_MEASURED);
    const char *was = text_of(c->d, TEXT_SERIES_BEFORE);
    double x = svg_key(c->out, 66, 16, "l a", true, now);
    if (m > 0) {
        x = svg_key(c->out, x, 16, "l b", true, was);
        plot_path(&p, was_x, was_y, m, "l b");
    }
    if (target > 0 && target <= p.y.high) {
        svg_key(c->out, x, 16, "l t", true, text_of(c->d, TEXT_SERIES_TARGET));
        svg_line(c->out, p.left, plot_y(&p, target), p.left + p.width, plot_y(&p, target), "l t");
    }
    plot_path(&p, xs, ys, n, "l a");
    curve_dots(c, &p, was_x, was_y, m, was, "hot");
    curve_dots(c, &p, xs, ys, n, now, "hot");
    svg_end(c->out);
}

/* ---- distribution ---------------------------------------------------------------------------- */

#define BINS 48

struct bins {
    double low, high; /* ms */
    double share[BINS];
    double total;
};

static void bins_add(void *self, int64_t value_us, uint64_t count)
{
    struct bins *b = self;
    double ms = fmax((double)value_us / 1000, 0.001);
    double at = log(ms / b->low) / log(b->high / b->low) * BINS;
    size_t i = at <= 0 ? 0 : at >= BINS ? BINS - 1 : (size_t)at;
    b->share[i] += (double)count;
    b->total += (double)count;
}

static double bins_fill(const struct perf_result *r, struct bins *b)
{
    double most = 0;
    histogram_each(r->latencies, bins_add, b);
    for (size_t i = 0; i < BINS; i++) {
        b->share[i] /= b->total;
        most = fmax(most, b->share[i]);
    }
    return most;
}

static bool has_histogram(const struct perf_result *r)
{
    return r != NULL && r->latencies != NULL && histogram_count(r->latencies) > 0;
}

static double bin_edge(const struct bins *b, size_t i)
{
    return b->low * pow(b->high / b->low, (double)i / BINS);
}

static void spread_outline(const struct plot *p, const struct bins *b)
{
    strbuf_addf(p->out, "<path class=\"l b\" d=\"M%.1f %.1f", p->left, p->top + p->height);
    for (size_t i = 0; i < BINS; i++)
        strbuf_addf(p->out, "V%.1fH%.1f", plot_y(p, b->share[i]), plot_x(p, bin_edge(b, i + 1)));
    strbuf_addf(p->out, "V%.1f\"/>\n", p->top + p->height);
}

static void spread_bars(struct chart_context *c, const struct plot *p, const struct bins *b)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 256);
    for (size_t i = 0; i < BINS; i++) {
        double x = plot_x(p, bin_edge(b, i)), y = plot_y(p, b->share[i]);
        if (!(b->share[i] > 0))
            continue;
        strbuf_clear(&text);
        quantity_ms(bin_edge(b, i), &text);
        strbuf_adds(&text, " - ");
        quantity_ms(bin_edge(b, i + 1), &text);
        strbuf_adds(&text, ": ");
        quantity_share(b->share[i], &text);
        svg_rect(c->out, x + 0.5, y, plot_x(p, bin_edge(b, i + 1)) - x - 1, p->top + p->height - y,
                 "bar", text.data);
    }
}

/* The edges of the bins: where all but 0.1 % at each end lie. */
static void spread_range(const struct perf_result *r, double *low, double *high)
{
    double least = fmax(0.001, (double)histogram_percentile(r->latencies, 0.1) / 1000);
    *low = fmin(*low, least);
    *high = fmax(*high, (double)histogram_percentile(r->latencies, 99.9) / 1000);
}

void chart_spread(struct chart_context *c)
{
    size_t endpoint;
    const struct perf_result *r = study_main_result(c->d->after, &endpoint);
    if (!has_histogram(r))
        return;
    const struct perf_result *w = counterpart(c->d, endpoint);
    struct bins now = {.low = INFINITY}, was;
    spread_range(r, &now.low, &now.high);
    if (has_histogram(w))
        spread_range(w, &now.low, &now.high);
    now.low *= 0.9;
    now.high = fmax(now.high * 1.1, now.low * 2);
    was = now;
    double most = fmax(bins_fill(r, &now), has_histogram(w) ? bins_fill(w, &was) : 0);
    struct plot p = {
        c->out, 56, 30, HALF - 72, 200, {now.low, now.high, true}, scale_for(0, most, false)};
    svg_begin(c->out, ++c->serial, HALF, 262, text_of(c->d, TEXT_CHART_SPREAD),
              subject(c, endpoint));
    plot_grid_y(&p, UNIT_SHARE, 4);
    plot_grid_x(&p, UNIT_MS, 5);
    bool both = has_histogram(w);
    double x = svg_key(c->out, 56, 16, "bar", false,
                       text_of(c->d, both ? TEXT_SERIES_AFTER : TEXT_SERIES_MEASURED));
    spread_bars(c, &p, &now);
    if (both) {
        svg_key(c->out, x, 16, "l b", true, text_of(c->d, TEXT_SERIES_BEFORE));
        spread_outline(&p, &was);
    }
    svg_end(c->out);
}
