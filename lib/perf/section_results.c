/* lib/perf/section_results.c - 5: gains, cost and what they are worth; 6: lessons. */
#include "perf/section.h"

#include "perf/quantity.h"
#include "perf/roi.h"

#include <math.h>

static const char *count_text(const struct sink *s, size_t n)
{
    return arena_printf(s->arena, "%zu", n);
}

/* ---- gains ----------------------------------------------------------------------------------- */

static bool is_gain(const struct perf_document *d, const struct study_change *c)
{
    bool single = d->after->nendpoints == 1; /* the whole is the endpoint */
    return (c->verdict == CHANGE_IMPROVED || c->verdict == CHANGE_WORSE) &&
           !(single && c->endpoint != FIGURE_WHOLE);
}

static void add_gain(struct sink *s, const struct study_change *c)
{
    enum figure_unit unit = figure_unit(c->figure);
    const struct sink_cell cells[] = {
        {.text = say_endpoint(s, c->endpoint)},
        {.text = say(s, text_figure(c->figure))},
        {.text = say_unit(s, unit, c->before), .sort = sort_key(s, c->before)},
        {.text = say_unit(s, unit, c->after), .sort = sort_key(s, c->after)},
        {.text = say_change(s, c), .sort = sort_key(s, c->relative), .tone = tone_of_change(c)},
    };
    sink_row(s, cells, NULL);
}

#define GAINS_MAX 14

static void add_measured_gains(struct sink *s)
{
    const struct study_comparison *c = s->d->comparison;
    const struct sink_column columns[] = {{say(s, TEXT_ENDPOINT), false},
                                          {say(s, TEXT_METRIC), false},
                                          {say(s, TEXT_BEFORE), true},
                                          {say(s, TEXT_AFTER), true},
                                          {say(s, TEXT_IMPROVEMENT), true}};
    size_t all = 0, shown = 0;
    for (size_t i = 0; c != NULL && i < c->nchanges; i++)
        all += is_gain(s->d, &c->changes[i]);
    if (all == 0) {
        sink_paragraph(s, say(s, TEXT_R_NONE_MEASURED));
        return;
    }
    sink_paragraph(s, say(s, TEXT_R_MEASURED));
    sink_table_begin(s, NULL, columns, 5);
    for (size_t i = 0; i < c->nchanges && shown < GAINS_MAX; i++)
        if (is_gain(s->d, &c->changes[i])) {
            add_gain(s, &c->changes[i]);
            shown++;
        }
    sink_table_end(s);
    if (all > shown)
        sink_note(s, text_fill(s->d, s->arena, TEXT_R_MORE, count_text(s, all - shown), NULL));
}

static void add_expected_gains(struct sink *s)
{
    size_t shown = 0;
    for (size_t i = 0; i < s->d->after->nfindings; i++) {
        const struct perf_finding *f = &s->d->after->findings[i];
        if (!(f->gain_ms_per_request > 0))
            continue;
        if (shown++ == 0) {
            sink_paragraph(s, say(s, TEXT_R_NO_BEFORE));
            sink_list_begin(s, false);
        }
        sink_item(s,
                  text_fill(s->d, s->arena, TEXT_R_EXPECTED, finding_title(s, f),
                            say_unit(s, UNIT_MS, f->gain_ms_per_request), NULL),
                  finding_anchor(s, f));
    }
    if (shown > 0)
        sink_list_end(s);
    else
        sink_paragraph(s, say(s, TEXT_R_NOTHING));
}

static const char *change_p(const struct sink *s, const struct study_change *c)
{
    if (c->counter)
        return say(s, TEXT_EXACT);
    if (!c->tested)
        return say(s, TEXT_NOT_TESTED);
    return c->p < 0.001 ? "< 0.001" : arena_printf(s->arena, "%.3f", c->p);
}

