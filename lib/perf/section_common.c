/* lib/perf/section_common.c - what the sections of a report share; see section.h. */
#include "perf/section.h"

#include "core/datetime.h"
#include "perf/quantity.h"

#include <math.h>
#include <stdio.h>

const char *say(const struct sink *s, enum report_text text)
{
    return text_of(s->d, text);
}

static const char *kept(const struct sink *s, struct strbuf *text)
{
    const char *copy = arena_strdup(s->arena, text->data);
    strbuf_release(text);
    return copy;
}

static struct strbuf scratch(void)
{
    struct strbuf text = {0};
    strbuf_init(&text, (size_t)64 << 10);
    return text;
}

const char *say_unit(const struct sink *s, enum figure_unit unit, double value)
{
    struct strbuf text = scratch();
    quantity_of(unit, value, &text);
    return kept(s, &text);
}

/* "12 ms to 14 ms"; a dash between values of one unit reads the same in both languages,
 * and does not begin a line. */
static const char *say_range(const struct sink *s, enum figure_unit unit, double low, double high)
{
    struct strbuf text = scratch();
    quantity_of(unit, low, &text);
    strbuf_adds(&text, "\xC2\xA0\xE2\x80\x93 ");
    quantity_of(unit, high, &text);
    return kept(s, &text);
}

const char *say_value(const struct sink *s, enum figure_unit unit, const struct perf_value *v)
{
    if (v->known == PERF_MEASURED)
        return say_unit(s, unit, v->value);
    if (v->known == PERF_BETWEEN)
        return say_range(s, unit, v->low, v->high);
    return say(s, TEXT_NOT_MEASURED);
}

const char *say_interval(const struct sink *s, enum figure_unit unit, const struct perf_estimate *e)
{
    if (!e->has_interval || e->value.known != PERF_MEASURED || e->low >= e->high)
        return NULL;
    return say_range(s, unit, e->low, e->high);
}

const char *say_limit(const struct sink *s, const struct threshold *t)
{
    static const char *const operators[] = {"<", "\xE2\x89\xA4", ">", "\xE2\x89\xA5",
                                            "=", "\xE2\x89\xA0"};
    struct strbuf text = scratch();
    if (t == NULL) {
        strbuf_release(&text);
        return say(s, TEXT_NO_TARGET);
    }
    strbuf_addf(&text, "%s\xC2\xA0", operators[t->op]);
    if (t->relative)
        quantity_share(t->limit, &text);
    else
        quantity_of(figure_unit(t->figure.kind), t->limit, &text);
    return kept(s, &text);
}

const char *say_change(const struct sink *s, const struct study_change *c)
{
    struct strbuf text = scratch();
    if (c == NULL || (c->before <= 0 && c->after <= 0)) {
        strbuf_release(&text);
        return say(s, c == NULL ? TEXT_C_NOT_COMPARED : TEXT_UNCHANGED);
    }
    if (c->before > 0)
        quantity_percent_change(c->relative, &text);
    else
        quantity_signed(figure_unit(c->figure), c->after - c->before, &text);
    return kept(s, &text);
}

const char *say_endpoint(const struct sink *s, size_t endpoint)
{
    return endpoint == FIGURE_WHOLE ? say(s, TEXT_WHOLE_API)
                                    : s->d->after->endpoints[endpoint].name;
}

const char *say_check_rule(const struct sink *s, const struct study_check *c)
{
    struct strbuf text = scratch();
    if (c->rule == NULL)
        strbuf_adds(&text, say(s, TEXT_BASELINE_CHECK));
    else
        threshold_print(&c->rule->threshold, &text);
    return kept(s, &text);
}

const char *say_check_value(const struct sink *s, const struct study_check *c)
{
    struct strbuf text = scratch();
    if (c->rule != NULL && c->estimate.value.known == PERF_UNKNOWN) {
        strbuf_release(&text);
        return say(s, TEXT_NOT_MEASURED);
    }
    if (c->rule == NULL && c->change != NULL) {
        strbuf_addf(&text, "%s ", say(s, text_figure(c->change->figure)));
        if (c->change->verdict == CHANGE_SAME) {
            strbuf_release(&text);
            return say(s, TEXT_C_SAME);
        }
    }
    study_check_value(c, &text);
    return kept(s, &text);
}

const char *say_why(const struct sink *s, const char *why)
{
    return text_reason(s->d, s->arena, why);
}

const char *say_endpoints(const struct sink *s, const size_t *endpoints, size_t n)
{
    struct strbuf text = scratch();
    for (size_t i = 0; i < n && i < 6; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? say(s, TEXT_COMMA) : "",
                    s->d->after->endpoints[endpoints[i]].name);
    if (n > 6) {
        char more[24];
        snprintf(more, sizeof more, "%zu", n - 6);
        strbuf_adds(&text, say(s, TEXT_COMMA));
        text_add(s->d, &text, TEXT_R_MORE, more, NULL);
    }
    return kept(s, &text);
}

const char *sort_key(const struct sink *s, double value)
{
    return arena_printf(s->arena, "%.6g", value);
}

const char *say_duration(const struct sink *s, double seconds)
{
    seconds = fabs(seconds);
    if (seconds >= 7200)
        return arena_printf(s->arena, "%.1f\xC2\xA0h", seconds / 3600);
    if (seconds >= 600)
        return arena_printf(s->arena, "%.0f\xC2\xA0min", seconds / 60);
    return arena_printf(s->arena, "%.3g\xC2\xA0s", seconds);
}

const char *say_instant(struct arena *arena, int64_t us)
{
    char when[DATETIME_ISO_MAX];
    datetime_print(us - us % 1000000, NULL, when);
    return arena_strdup(arena, when);
}

