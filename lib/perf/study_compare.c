/* lib/perf/study_compare.c - see study_compare.h. */
#include "perf/study_compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is compared, the tested ones first. Percentiles beyond P95 need more requests than a round
 * has, and P50 follows the mean: testing them too would only cost power. */
static const enum figure_kind COMPARED[] = {FIGURE_P95,  FIGURE_MEAN,   FIGURE_DATABASE,
                                            FIGURE_RPS,  FIGURE_ERRORS, FIGURE_CALLS,
                                            FIGURE_ROWS, FIGURE_BLOCKS, FIGURE_WAL};
#define NCOMPARED (sizeof COMPARED / sizeof COMPARED[0])

const char *change_verdict_name(enum change_verdict v)
{
    static const char *const names[] = {"not_compared", "same", "improved", "inconclusive",
                                        "worse"};
    return names[v];
}

void study_compare_rule_default(struct study_compare_rule *rule)
{
    *rule = (struct study_compare_rule){
        .alpha = 0.05,
        .min_change = 0.1,
        .noise_factor = 3,
        .floors = {[FIGURE_P95] = 2,
                   [FIGURE_MEAN] = 2,
                   [FIGURE_DATABASE] = 1,
                   [FIGURE_RPS] = 1,
                   [FIGURE_ERRORS] = 0.001,
                   [FIGURE_CALLS] = 0.05,
                   [FIGURE_ROWS] = 0.5,
                   [FIGURE_BLOCKS] = 5,
                   [FIGURE_WAL] = 256},
        /* Blocks move with a page split, WAL with the full pages after a checkpoint. */
        .tolerances = {[FIGURE_CALLS] = 0.01,
                       [FIGURE_ROWS] = 0.02,
                       [FIGURE_BLOCKS] = 0.1,
                       [FIGURE_WAL] = 0.25},
    };
}

static double oriented(enum figure_kind kind, double difference)
{
    return figure_more_is_better(kind) ? -difference : difference; /* above 0: worse */
}

/* ---- counters -------------------------------------------------------------------------------- */

static double range_of(const double *values, size_t n)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    return n > 0 ? high - low : 0;
}