static void add_change(struct sink *s, const struct study_change *c)
{
    enum figure_unit unit = figure_unit(c->figure);
    bool needs = c->rounds_needed > 0 && c->rounds_needed < STATISTICS_MAX;
    struct perf_estimate shift = {.value = perf_measured(c->shift.estimate),
                                  .has_interval = c->tested && c->shift.has_interval && !c->scaled,
                                  .low = c->shift.low,
                                  .high = c->shift.high};
    const struct sink_cell cells[] = {
        {.text = say_endpoint(s, c->endpoint)},
        {.text = say(s, text_figure(c->figure))},
        {.text = say_unit(s, unit, c->before), .sort = sort_key(s, c->before)},
        {.text = say_unit(s, unit, c->after), .sort = sort_key(s, c->after)},
        {.text = c->tested ? say_unit(s, unit, c->shift.estimate) : say_change(s, c),
         .note = say_interval(s, unit, &shift),
         .sort = sort_key(s, c->relative)},
        {.text = change_p(s, c)},
        {.text = arena_printf(s->arena, "%zu / %zu", c->rounds_before, c->rounds_after)},
        {.text = say(s, text_change(c->verdict)),
         .note =
             needs ? text_fill(s->d, s->arena, TEXT_V_ROUNDS, count_text(s, c->rounds_needed), NULL)
                   : NULL,
         .tone = tone_of_change(c)},
    };
    sink_row(s, cells, NULL);
}

#define CHANGES_MAX 120 /* beyond it, only what changed or is open */

/* Every change of the comparison, for who wants to see the figures. */
static void add_comparison(struct sink *s)
{
    const struct study_comparison *c = s->d->comparison;
    const struct sink_column columns[] = {
        {say(s, TEXT_ENDPOINT), false}, {say(s, TEXT_METRIC), false}, {say(s, TEXT_BEFORE), true},
        {say(s, TEXT_AFTER), true},     {say(s, TEXT_SHIFT), true},   {say(s, TEXT_P_VALUE), true},
        {say(s, TEXT_ROUNDS), true},    {say(s, TEXT_STATE), false}};
    size_t shown = 0, left = 0;
    if (c == NULL)
        return;
    sink_fold_begin(s, say(s, TEXT_COMPARISON));
    if (s->d->before_name != NULL)
        sink_note(s, text_fill(s->d, s->arena, TEXT_BASELINE_IS, s->d->before_name, NULL));
    sink_table_begin(s, NULL, columns, 8);
    for (size_t i = 0; i < c->nchanges; i++) {
        const struct study_change *x = &c->changes[i];
        if (x->verdict == CHANGE_NOT_COMPARED ||
            (s->d->after->nendpoints == 1 && x->endpoint == FIGURE_WHOLE))
            continue;
        if (x->verdict == CHANGE_SAME && c->nchanges > CHANGES_MAX) {
            left++;
        } else if (shown < 4 * CHANGES_MAX) {
            add_change(s, x);
            shown++;
        }
    }
    sink_table_end(s);
    if (left > 0)
        sink_note(s, text_fill(s->d, s->arena, TEXT_R_UNCHANGED, count_text(s, left), NULL));
    sink_fold_end(s);
}

/* ---- cost and worth -------------------------------------------------------------------------- */

static void add_cost(struct sink *s, const struct roi *r)
{
    sink_heading(s, 3, "5.2", NULL, say(s, TEXT_S5_COST));
    if (r->indexes == 0) {
        sink_paragraph(s, say(s, TEXT_R_NO_COST));
        return;
    }
    sink_list_begin(s, false);
    sink_item(
        s, text_fill(s->d, s->arena, TEXT_R_INDEX, say_unit(s, UNIT_BYTES, r->index_bytes), NULL),
        NULL);
    for (size_t i = 0; i < s->d->after->nfindings; i++) {
        const struct perf_finding *f = &s->d->after->findings[i];
        if (f->write_overhead > 0)
            sink_item(s,
                      text_fill(s->d, s->arena, TEXT_R_WRITE, finding_title(s, f),
                                say_unit(s, UNIT_SHARE, f->write_overhead), NULL),
                      finding_anchor(s, f));
    }
    sink_list_end(s);
}

