/* lib/perf/compare.h - before against after, so that noise is not called a change.
 *
 * The samples are the slices of the two runs. A metric has changed for sure when all three hold:
 * a Mann-Whitney U test over the slices gives p < alpha (Holm-adjusted over the metrics), the
 * relative change of the figure is above max(min_change, 3 x the noise of the baseline against
 * itself), and the absolute change is above a floor. A change of that size for the worse that the
 * test does not establish, or that cannot be tested for want of slices, is "worse"; one that it
 * does establish is "clearly worse", which alone fails a gate. Slices of one run follow each other
 * in time, so what differs from run to run (another machine, a cold cache) is not in the p-value:
 * min_change is what stands against that. */
#ifndef DINER_PERF_COMPARE_H
#define DINER_PERF_COMPARE_H

#include "perf/result.h"
#include "perf/statistics.h"

enum perf_metric {
    PERF_METRIC_P95,
    PERF_METRIC_DATABASE,
    PERF_METRIC_RPS,
    PERF_METRIC_ERRORS,
    PERF_METRICS
};
extern const char *const perf_metric_keys[PERF_METRICS]; /* "api_p95", ... */

enum perf_verdict { PERF_NOT_COMPARED, PERF_SAME, PERF_IMPROVED, PERF_WORSE, PERF_CLEARLY_WORSE };
const char *perf_verdict_name(enum perf_verdict v); /* "clearly_worse" */

struct compare_rule {
    double alpha;                /* 0.05 */
    double min_change;           /* 0.1: relative */
    double noise_factor;         /* 3 */
    double floors[PERF_METRICS]; /* absolute: 2 ms, 1 ms, 1/s, 0.001 */
};
void compare_rule_default(struct compare_rule *rule);

struct perf_change {
    enum perf_verdict verdict;
    bool measured; /* on both sides; else only `why` counts */
    double before, after;
    double relative;  /* (after - before) / before; 0 when before is 0 */
    double threshold; /* the relative change it had to exceed */
    double noise;
    bool tested;
    double p; /* adjusted */
    size_t slices_before, slices_after;
    struct shift shift; /* of the slices */
    const char *why;    /* of PERF_NOT_COMPARED, or why it was not tested; else NULL */
};
struct perf_comparison {
    struct compare_rule rule;
    struct perf_change changes[PERF_METRICS];
    enum perf_verdict verdict; /* the worst of them; improved when one is and none is worse */
};
void perf_compare(const struct perf_result *before, const struct perf_result *after,
                  const struct compare_rule *rule, struct arena *arena,
                  struct perf_comparison *ret);
/* The figure a metric is about. */
struct perf_value perf_metric_value(const struct perf_result *r, enum perf_metric metric);

/* ERR_USAGE when two runs were loaded differently as far as both are known (model, rate,
 * connections, method, path): their difference would say nothing about the server. */
int perf_profiles_check(const struct perf_profile *before, const struct perf_profile *after,
                        struct error *err);

#endif
