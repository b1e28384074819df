/* lib/perf/record.c - see record.h. */
#include "perf/record.h"

#include <stdlib.h>

struct recorder {
    double window_s, slice_s;
    size_t slices, current;
    struct histogram *response, *service, *slice;
    uint64_t outcomes[LOADGEN_OUTCOMES];
    uint64_t ok_in_window;
    struct perf_sample samples[PERF_SLICES_MAX];
};

size_t recorder_slices(double window_s, double *ret_slice_s)
{
    double whole = window_s;
    size_t slices = whole < PERF_SLICES_MIN   ? PERF_SLICES_MIN
                    : whole > PERF_SLICES_MAX ? PERF_SLICES_MAX
                                              : (size_t)whole;
    *ret_slice_s = window_s / (double)slices;
    return slices;
}

struct recorder *recorder_new(double window_s)
{
    struct recorder *r = mem_alloc(sizeof *r);
    r->window_s = window_s;
    r->slices = recorder_slices(window_s, &r->slice_s);
    r->response = histogram_new();
    r->service = histogram_new();
    r->slice = histogram_new();
    for (size_t i = 0; i < PERF_SLICES_MAX; i++)
        r->samples[i] = (struct perf_sample){.p50_ms = -1, .p95_ms = -1, .database_ms = -1};
    return r;
}

void recorder_free(struct recorder *r)
{
    if (r == NULL)
        return;
    histogram_free(r->response);
    histogram_free(r->service);
    histogram_free(r->slice);
    free(r);
}

static double ms(int64_t us)
{
    return (double)us / 1000;
}

static void slice_close(struct recorder *r)
{
    struct perf_sample *s = &r->samples[r->current];
    s->seconds = r->slice_s;
    if (histogram_count(r->slice) > 0) {
        s->p50_ms = ms(histogram_percentile(r->slice, 50));
        s->p95_ms = ms(histogram_percentile(r->slice, 95));
    }
    histogram_clear(r->slice);
}

static void slice_move_to(struct recorder *r, double done_s)
{
    while (r->current + 1 < r->slices && done_s >= r->slice_s * (double)(r->current + 1)) {
        slice_close(r);
        r->current++;
    }
}

void recorder_add(struct recorder *r, double done_s, int64_t response_us, int64_t service_us,
                  enum loadgen_outcome outcome)
{
    slice_move_to(r, done_s);
    struct perf_sample *s = &r->samples[r->current];
    bool ok = outcome == LOADGEN_OK;
    r->outcomes[outcome]++;
    s->requests++;
    s->errors += !ok && outcome != LOADGEN_LIMITED;
    s->limited += outcome == LOADGEN_LIMITED;
    if (ok && done_s < r->window_s) {
        s->ok++;
        r->ok_in_window++;
    }
    if (ok || outcome == LOADGEN_TIMEOUT || outcome == LOADGEN_UNSENT) {
        histogram_record(r->response, response_us);
        histogram_record(r->slice, response_us);
    }
    if (ok || outcome == LOADGEN_TIMEOUT)
        histogram_record(r->service, service_us);
}

static void fill_percentiles(const struct histogram *h, const char *none, struct perf_value *ret,
                             struct arena *arena)
{
    for (size_t i = 0; i < PERF_PERCENTILES; i++) {
        struct perf_value v = perf_measured(ms(histogram_percentile(h, perf_percentiles[i])));
        ret[i] = histogram_count(h) == 0
                     ? perf_unknown(none)
                     : perf_supported(v, perf_percentiles[i], histogram_count(h), arena);
    }
}

void recorder_finish(struct recorder *r, double elapsed_s, struct arena *arena,
                     struct perf_result *ret)
{
    const char *none = "no request succeeded";
    slice_move_to(r, elapsed_s);
    slice_close(r);
    ret->nsamples = 0;
    for (size_t i = 0; i < r->slices; i++)
        if (elapsed_s >= r->slice_s * (double)(i + 1) * 0.999)
            ret->samples[ret->nsamples++] = r->samples[i];
    memcpy(ret->outcomes, r->outcomes, sizeof ret->outcomes);
    perf_result_rate_errors(ret);
    fill_percentiles(r->response, none, ret->percentiles, arena);
    fill_percentiles(r->service, none, ret->service, arena);
    bool any = histogram_count(r->response) > 0;
    ret->mean = any ? perf_measured(histogram_mean(r->response) / 1000) : perf_unknown(none);
    ret->max = any ? perf_measured(ms(histogram_max(r->response))) : perf_unknown(none);
    ret->rps = elapsed_s > 0 && perf_requests(ret) > 0
                   ? perf_measured((double)r->ok_in_window / elapsed_s)
                   : perf_unknown("no request was finished");
    histogram_free(ret->latencies);
    ret->latencies = r->response;
    r->response = histogram_new();
}
