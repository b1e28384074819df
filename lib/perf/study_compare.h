/* lib/perf/study_compare.h - one study beside another, so that noise is not called a change.
 *
 * Times, rates and errors: the samples are the rounds of an endpoint (requests of one run follow
 * each other, so they are no samples). It is worse when all three hold: a Mann-Whitney U test over
 * the rounds gives p < alpha, Holm-adjusted over the endpoints of that figure; the median shift is
 * above max(min_change, noise_factor x what the baseline's rounds differ from themselves) of the
 * baseline; and above the figure's floor. It is the same when the shift's 95 % interval lies within
 * that limit: then a larger change for the worse is excluded. Else it is inconclusive, and
 * `rounds_needed` says how many rounds a side would decide it.
 *
 * What a request costs the database (statements, rows, blocks, WAL) does not depend on the speed of
 * the machine: no test, but a tolerance: max(share, absolute figure, what the baseline's own rounds
 * span).
 *
 * The whole of several endpoints is judged by rounds too: the weighted mean of their i-th rounds.
 * Its figures are those of the mixed run (figure.h); its rate is that of the search for capacity,
 * which is made once and so not tested. */
#ifndef DINER_PERF_STUDY_COMPARE_H
#define DINER_PERF_STUDY_COMPARE_H

#include "perf/figure.h"
#include "perf/statistics.h"

enum change_verdict {
    CHANGE_NOT_COMPARED,
    CHANGE_SAME,
    CHANGE_IMPROVED,
    CHANGE_INCONCLUSIVE,
    CHANGE_WORSE,
};
const char *change_verdict_name(enum change_verdict v); /* "inconclusive" */

struct study_compare_rule {
    double alpha;        /* 0.05 */
    double min_change;   /* 0.1 */
    double noise_factor; /* 3 */
    /* Of figures with a test: the floor. Of counters: the tolerance, absolute and as a share. */
    double floors[FIGURES], tolerances[FIGURES];
};
void study_compare_rule_default(struct study_compare_rule *rule);

struct study_change {
    size_t before_endpoint, endpoint; /* FIGURE_WHOLE: the API as a whole */
    enum figure_kind figure;
    enum change_verdict verdict;
    /* Of an endpoint the medians of its rounds; of the whole, and without rounds, the figures. */
    double before, after;
    double relative; /* (after - before) / before; 0 when before is 0 */
    double limit;    /* the absolute change that counts */
    double noise;    /* relative */
    bool counter;    /* compared exactly */
    bool tested;
    double p; /* adjusted */
    size_t rounds_before, rounds_after;
    struct shift shift;   /* of the rounds, absolute */
    bool scaled;          /* of the whole: the rounds' shift, scaled to the figures; judges only */
    size_t rounds_needed; /* of INCONCLUSIVE: a side; STATISTICS_MAX: more than that */
    const char *why;      /* of NOT_COMPARED and of what was not tested */
};
struct study_comparison {
    struct study_compare_rule rule;
    struct study_change *changes; /* the whole first, then by endpoint of `after` */
    size_t nchanges;
    enum change_verdict verdict; /* the worst; improved when one is and none is worse or open */
    size_t rounds_needed;        /* the most of the inconclusive */
    size_t added, removed;       /* endpoints that only one side has */
};
/* Endpoints meet by name. All strings and arrays live in the arena. */
void study_compare(const struct perf_study *before, const struct perf_study *after,
                   const struct study_compare_rule *rule, struct arena *arena,
                   struct study_comparison *ret);
/* ERR_USAGE when an endpoint was loaded differently on both sides as far as both are known (model,
 * rate, connections of the closed model), or when no endpoint is on both: their difference would
 * say nothing about the server. */
int study_loads_check(const struct perf_study *before, const struct perf_study *after,
                      struct error *err);
/* The change of a figure; NULL when there is none (comparison may be NULL). */
const struct study_change *study_change_of(const struct study_comparison *c, size_t endpoint,
                                           enum figure_kind figure);

#endif