uint64_t section_outcomes(const struct perf_study *a, enum loadgen_outcome outcome)
{
    uint64_t n = a->mixed ? a->mixed->outcomes[outcome] : 0;
    for (size_t i = 0; i < a->nendpoints; i++)
        n += a->endpoints[i].result ? a->endpoints[i].result->outcomes[outcome] : 0;
    return n;
}

const struct threshold *target_of(const struct sink *s, size_t endpoint, enum figure_kind kind)
{
    double limit = document_target(s->d, endpoint, kind);
    for (size_t i = 0; limit >= 0 && i < s->d->gate->nchecks; i++) {
        const struct study_check *c = &s->d->gate->checks[i];
        if (c->rule != NULL && !c->rule->threshold.delta &&
            c->rule->threshold.figure.kind == kind && fabs(c->rule->threshold.limit - limit) <= 0)
            return &c->rule->threshold;
    }
    return NULL;
}

enum sink_tone tone_of_check(enum check_state state)
{
    static const enum sink_tone tones[] = {TONE_GOOD, TONE_MUTED, TONE_WARN, TONE_BAD};
    return tones[state];
}

enum sink_tone tone_of_change(const struct study_change *c)
{
    static const enum sink_tone tones[] = {TONE_MUTED, TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD};
    return c == NULL ? TONE_MUTED : tones[c->verdict];
}

enum sink_tone tone_of_severity(enum perf_severity severity)
{
    return severity == PERF_HIGH ? TONE_BAD : severity == PERF_MEDIUM ? TONE_WARN : TONE_MUTED;
}

/* ---- findings -------------------------------------------------------------------------------- */

bool finding_is(const struct perf_finding *f, const char *kind)
{
    return strcmp(f->kind, kind) == 0;
}

enum plan_area finding_area(const struct perf_finding *f)
{
    if (finding_is(f, "cacheable"))
        return AREA_CACHE;
    if (finding_is(f, "app_bound"))
        return AREA_ASYNC;
    if (f->level == PERF_LEVEL_ARCHITECTURE)
        return AREA_SCALE;
    return f->level == PERF_LEVEL_DATABASE ? AREA_DATABASE : AREA_QUERY;
}

const char *finding_title(const struct sink *s, const struct perf_finding *f)
{
    return text_pick(s->d, f->title_en, f->title_zh);
}

const char *finding_anchor(const struct sink *s, const struct perf_finding *f)
{
    return arena_printf(s->arena, "finding-%s", f->id);
}

/* ---- severity -------------------------------------------------------------------------------- */

/* How many times beyond its limit a failed figure is; 1 when that has no meaning. */
static double excess(const struct study_check *c)
{
    if (c->state != CHECK_FAILED || c->rule == NULL || c->rule->threshold.delta ||
        c->estimate.value.known != PERF_MEASURED)
        return c->state == CHECK_FAILED ? 1 : 0;
    double value = c->estimate.value.value, limit = c->rule->threshold.limit;
    if (threshold_is_minimum(&c->rule->threshold))
        return value > 0 ? limit / value : 1;
    return limit > 0 ? value / limit : 1;
}

static const char *times_text(const struct sink *s, double value)
{
    return arena_printf(s->arena, value >= 10 ? "%.0f" : "%.1f", value);
}

struct severity section_severity(const struct sink *s)
{
    const struct perf_document *d = s->d;
    const struct perf_figure errors = {.kind = FIGURE_ERRORS};
    double worst = 0;
    for (size_t i = 0; i < d->gate->nchecks; i++)
        worst = fmax(worst, excess(&d->gate->checks[i]));
    struct perf_value rate = figure_estimate(d->after, FIGURE_WHOLE, errors, s->arena).value;
    const struct perf_finding *f = d->after->nfindings > 0 ? &d->after->findings[0] : NULL;
    enum perf_severity found = f ? f->severity : PERF_SEVERITY_NOTE;
    if (rate.known == PERF_MEASURED && rate.value > 0.01)
        return (struct severity){
            false, PERF_HIGH,
            text_fill(d, s->arena, TEXT_SEV_WHY_ERRORS, say_unit(s, UNIT_SHARE, rate.value), NULL)};
    if (worst >= 2 || (worst >= 1.5 && found < PERF_HIGH))
        return (struct severity){
            false, worst >= 2 ? PERF_HIGH : PERF_MEDIUM,
            text_fill(d, s->arena, TEXT_SEV_WHY_FAR, times_text(s, worst), NULL)};
    if (found >= PERF_MEDIUM || (found == PERF_LOW && worst <= 0))
        return (struct severity){false, found,
                                 text_fill(d, s->arena, TEXT_SEV_WHY_FINDING,
                                           say(s, text_severity(found)), finding_title(s, f),
                                           NULL)};
    if (worst > 0)
        return (struct severity){false, PERF_MEDIUM, say(s, TEXT_SEV_WHY_MISSED)};
    return (struct severity){true, PERF_SEVERITY_NOTE, say(s, TEXT_SEV_WHY_NONE)};
}

/* ---- charts ---------------------------------------------------------------------------------- */

static struct chart_context section_chart(struct sink *s, struct strbuf *svg)
{
    return (struct chart_context){.d = s->d, .arena = s->arena, .out = svg, .serial = s->serial};
}

void section_draw(struct sink *s, void (*chart)(struct chart_context *), enum report_text title,
                  bool half)
{
    AUTO_STRBUF struct strbuf svg = {0};
    if (s->ops != &sink_html)
        return;
    strbuf_init(&svg, (size_t)1 << 20);
    struct chart_context c = section_chart(s, &svg);
    chart(&c);
    s->serial = c.serial;
    if (!svg.overflow)
        sink_chart(s, say(s, title), &svg, half);
}
