/* lib/perf/inputs_wrk.c - what wrk and wrk2 print. */
#include "perf/inputs_internal.h"

#include <math.h>

#define WRK_PERCENTILES_MAX 32

struct wrk {
    uint64_t requests, non_2xx, connect, read, write, timeout;
    double seconds, mean_ms, max_ms;
    bool has_requests, has_latency, has_rate, corrected;
    size_t npercentiles;
    double percent[WRK_PERCENTILES_MAX], ms[WRK_PERCENTILES_MAX];
};

bool input_is_wrk(struct span text)
{
    return line_starts(text, "Running ") &&
           memmem(text.ptr, text.len < 4096 ? text.len : 4096, " test @ ", 8) != NULL;
}

/* "3.83ms", "67.00us", "1.20s", "2.00m", "1.00h" */
static bool wrk_time(struct span text, double *ret_ms, struct span *ret_rest)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    double value;
    struct span rest;
    if (!span_number(text, &value, &rest))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (line_starts(rest, units[i].unit)) {
            size_t n = strlen(units[i].unit);
            *ret_ms = value * units[i].ms;
            *ret_rest = (struct span){rest.ptr + n, rest.len - n};
            return true;
        }
    return false;
}

/* "    Latency     3.83ms    2.52ms  36.34ms   95.01%": average, deviation, maximum */
static int read_latency(struct input *in, struct wrk *w, struct error *err)
{
    struct span rest = line_after(in->line, "Latency");
    double deviation;
    if (!wrk_time(rest, &w->mean_ms, &rest) || !wrk_time(rest, &deviation, &rest) ||
        !wrk_time(rest, &w->max_ms, &rest))
        return input_error(in, err, "expected average, deviation and maximum of the latency");
    w->has_latency = true;
    return 0;
}

static int read_socket_errors(struct input *in, struct wrk *w, struct error *err)
{
    struct {
        const char *mark;
        uint64_t *count;
    } kinds[] = {{"connect ", &w->connect},
                 {"read ", &w->read},
                 {"write ", &w->write},
                 {"timeout ", &w->timeout}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!span_count(line_after(in->line, kinds[i].mark), kinds[i].count, NULL))
            return input_error(in, err, "expected counts of connect, read, write and timeout");
    return 0;
}

/* "  3320 requests in 2.10s, 609.53KB read" */
static int read_requests(struct input *in, struct wrk *w, struct error *err)
{
    double ms;
    struct span rest;
    if (!span_count(in->line, &w->requests, NULL) ||
        !wrk_time(line_after(in->line, " requests in "), &ms, &rest) || ms <= 0)
        return input_error(in, err, "expected 'N requests in TIME'");
    w->seconds = ms / 1000;
    w->has_requests = true;
    return 0;
}

/* "     99%   14.65ms", wrk2 " 99.900%    3.11ms". False when the line is none of them. */
static bool read_percentile(struct input *in, struct wrk *w)
{
    double percent, ms;
    struct span rest;
    if (w->npercentiles == WRK_PERCENTILES_MAX || !span_number(in->line, &percent, &rest) ||
        rest.len == 0 || rest.ptr[0] != '%' || percent > 100)
        return false;
    if (!wrk_time((struct span){rest.ptr + 1, rest.len - 1}, &ms, &rest))
        return false;
    w->percent[w->npercentiles] = percent;
    w->ms[w->npercentiles++] = ms;
    return true;
}

static int read_profile(struct input *in, struct perf_result *ret, struct error *err)
{
    struct span url = line_after(in->line, " test @ ");
    double ms;
    struct span rest;
    if (url.ptr == NULL || !wrk_time(line_after(in->line, "Running "), &ms, &rest))
        return input_error(in, err, "expected 'Running TIME test @ URL'");
    ret->profile.url = input_url(in, url);
    ret->profile.duration_s = ms / 1000;
    return 0;
}