static void judge_counter(struct study_change *c, const struct study_compare_rule *rule,
                          const double *rounds, size_t n)
{
    double difference = c->after - c->before;
    c->limit = fmax(rule->floors[c->figure], rule->tolerances[c->figure] * c->before);
    c->limit = fmax(c->limit, range_of(rounds, n));
    if (fabs(difference) <= c->limit)
        c->verdict = CHANGE_SAME;
    else
        c->verdict = difference > 0 ? CHANGE_WORSE : CHANGE_IMPROVED;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Share of the pairs in which the change goes the way the medians say. */
static double superiority(const struct mann_whitney *test, size_t na, size_t nb)
{
    double share = test->u / ((double)na * (double)nb);
    return fmax(share, 1 - share);
}

static void measure(struct study_change *c, const double *a, const double *b, double *ret_share)
{
    struct mann_whitney test;
    *ret_share = 0.5;
    c->noise = statistics_noise(a, c->rounds_before);
    if (c->rounds_before < STATISTICS_MIN || c->rounds_after < STATISTICS_MIN) {
        c->why = "a test needs at least 4 rounds a side";
        return;
    }
    statistics_mann_whitney(a, c->rounds_before, b, c->rounds_after, &test);
    statistics_shift(a, c->rounds_before, b, c->rounds_after, &c->shift);
    *ret_share = superiority(&test, c->rounds_before, c->rounds_after);
    c->tested = true;
    c->p = test.p;
}

/* Rounds a side until the interval, which shrinks with their root, fits under the limit. */
static size_t rounds_to_exclude(const struct study_change *c, double worst, double estimate)
{
    double n = (double)(c->rounds_before < c->rounds_after ? c->rounds_before : c->rounds_after);
    double room = c->limit - estimate, half = worst - estimate;
    double needed = room > 0 ? ceil(n * (half / room) * (half / room)) : STATISTICS_MAX;
    return (size_t)fmin(fmax(needed, n + 1), STATISTICS_MAX);
}

static void judge_tested(struct study_change *c, const struct study_compare_rule *rule,
                         double share, size_t tests)
{
    double shift = oriented(c->figure, c->shift.estimate);
    double worst = fmax(oriented(c->figure, c->shift.low), oriented(c->figure, c->shift.high));
    bool large = fabs(shift) > c->limit;
    bool established = c->p < rule->alpha;
    if (large && established)
        c->verdict = shift > 0 ? CHANGE_WORSE : CHANGE_IMPROVED;
    else if (shift <= 0 || (c->shift.has_interval && worst <= c->limit))
        c->verdict = CHANGE_SAME;
    else
        c->verdict = CHANGE_INCONCLUSIVE;
    if (c->verdict != CHANGE_INCONCLUSIVE)
        return;
    size_t now = c->rounds_before < c->rounds_after ? c->rounds_before : c->rounds_after;
    size_t needed =
        large ? statistics_needs(share, rule->alpha, tests) : rounds_to_exclude(c, worst, shift);
    c->rounds_needed = needed > now ? needed : now + 1;
}

/* Without a test a change for the worse beyond the limit stays open. */
static void judge_untested(struct study_change *c, const struct study_compare_rule *rule,
                           size_t tests)
{
    bool large = oriented(c->figure, c->after - c->before) > c->limit;
    c->verdict = large ? CHANGE_INCONCLUSIVE : CHANGE_NOT_COMPARED;
    if (large && c->rounds_before + c->rounds_after > 0)
        c->rounds_needed = statistics_needs(1, rule->alpha, tests);
    if (c->why == NULL)
        c->why = "there are no rounds to test";
}

/* ---- one change ------------------------------------------------------------------------------ */

struct sides {
    const struct perf_study *before, *after;
    const struct study_compare_rule *rule;
    struct arena *arena;
};

static struct study_change change_begin(const struct sides *s, size_t was, size_t is,
                                        enum figure_kind kind)
{
    return (struct study_change){.before_endpoint = was,
                                 .endpoint = is,
                                 .figure = kind,
                                 .counter = figure_is_counter(kind),
                                 .noise = 0,
                                 .limit = s->rule->floors[kind]};
}

/* The figures of the runs; false when one is not measured. */
static bool change_figures(const struct sides *s, struct study_change *c)
{
    const struct perf_figure f = {.kind = c->figure};
    struct perf_estimate was = figure_estimate(s->before, c->before_endpoint, f, s->arena);
    struct perf_estimate is = figure_estimate(s->after, c->endpoint, f, s->arena);
    bool first = was.value.known != PERF_MEASURED;
    if (first || is.value.known != PERF_MEASURED) {
        const char *why = first ? was.value.why : is.value.why;
        why = why != NULL ? why : "no figure";
        c->why = first ? arena_printf(s->arena, "not measured before: %s", why)
                       : arena_printf(s->arena, "not measured after: %s", why);
        return false;
    }
    c->before = was.value.value;
    c->after = is.value.value;
    return true;
}

static bool change_values(const struct sides *s, struct study_change *c, const double *a,
                          const double *b)
{
    bool have_rounds = c->rounds_before > 0 && c->rounds_after > 0;
    bool whole = c->endpoint == FIGURE_WHOLE && s->after->nendpoints > 1;
    if (c->endpoint == FIGURE_WHOLE && c->figure == FIGURE_RPS &&
        (s->before->nsteps > 0) != (s->after->nsteps > 0)) {
        c->why = "capacity was searched on one side only";
        return false;
    }
    if ((whole || !have_rounds) && !change_figures(s, c)) {
        if (!have_rounds)
            return false;
        whole = false;
    }
    if (have_rounds && !whole) {
        c->before = statistics_median(a, c->rounds_before);
        c->after = statistics_median(b, c->rounds_after);
        c->why = NULL;
    }
    c->scaled = have_rounds && whole;
    c->relative = c->before > 0 ? (c->after - c->before) / c->before : 0;
    return true;
}

/* The rounds' shift in the measure of the figures that are shown. */
static void change_scale(struct study_change *c, const double *a)
{
    double median = statistics_median(a, c->rounds_before);
    double scale = median > 0 ? c->before / median : 1;
    c->shift.estimate = c->after - c->before;
    c->shift.low *= scale;
    c->shift.high *= scale;
}

/* Returns the share that judge_tested wants. */
static double change_measure(const struct sides *s, struct study_change *c)
{
    double a[PERF_ROUNDS_MAX], b[PERF_ROUNDS_MAX], share = 0.5;
    c->rounds_before = figure_rounds(s->before, c->before_endpoint, c->figure, a);
    c->rounds_after = figure_rounds(s->after, c->endpoint, c->figure, b);
    if (!change_values(s, c, a, b))
        return share;
    if (c->counter) {
        judge_counter(c, s->rule, a, c->rounds_before);
        return share;
    }
    if (s->before->voided || s->after->voided) {
        c->why = "the load generator could not keep up: times say nothing";
        return share;
    }
    if (c->endpoint == FIGURE_WHOLE && c->figure == FIGURE_RPS && s->after->nsteps > 0)
        c->why = "capacity is searched once, not in rounds";
    else
        measure(c, a, b, &share);
    if (c->tested && c->scaled)
        change_scale(c, a);
    c->limit = fmax(s->rule->floors[c->figure],
                    fmax(s->rule->min_change, s->rule->noise_factor * c->noise) * c->before);
    return share;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Which endpoint of before each of after is; FIGURE_WHOLE: none. */
static size_t *pair_endpoints(const struct sides *s, struct study_comparison *ret)
{
    size_t *pairs = arena_array(s->arena, s->after->nendpoints + 1, sizeof *pairs);
    size_t met = 0;
    for (size_t i = 0; i < s->after->nendpoints; i++) {
        pairs[i] = study_find_endpoint(s->before, s->after->endpoints[i].name);
        met += pairs[i] != FIGURE_WHOLE;
    }
    ret->added = s->after->nendpoints - met;
    ret->removed = s->before->nendpoints > met ? s->before->nendpoints - met : 0;
    return pairs;
}

/* Holm over the endpoints of one figure. changes: those of a figure stand `NCOMPARED` apart. */
static void adjust(const struct sides *s, struct study_change *changes, const double *shares,
                   size_t endpoints, size_t figure)
{
    double *p = arena_array(s->arena, endpoints + 1, sizeof *p);
    size_t tests = 0;
    for (size_t i = 0; i < endpoints; i++) {
        const struct study_change *c = &changes[i * NCOMPARED + figure];
        p[i] = c->tested ? c->p : -1;
        tests += c->tested;
    }
    statistics_holm(p, endpoints);
    for (size_t i = 0; i < endpoints; i++) {
        struct study_change *c = &changes[i * NCOMPARED + figure];
        if (c->tested) {
            c->p = p[i];
            judge_tested(c, s->rule, shares[i * NCOMPARED + figure], tests);
        } else if (!c->counter && c->limit > 0 && (c->before > 0 || c->after > 0) &&
                   !s->before->voided && !s->after->voided) {
            judge_untested(c, s->rule, endpoints);
        }
    }
}

static enum change_verdict worst_of(const struct study_comparison *c)
{
    enum change_verdict worst = CHANGE_NOT_COMPARED;
    for (size_t i = 0; i < c->nchanges; i++)
        if (c->changes[i].verdict > worst)
            worst = c->changes[i].verdict;
    return worst;
}

void study_compare(const struct perf_study *before, const struct perf_study *after,
                   const struct study_compare_rule *rule, struct arena *arena,
                   struct study_comparison *ret)
{
    const struct sides s = {before, after, rule, arena};
    *ret = (struct study_comparison){.rule = *rule};
    size_t *pairs = pair_endpoints(&s, ret);
    size_t most = (after->nendpoints + 1) * NCOMPARED, n = 0;
    struct study_change *changes = arena_array(arena, most, sizeof *changes);
    double *shares = arena_array(arena, most, sizeof *shares);
    for (size_t row = 0; row <= after->nendpoints; row++) {
        size_t is = row == 0 ? FIGURE_WHOLE : row - 1;
        size_t was = row == 0 ? FIGURE_WHOLE : pairs[row - 1];
        if (row > 0 && was == FIGURE_WHOLE)
            continue;
        for (size_t f = 0; f < NCOMPARED; f++, n++) {
            changes[n] = change_begin(&s, was, is, COMPARED[f]);
            if (row == 0 && ret->added + ret->removed > 0)
                changes[n].why = "not the same endpoints were driven before";
            else
                shares[n] = change_measure(&s, &changes[n]);
        }
    }
    for (size_t f = 0; f < NCOMPARED; f++) { /* the whole is one test of its own */
        adjust(&s, changes, shares, 1, f);
        adjust(&s, changes + NCOMPARED, shares + NCOMPARED, n / NCOMPARED - 1, f);
    }
    ret->changes = changes;
    ret->nchanges = n;
    ret->verdict = worst_of(ret);
    for (size_t i = 0; i < n; i++)
        if (changes[i].rounds_needed > ret->rounds_needed)
            ret->rounds_needed = changes[i].rounds_needed;
}

/* ---- were both loaded alike? ----------------------------------------------------------------- */

static int differ(const char *endpoint, const char *what, const char *was, const char *is,
                  struct error *err)
{
    error_set(err, ERR_USAGE,
              "%s: the baseline was measured with %s %s, this run has %s: they cannot be compared",
              endpoint, what, was, is);
    return error_hint(err, "load both in the same way, or measure a new baseline");
}

static int check_number(const char *endpoint, const char *what, int64_t was, int64_t is,
                        struct error *err)
{
    char a[24], b[24];
    if (was <= 0 || is <= 0 || was == is)
        return 0;
    snprintf(a, sizeof a, "%lld", (long long)was);
    snprintf(b, sizeof b, "%lld", (long long)is);
    return differ(endpoint, what, a, b, err);
}

static int check_profiles(const char *endpoint, const struct perf_result *was,
                          const struct perf_result *is, struct error *err)
{
    if (was == NULL || is == NULL || was->profile.model == PERF_MODEL_UNKNOWN ||
        is->profile.model == PERF_MODEL_UNKNOWN)
        return 0;
    const struct perf_profile *a = &was->profile, *b = &is->profile;
    if (a->model != b->model)
        return differ(endpoint, "the load model", perf_model_name(a->model),
                      perf_model_name(b->model), err);
    if (a->model == PERF_MODEL_OPEN)
        return check_number(endpoint, "a rate of", a->rate_per_s, b->rate_per_s, err);
    return check_number(endpoint, "connections", a->connections, b->connections, err);
}

int study_loads_check(const struct perf_study *before, const struct perf_study *after,
                      struct error *err)
{
    size_t met = 0;
    for (size_t i = 0; i < after->nendpoints; i++) {
        const struct perf_endpoint *e = &after->endpoints[i];
        size_t was = study_find_endpoint(before, e->name);
        if (was == FIGURE_WHOLE)
            continue;
        TRY(check_profiles(e->name, before->endpoints[was].result, e->result, err));
        met++;
    }
    if (met > 0 || after->nendpoints == 0 || before->nendpoints == 0)
        return 0;
    error_set(err, ERR_USAGE, "the baseline has none of these endpoints: %s is not %s",
              before->endpoints[0].name, after->endpoints[0].name);
    return error_hint(err, "endpoints are met by their names: 'name' of a perf.yaml keeps one");
}

const struct study_change *study_change_of(const struct study_comparison *c, size_t endpoint,
                                           enum figure_kind figure)
{
    for (size_t i = 0; c != NULL && i < c->nchanges; i++)
        if (c->changes[i].endpoint == endpoint && c->changes[i].figure == figure)
            return &c->changes[i];
    return NULL;
}