static const char *money_text(const struct sink *s, double amount)
{
    return arena_printf(s->arena, "%s\xC2\xA0%s", say_unit(s, UNIT_COUNT, amount),
                        s->d->after->environment.currency);
}

static void add_money(struct sink *s, const struct roi *r)
{
    const struct perf_environment *e = &s->d->after->environment;
    if (!r->has_money) {
        sink_item(s, say(s, TEXT_R_NO_MONEY), NULL);
        return;
    }
    if (!(r->money_per_month > 0)) {
        sink_item(s, say(s, TEXT_R_NO_SAVING), NULL);
        return;
    }
    sink_item(s,
              text_fill(s->d, s->arena, TEXT_R_MONEY, say_unit(s, UNIT_SHARE, r->share),
                        money_text(s, e->cost_per_month), money_text(s, r->money_per_month), NULL),
              NULL);
    if (r->payback_months >= 0)
        sink_item(s,
                  text_fill(s->d, s->arena, TEXT_R_PAYBACK, money_text(s, s->d->effort_cost),
                            arena_printf(s->arena, "%.1f", r->payback_months), NULL),
                  NULL);
    else
        sink_item(
            s,
            text_fill(s->d, s->arena, TEXT_R_BREAKEVEN, money_text(s, r->break_even_effort), NULL),
            NULL);
}

static void add_roi(struct sink *s, const struct roi *r)
{
    sink_heading(s, 3, "5.3", "roi", say(s, TEXT_S5_ROI));
    if (!r->known) {
        sink_paragraph(s, say(s, TEXT_R_UNKNOWN));
        return;
    }
    bool added = r->seconds < 0;
    enum report_text text = r->per_day ? (added ? TEXT_R_MORE_DAY : TEXT_R_SAVED_DAY)
                                       : (added ? TEXT_R_MORE_MILLION : TEXT_R_SAVED_MILLION);
    if (!r->measured)
        sink_paragraph(s, say(s, TEXT_R_EXPECTED_NOTE));
    sink_list_begin(s, false);
    sink_item(s,
              text_fill(s->d, s->arena, text, say_duration(s, r->seconds),
                        say_unit(s, UNIT_COUNT, r->requests), NULL),
              NULL);
    add_money(s, r);
    sink_list_end(s);
}

void section_results(struct sink *s)
{
    struct roi r = roi_compute(s->d, s->arena);
    sink_heading(s, 2, "5", "results", say(s, TEXT_S5));
    sink_heading(s, 3, "5.1", "comparison", say(s, TEXT_S5_GAINS));
    if (s->d->before != NULL)
        add_measured_gains(s);
    else
        add_expected_gains(s);
    add_comparison(s);
    add_cost(s, &r);
    add_roi(s, &r);
}

/* ---- lessons --------------------------------------------------------------------------------- */

/* What a kind of finding teaches; the finding's title is the argument. */
static const struct lesson {
    const char *kind;
    enum report_text practice, caution;
} LESSONS[] = {
    {"missing_index", TEXT_L6_INDEX, TEXT_L6_INDEX_C},
    {"foreign_key_index", TEXT_NONE, TEXT_L6_INDEX_C},
    {"n_plus_one", TEXT_L6_N1, TEXT_NONE},
    {"missing_pagination", TEXT_L6_PAGE, TEXT_NONE},
    {"deep_offset", TEXT_L6_PAGE, TEXT_NONE},
    {"cacheable", TEXT_L6_CACHE, TEXT_L6_CACHE_C},
    {"chatty_writes", TEXT_L6_WRITES, TEXT_NONE},
    {"pool_bound", TEXT_L6_POOL, TEXT_NONE},
    {"serial_section", TEXT_L6_POOL, TEXT_NONE},
    {"long_transaction", TEXT_L6_TX, TEXT_NONE},
    {"idle_in_transaction", TEXT_L6_TX, TEXT_NONE},
    {"locks", TEXT_L6_TX, TEXT_NONE},
    {"unused_index", TEXT_NONE, TEXT_L6_DROP_C},
    {"duplicate_index", TEXT_NONE, TEXT_L6_DROP_C},
};
#define NLESSONS (sizeof LESSONS / sizeof LESSONS[0])