static int read_line(struct input *in, struct wrk *w, struct perf_result *ret, struct error *err)
{
    uint64_t connections;
    if (line_starts(in->line, "Running "))
        return read_profile(in, ret, err);
    if (span_count(line_after(in->line, " threads and "), &connections, NULL)) {
        ret->profile.connections = connections < INT32_MAX ? (int64_t)connections : 0;
        return 0;
    }
    if (line_after(in->line, "HdrHistogram - Recorded").ptr != NULL)
        w->corrected = true;
    if (line_after(in->line, "Latency Distribution").ptr != NULL ||
        line_after(in->line, "Thread Stats").ptr != NULL)
        return 0;
    if (line_starts(in->line, "    Latency "))
        return read_latency(in, w, err);
    if (line_after(in->line, " requests in ").ptr != NULL)
        return read_requests(in, w, err);
    if (line_after(in->line, "Socket errors:").ptr != NULL)
        return read_socket_errors(in, w, err);
    struct span non_2xx = line_after(in->line, "Non-2xx or 3xx responses:");
    if (non_2xx.ptr != NULL && !span_count(non_2xx, &w->non_2xx, NULL))
        return input_error(in, err, "expected a count after 'Non-2xx or 3xx responses:'");
    if (line_starts(in->line, "Requests/sec:")) {
        double rate;
        if (!span_number(line_after(in->line, "Requests/sec:"), &rate, NULL))
            return input_error(in, err, "expected a number after 'Requests/sec:'");
        w->has_rate = true;
    }
    (void)read_percentile(in, w);
    return 0;
}

/* The percentile itself, or the neighbours it lies between. */
static struct perf_value percentile_of(const struct wrk *w, double p, struct arena *arena)
{
    double low = -1, low_at = 0, high = -1, high_at = 0;
    for (size_t i = 0; i < w->npercentiles; i++) {
        if (fabs(w->percent[i] - p) < 1e-9)
            return perf_measured(w->ms[i]);
        if (w->percent[i] < p && (low < 0 || w->percent[i] > low_at))
            low = w->ms[i], low_at = w->percent[i];
        if (w->percent[i] > p && (high < 0 || w->percent[i] < high_at))
            high = w->ms[i], high_at = w->percent[i];
    }
    if (low < 0 || high < low)
        return perf_unknown(w->npercentiles == 0 ? "run wrk with --latency"
                                                 : "wrk does not print it");
    return perf_between(low, high, arena_printf(arena, "wrk prints P%g and P%g", low_at, high_at));
}

static int fill(struct input *in, const struct wrk *w, struct perf_result *ret, struct error *err)
{
    if (w->non_2xx > w->requests)
        return input_error(in, err, "more failed responses than requests");
    ret->profile.model = w->corrected ? PERF_MODEL_OPEN : PERF_MODEL_CLOSED;
    ret->outcomes[LOADGEN_OK] = w->requests - w->non_2xx;
    ret->outcomes[LOADGEN_STATUS] = w->non_2xx;
    ret->outcomes[LOADGEN_CONNECT] = w->connect;
    ret->outcomes[LOADGEN_CUT] = w->read + w->write;
    ret->outcomes[LOADGEN_TIMEOUT] = w->timeout;
    ret->sent = perf_requests(ret);
    perf_result_rate_errors(ret);
    ret->rps = perf_measured((double)ret->outcomes[LOADGEN_OK] / w->seconds);
    for (size_t i = 0; i < PERF_PERCENTILES && w->requests == 0; i++)
        ret->percentiles[i] = ret->mean = ret->max = perf_unknown("no request was answered");
    if (w->requests > 0) {
        ret->mean = perf_measured(w->mean_ms);
        ret->max = perf_measured(w->max_ms);
        for (size_t i = 0; i < PERF_PERCENTILES; i++)
            ret->percentiles[i] = perf_supported(percentile_of(w, perf_percentiles[i], in->arena),
                                                 perf_percentiles[i], w->requests, in->arena);
    }
    if (!w->corrected)
        perf_note(ret, in->arena,
                  "wrk sends the next request only after the answer to the last: "
                  "a stall of the server is one slow request in its latencies");
    if (w->non_2xx > 0)
        perf_note(ret, in->arena,
                  "wrk does not tell 429 (rate limit) from other failures, and "
                  "its latencies include failed answers");
    return 0;
}

int input_parse_wrk(struct input *in, struct perf_result *ret, struct error *err)
{
    struct wrk w = {0};
    struct perf_result filled;
    perf_result_init(&filled, in->arena, "wrk");
    while (input_next_line(in))
        TRY(read_line(in, &w, &filled, err));
    if (!w.has_requests || !w.has_latency || !w.has_rate)
        return input_error(in, err, "the file ends before wrk's '%s' line: it is incomplete",
                           !w.has_latency    ? "Latency"
                           : !w.has_requests ? "requests in"
                                             : "Requests/sec");
    TRY(fill(in, &w, &filled, err));
    *ret = filled;
    return 0;
}
