/* lib/perf/inputs_k6.c - k6's summary: the data of handleSummary() as JSON (values under
 * "values"), or --summary-export (values directly in the metric). Trends are in milliseconds. */
#include "format/jsonx.h"
#include "perf/inputs_internal.h"

#include <math.h>

static const struct jsonx *values_of(const struct jsonx *metrics, const char *name)
{
    const struct jsonx *metric = jsonx_get(metrics, name);
    const struct jsonx *values = jsonx_get(metric, "values");
    return values != NULL ? values : metric;
}

/* A finite number from 0 to 1e15 under key. Absent is false and no error. */
static int read_number(struct input *in, const struct jsonx *values, const char *key, double *ret,
                       bool *ret_has, struct error *err)
{
    const struct jsonx *node = jsonx_get(values, key);
    double value = 0;
    *ret_has = false;
    if (node == NULL || jsonx_kind_of(node) == JSONX_NULL)
        return 0;
    if (!jsonx_real(node, &value) || !(value >= 0 && value <= 1e15)) {
        input_seek_key(in, key);
        return input_error(in, err, "'%s' is not a number of a k6 summary", key);
    }
    *ret = value;
    *ret_has = true;
    return 0;
}

static int require_number(struct input *in, const struct jsonx *metrics, const char *metric,
                          const char *key, double *ret, struct error *err)
{
    bool has;
    TRY(read_number(in, values_of(metrics, metric), key, ret, &has, err));
    if (has)
        return 0;
    input_seek_key(in, metric);
    return input_error(in, err, "the k6 summary has no '%s' of '%s'", key, metric);
}

static int read_trend(struct input *in, const struct jsonx *metrics, uint64_t requests,
                      struct perf_result *r, struct error *err)
{
    static const char *const keys[PERF_PERCENTILES] = {"med",   "p(75)", "p(90)",
                                                       "p(95)", "p(99)", "p(99.9)"};
    /* Only answers that were expected, as far as k6 tells them apart: a failure is fast. */
    const struct jsonx *trend = values_of(metrics, "http_req_duration{expected_response:true}");
    double value = 0;
    bool has;
    if (trend == NULL) {
        trend = values_of(metrics, "http_req_duration");
        perf_note(r, in->arena, "k6's latencies include failed answers here");
    }
    for (size_t i = 0; i < PERF_PERCENTILES; i++) {
        TRY(read_number(in, trend, keys[i], &value, &has, err));
        if (has)
            r->percentiles[i] =
                perf_supported(perf_measured(value), perf_percentiles[i], requests, in->arena);
    }
    TRY(read_number(in, trend, "avg", &value, &has, err));
    if (has)
        r->mean = perf_measured(value);
    TRY(read_number(in, trend, "max", &value, &has, err));
    if (has)
        r->max = perf_measured(value);
    return 0;
}

/* http_req_failed is a rate of failures: its "passes" are the requests that failed. */
static int read_failures(struct input *in, const struct jsonx *metrics, double requests,
                         struct perf_result *r, struct error *err)
{
    double failed = 0;
    bool has;
    TRY(read_number(in, values_of(metrics, "http_req_failed"), "passes", &failed, &has, err));
    if (!has) {
        r->error_rate = perf_unknown("the k6 summary has no http_req_failed");
        r->outcomes[LOADGEN_OK] = (uint64_t)requests;
        return 0;
    }
    if (failed > requests) {
        input_seek_key(in, "http_req_failed");
        return input_error(in, err, "more failed requests than requests");
    }
    r->outcomes[LOADGEN_STATUS] = (uint64_t)failed;
    r->outcomes[LOADGEN_OK] = (uint64_t)requests - (uint64_t)failed;
    perf_result_rate_errors(r);
    if (failed > 0)
        perf_note(r, in->arena, "k6 does not tell 429 (rate limit) from other failures");
    return 0;
}

static int read_duration(struct input *in, const struct jsonx *doc, const struct jsonx *metrics,
                         double requests, double *ret_s, struct error *err)
{
    double ms = 0, rate = 0;
    bool has;
    TRY(read_number(in, jsonx_get(doc, "state"), "testRunDurationMs", &ms, &has, err));
    if (has && ms > 0) {
        *ret_s = ms / 1000;
        return 0;
    }
    TRY(require_number(in, metrics, "http_reqs", "rate", &rate, err));
    if (rate <= 0) {
        input_seek_key(in, "http_reqs");
        return input_error(in, err, "the rate of http_reqs is 0: no request was made");
    }
    *ret_s = requests / rate;
    return 0;
}

int input_parse_k6(struct input *in, const struct jsonx *doc, struct perf_result *ret,
                   struct error *err)
{
    const struct jsonx *metrics = jsonx_get(doc, "metrics");
    double requests = 0, seconds = 0, extra = 0;
    bool has;
    struct perf_result r;
    perf_result_init(&r, in->arena, "k6");
    TRY(require_number(in, metrics, "http_reqs", "count", &requests, err));
    requests = floor(requests);
    TRY(require_number(in, metrics, "http_req_duration", "avg", &extra, err));
    TRY(read_duration(in, doc, metrics, requests, &seconds, err));
    TRY(read_failures(in, metrics, requests, &r, err));
    TRY(read_trend(in, metrics, r.outcomes[LOADGEN_OK], &r, err));
    r.profile.duration_s = seconds;
    r.sent = (uint64_t)requests;
    r.rps = perf_measured((double)r.outcomes[LOADGEN_OK] / seconds);
    TRY(read_number(in, values_of(metrics, "vus_max"), "max", &extra, &has, err));
    if (has && extra <= INT32_MAX)
        r.profile.connections = (int64_t)extra;
    TRY(read_number(in, values_of(metrics, "dropped_iterations"), "count", &extra, &has, err));
    if (has && extra > 0)
        perf_note(&r, in->arena,
                  "k6 dropped %.0f iterations because all its users were busy: "
                  "their waiting is missing in the latencies",
                  extra);
    *ret = r;
    return 0;
}
