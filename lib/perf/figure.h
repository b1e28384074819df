/* lib/perf/figure.h - the figures that rules, comparisons and reports speak of, read from a study:
 * of one endpoint, or of the API as a whole.
 *
 * The whole is the mixed run where there is one, else the only endpoint, else the endpoints put
 * together by their weights: percentiles of the weighted mixture of their latencies, weighted means
 * of everything else. Its rate is the highest that the search for capacity reached. */
#ifndef DINER_PERF_FIGURE_H
#define DINER_PERF_FIGURE_H

#include "perf/study.h"

enum figure_kind {
    FIGURE_P95, /* the owner's four come first, in his order */
    FIGURE_DATABASE,
    FIGURE_RPS,
    FIGURE_ERRORS,
    FIGURE_MEAN,
    FIGURE_P50,
    FIGURE_P90,
    FIGURE_P99,
    FIGURE_PERCENTILE, /* any other: see perf_figure.percentile */
    FIGURE_MAX,
    FIGURE_COUNT,
    FIGURE_CALLS, /* from here on: of the database, per request, the same on any machine */
    FIGURE_ROWS,
    FIGURE_BLOCKS,
    FIGURE_TEMP,
    FIGURE_WAL,
    FIGURES
};
struct perf_figure {
    enum figure_kind kind;
    double percentile; /* of FIGURE_PERCENTILE */
};
enum figure_unit {
    UNIT_MS,
    UNIT_SHARE,
    UNIT_PER_S,
    UNIT_COUNT,
    UNIT_PER_REQUEST,
    UNIT_BLOCKS,
    UNIT_BYTES
};
enum figure_unit figure_unit(enum figure_kind kind);
bool figure_is_counter(enum figure_kind kind);     /* of the database, deterministic */
bool figure_more_is_better(enum figure_kind kind); /* the rate */
const char *figure_key(enum figure_kind kind); /* "p95", "db.calls_per_req": of rules and JSON */
/* p(95) as FIGURE_P95; p(97.5) as FIGURE_PERCENTILE. */
struct perf_figure figure_of_percentile(double percentile);

/* Figures of a whole API are asked for with this. */
#define FIGURE_WHOLE SIZE_MAX

struct perf_estimate {
    struct perf_value value;
    bool has_interval; /* a 95 % interval of the value: of the median of 6 rounds or more, else of
                        * a percentile by its ranks in the histogram */
    double low, high;
};
/* endpoint: an index, or FIGURE_WHOLE. */
struct perf_estimate figure_estimate(const struct perf_study *s, size_t endpoint,
                                     struct perf_figure figure, struct arena *arena);

/* The rounds' figures of an endpoint, or of the whole: the i-th rounds of all endpoints together,
 * by weight. Returns how many, at most PERF_ROUNDS_MAX; rounds without the figure are left out. */
#define PERF_ROUNDS_MAX 200
size_t figure_rounds(const struct perf_study *s, size_t endpoint, enum figure_kind kind,
                     double ret[PERF_ROUNDS_MAX]);

/* The endpoint of that name, or FIGURE_WHOLE. */
size_t study_find_endpoint(const struct perf_study *s, const char *name);
/* An endpoint's share of the requests, 0..1; by weight, equal when there are no weights. */
double study_weight(const struct perf_study *s, size_t endpoint);
/* The run that stands for the whole in charts: mixed, or that of the slowest endpoint; or NULL. */
const struct perf_result *study_main_result(const struct perf_study *s, size_t *ret_endpoint);

#endif
