/* lib/perf/result.h - what one run measured: the model between all that collects (load, snapshot,
 * files of other tools) and all that judges (compare, gate, report). Times in it are milliseconds,
 * shares are 0..1. What was not measured says so and why; there are no made-up figures.
 * Strings and arrays live in the arena the result was filled with. */
#ifndef DINER_PERF_RESULT_H
#define DINER_PERF_RESULT_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "net/loadgen.h"
#include "perf/histogram.h"
#include <stdbool.h>
#include <stdint.h>

#define PERF_SLICES_MAX 60
#define PERF_SLICES_MIN 10
#define PERF_NOTES_MAX  32

enum perf_known {
    PERF_UNKNOWN = 0, /* `why` says why */
    PERF_MEASURED,
    PERF_BETWEEN, /* known only to lie in low..high */
};
struct perf_value {
    enum perf_known known;
    double value, low, high;
    const char *why;
};
struct perf_value perf_measured(double value);
struct perf_value perf_between(double low, double high, const char *why);
struct perf_value perf_unknown(const char *why);

/* The percentiles kept, in rising order. */
enum { PERF_P50, PERF_P75, PERF_P90, PERF_P95, PERF_P99, PERF_P999, PERF_PERCENTILES };
extern const double perf_percentiles[PERF_PERCENTILES];
/* "p50_ms" ... "p99_9_ms" */
extern const char *const perf_percentile_keys[PERF_PERCENTILES];

enum perf_model { PERF_MODEL_UNKNOWN, PERF_MODEL_OPEN, PERF_MODEL_CLOSED };
const char *perf_model_name(enum perf_model model);

/* How the load was made. 0 and NULL: not known. */
struct perf_profile {
    const char *source; /* "diner", "wrk", "hey", "k6" */
    const char *method;
    const char *url; /* as reports show it: without query */
    enum perf_model model;
    int64_t rate_per_s, connections;
    double duration_s, warmup_s;
    int64_t started_us; /* wall clock */
};

/* One slice of the run: the samples that comparisons test. */
struct perf_sample {
    double seconds;
    uint64_t requests, ok, errors, limited;
    double p50_ms, p95_ms; /* below 0: no answer in this slice */
    double database_ms;    /* per request; below 0: not measured */
};

enum perf_database_method {
    PERF_DATABASE_NONE,
    PERF_DATABASE_STATEMENTS, /* pg_stat_statements */
    PERF_DATABASE_ACTIVITY,   /* pg_stat_database.active_time */
};
struct perf_database {
    enum perf_database_method method;
    const char *server; /* "15.20" */
    struct perf_value ms_per_request, ms_per_call, calls_per_request, rows_per_request;
    struct perf_value cache_hit; /* share of blocks found in shared buffers */
    struct perf_value commits_per_request, block_read_ms_per_request;
};

struct perf_result {
    struct perf_profile profile;
    uint64_t outcomes[LOADGEN_OUTCOMES]; /* of the measured part */
    uint64_t warmup_requests;
    uint64_t sent; /* all, warm-up included: what the database saw */
    bool interrupted, capped;
    struct perf_value percentiles[PERF_PERCENTILES], mean, max; /* response time */
    struct perf_value service[PERF_PERCENTILES];                /* from the sending */
    struct perf_value rps;                                      /* successful answers a second */
    struct perf_value error_rate;    /* share of failed requests; 429 is counted apart */
    struct perf_value cpu, loop_p99; /* the generator's own: share of a core; its lag in ms (open
                                      * model), else the length of its turns */
    struct perf_sample samples[PERF_SLICES_MAX];
    size_t nsamples;
    struct histogram *latencies; /* or NULL; owned, see perf_result_release */
    struct perf_database database;
    const char *notes[PERF_NOTES_MAX];
    size_t nnotes;
};
/* Everything "not measured". */
void perf_result_init(struct perf_result *r, struct arena *arena, const char *source);
void perf_result_release(struct perf_result *r);
void perf_note(struct perf_result *r, struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint64_t perf_requests(const struct perf_result *r); /* of the measured part, all outcomes */
uint64_t perf_errors(const struct perf_result *r);   /* without 429 */
/* Fills error_rate from the outcomes. */
void perf_result_rate_errors(struct perf_result *r);
/* A percentile that too few requests stand behind is not one: makes it unknown, with the reason. */
struct perf_value perf_supported(struct perf_value v, double percentile, uint64_t requests,
                                 struct arena *arena);

#endif
