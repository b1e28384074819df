/* lib/perf/statistics.h - the few statistics a comparison needs, deterministic (no resampling).
 *
 * Arrays are borrowed and not changed; NaN is not allowed in them. All sizes are capped at
 * STATISTICS_MAX samples, which callers keep. */
#ifndef DINER_PERF_STATISTICS_H
#define DINER_PERF_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_MAX 600
/* Below this many samples a side no two-sided test can reach p < 0.05 (3 and 3 give 0.1). */
#define STATISTICS_MIN 4

double statistics_median(const double *values, size_t n); /* n >= 1 */

struct mann_whitney {
    double u;   /* pairs in which b is greater than a, ties a half */
    double p;   /* two-sided */
    bool exact; /* enumerated; else the normal approximation with tie and continuity correction */
};
/* H. B. Mann, D. R. Whitney, 1947. Exact without ties and na + nb <= 40. na, nb >= 1. */
void statistics_mann_whitney(const double *a, size_t na, const double *b, size_t nb,
                             struct mann_whitney *ret);

struct shift {
    double estimate;   /* Hodges-Lehmann: the median of all differences b - a */
    double low, high;  /* its distribution-free confidence interval, at least 95 % */
    bool has_interval; /* false when there are too few samples for one */
};
void statistics_shift(const double *a, size_t na, const double *b, size_t nb, struct shift *ret);

/* A distribution-free 95 % interval of the median from order statistics; false below 6 values,
 * which cannot give one. */
bool statistics_median_interval(const double *values, size_t n, double *ret_low, double *ret_high);

/* Samples a side that a Mann-Whitney U test needs to establish, with a power of 80 %, that b
 * exceeds a in a share of the pairs (0..1); at least what any p below alpha / tests needs. G. E.
 * Noether, Sample size determination for some common nonparametric tests, JASA 82, 1987. */
size_t statistics_needs(double superiority, double alpha, size_t tests);

/* Relative difference of the medians of the odd and the even samples: what this series differs
 * from itself by. 0 with fewer than 4 samples. */
double statistics_noise(const double *values, size_t n);

/* Holm's step-down adjustment of n p-values, in place; values below 0 stand for "no test" and are
 * left out. */
void statistics_holm(double *p, size_t n);

/* Requests needed for a finite 95 % confidence interval of a percentile from order statistics
 * (P95 72, P99 368, P99.9 3,688): with fewer it is only one of the largest values. 0 < p < 100. */
uint64_t statistics_percentile_needs(double p);

#endif