static const struct perf_finding *first_of(const struct perf_study *a, const char *kind)
{
    for (size_t i = 0; i < a->nfindings; i++)
        if (finding_is(&a->findings[i], kind))
            return &a->findings[i];
    return NULL;
}

static size_t add_lessons(struct sink *s, bool cautions)
{
    bool said[TEXT_COUNT] = {false};
    size_t n = 0;
    for (size_t i = 0; i < NLESSONS; i++) {
        enum report_text text = cautions ? LESSONS[i].caution : LESSONS[i].practice;
        const struct perf_finding *f = first_of(s->d->after, LESSONS[i].kind);
        if (f == NULL || text == TEXT_NONE || said[text])
            continue;
        said[text] = true;
        n++;
        sink_item(s, text_fill(s->d, s->arena, text, finding_title(s, f), NULL), NULL);
    }
    return n;
}

static double noise_of(const struct study_comparison *c)
{
    double most = 0;
    for (size_t i = 0; c != NULL && i < c->nchanges; i++)
        if (c->changes[i].figure == FIGURE_P95)
            most = fmax(most, c->changes[i].noise);
    return most;
}

static size_t add_cautions_of_the_run(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    size_t suspected = 0, planned = 0, n = 0;
    double noise = noise_of(s->d->comparison);
    uint64_t limited = section_outcomes(a, LOADGEN_LIMITED);
    for (size_t i = 0; i < a->nfindings; i++) {
        suspected += a->findings[i].proof <= PERF_PROOF_SUSPECTED;
        planned += a->findings[i].proof == PERF_PROOF_PLANNER;
    }
    if (planned > 0 && ++n)
        sink_item(s, say(s, TEXT_L6_PLANNER_C), NULL);
    if (suspected > 0 && ++n)
        sink_item(s, text_fill(s->d, s->arena, TEXT_L6_UNPROVED_C, count_text(s, suspected), NULL),
                  NULL);
    if (noise > 0.05 && ++n)
        sink_item(s,
                  text_fill(s->d, s->arena, TEXT_L6_NOISE_C, say_unit(s, UNIT_SHARE, noise), NULL),
                  NULL);
    if (a->voided && ++n)
        sink_item(s, say(s, TEXT_L6_VOID_C), NULL);
    if (limited > 0 && ++n)
        sink_item(s,
                  text_fill(s->d, s->arena, TEXT_L6_LIMITED_C,
                            say_unit(s, UNIT_COUNT, (double)limited), NULL),
                  NULL);
    return n;
}

void section_lessons(struct sink *s)
{
    sink_heading(s, 2, "6", "lessons", say(s, TEXT_S6));
    sink_heading(s, 3, "6.1", NULL, say(s, TEXT_S6_PRACTICE));
    sink_list_begin(s, false);
    if (add_lessons(s, false) == 0)
        sink_item(s, say(s, TEXT_L6_NONE), NULL);
    sink_list_end(s);
    sink_heading(s, 3, "6.2", NULL, say(s, TEXT_S6_CAUTION));
    sink_list_begin(s, false);
    size_t n = add_lessons(s, true);
    n += add_cautions_of_the_run(s);
    if (n == 0)
        sink_item(s, say(s, TEXT_L6_NONE), NULL);
    sink_list_end(s);
}
