/* lib/perf/inputs_vegeta.c - what `vegeta report` prints, as text and with -type=json (12.x). */
#include "format/jsonx.h"
#include "perf/inputs_internal.h"

#include <math.h>
#include <string.h>

#define LATENCIES_MAX 16

struct vegeta {
    double total_s, attack_s, rate, throughput;
    bool has_requests, has_latencies, has_success, has_statuses, timed_out, refused;
    uint64_t requests, without_status;
    double percentiles_ms[PERF_PERCENTILES], mean_ms, max_ms; /* below 0: not told */
};

static void vegeta_init(struct vegeta *v)
{
    *v = (struct vegeta){.mean_ms = -1, .max_ms = -1};
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        v->percentiles_ms[i] = -1;
}

static void take_latency(struct vegeta *v, struct span name, double ms)
{
    double percent;
    struct span rest;
    if (line_starts(name, "mean"))
        v->mean_ms = ms;
    else if (line_starts(name, "max"))
        v->max_ms = ms;
    else if (span_number(name, &percent, &rest))
        for (size_t i = 0; i < PERF_PERCENTILES; i++)
            if (fabs(perf_percentiles[i] - percent) < 1e-9)
                v->percentiles_ms[i] = ms;
}

static void count_status(struct vegeta *v, struct perf_result *r, uint64_t status, uint64_t times)
{
    v->has_statuses = true;
    if (status == 0)
        v->without_status += times;
    else if ((status >= 200 && status < 300) || status == 304)
        r->outcomes[LOADGEN_OK] += times;
    else
        r->outcomes[status == 429 ? LOADGEN_LIMITED : LOADGEN_STATUS] += times;
}

static void note_error(struct vegeta *v, struct span text)
{
    v->timed_out = v->timed_out || line_after(text, "imeout").ptr != NULL ||
                   line_after(text, "deadline exceeded").ptr != NULL;
    v->refused = v->refused || line_after(text, "dial ").ptr != NULL;
}

static int finish(struct input *in, struct vegeta *v, struct perf_result *r, struct error *err)
{
    if (!v->has_requests || !v->has_latencies || !v->has_statuses || !(v->attack_s >= 0))
        return input_error(in, err, "the file ends before vegeta's %s: it is incomplete",
                           v->has_latencies ? "status codes" : "latencies");
    /* Without a status a request timed out or was refused; it tells the texts, not how often. */
    r->outcomes[v->timed_out && !v->refused ? LOADGEN_TIMEOUT : LOADGEN_CONNECT] +=
        v->without_status;
    uint64_t requests = perf_requests(r);
    r->profile.model = PERF_MODEL_OPEN;
    r->profile.rate_per_s = (int64_t)llround(fmin(v->rate, 1e12));
    r->profile.duration_s = v->attack_s;
    r->sent = requests;
    perf_result_rate_errors(r);
    if (v->total_s > 0)
        r->rps = perf_measured((double)r->outcomes[LOADGEN_OK] / v->total_s);
    if (v->mean_ms >= 0 && requests > 0)
        r->mean = perf_measured(v->mean_ms);
    if (v->max_ms >= 0 && requests > 0)
        r->max = perf_measured(v->max_ms);
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        if (v->percentiles_ms[i] >= 0 && requests > 0)
            r->percentiles[i] = perf_supported(perf_measured(v->percentiles_ms[i]),
                                               perf_percentiles[i], requests, in->arena);
    perf_note(r, in->arena,
              "vegeta times a request from when a worker took it: when its workers ran out, "
              "waiting is not in its latencies");
    if (requests > r->outcomes[LOADGEN_OK])
        perf_note(r, in->arena, "vegeta's latencies include failed requests and 429s");
    return 0;
}

/* ---- text ---------------------------------------------------------------------------------- */

bool input_is_vegeta(struct span text)
{
    size_t n = text.len < 4096 ? text.len : 4096;
    return memmem(text.ptr, n, "Latencies     [", 15) != NULL &&
           memmem(text.ptr, n, "Requests      [", 15) != NULL;
}

/* "1m2.5s", "145.082066ms", "90µs": Go's durations, in milliseconds. */
static bool read_duration(struct span text, double *ret_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"h", 3600000}, {"ms", 1},    {"µs", 0.001}, {"μs", 0.001},
                 {"us", 0.001},  {"ns", 1e-6}, {"m", 60000},  {"s", 1000}};
    double sum = 0, number;
    struct span rest;
    if (text.len == 0)
        return false;
    while (text.len > 0) {
        size_t i = 0;
        if (!span_number(text, &number, &rest))
            return false;
        while (i < sizeof units / sizeof *units && !line_starts(rest, units[i].name))
            i++;
        if (i == sizeof units / sizeof *units)
            return false;
        sum += number * units[i].ms;
        size_t used = strlen(units[i].name);
        text = (struct span){rest.ptr + used, rest.len - used};
    }
    *ret_ms = sum;
    return true;
}

/* The next of a list parted by commas, without blanks; false at its end. */
static bool next_item(struct span *list, struct span *ret)
{
    while (list->len > 0 && (*list->ptr == ' ' || *list->ptr == ','))
        list->ptr++, list->len--;
    size_t n = 0;
    while (n < list->len && list->ptr[n] != ',' && list->ptr[n] != ' ')
        n++;
    *ret = (struct span){list->ptr, n};
    list->ptr += n;
    list->len -= n;
    return n > 0;
}

/* "[min, mean, 50, 90, 95, 99, max]  90ms, 113ms, ...": the names say what the values are. */
static int read_latencies(struct input *in, struct vegeta *v, struct error *err)
{
    struct span names = line_after(in->line, "["), values = line_after(in->line, "]"), name, value;
    double ms;
    const char *end = names.ptr != NULL ? memchr(names.ptr, ']', names.len) : NULL;
    if (values.ptr == NULL || end == NULL)
        return input_error(in, err, "expected '[names] values'");
    names.len = (size_t)(end - names.ptr);
    for (int i = 0; i < LATENCIES_MAX && next_item(&names, &name); i++) {
        if (!next_item(&values, &value) || !read_duration(value, &ms))
            return input_error(in, err, "expected a duration for '%.*s'", (int)name.len, name.ptr);
        take_latency(v, name, ms);
    }
    v->has_latencies = true;
    return 0;
}

static int read_requests(struct input *in, struct vegeta *v, struct error *err)
{
    struct span values = line_after(in->line, "]"), value;
    if (!next_item(&values, &value) || !span_count(value, &v->requests, NULL) ||
        !next_item(&values, &value) || !span_number(value, &v->rate, NULL))
        return input_error(in, err, "expected the number of requests and their rate");
    v->has_requests = true;
    return 0;
}

static int read_durations(struct input *in, struct vegeta *v, struct error *err)
{
    struct span values = line_after(in->line, "]"), value;
    double total, attack;
    if (!next_item(&values, &value) || !read_duration(value, &total) ||
        !next_item(&values, &value) || !read_duration(value, &attack))
        return input_error(in, err, "expected two durations");
    v->total_s = total / 1000;
    v->attack_s = attack / 1000;
    return 0;
}

/* "0:535  200:665" */
static int read_statuses(struct input *in, struct vegeta *v, struct perf_result *r,
                         struct error *err)
{
    struct span values = line_after(in->line, "]"), value, rest;
    uint64_t status, times;
    while (next_item(&values, &value)) {
        if (!span_count(value, &status, &rest) || status > 999 || rest.len == 0 ||
            *rest.ptr != ':' ||
            !span_count((struct span){rest.ptr + 1, rest.len - 1}, &times, NULL) ||
            times > (uint64_t)1e12)
            return input_error(in, err, "expected 'STATUS:COUNT'");
        count_status(v, r, status, times);
    }
    v->has_statuses = true;
    return 0;
}

static int read_line(struct input *in, struct vegeta *v, struct perf_result *r, struct error *err)
{
    if (line_starts(in->line, "Requests "))
        return read_requests(in, v, err);
    if (line_starts(in->line, "Duration "))
        return read_durations(in, v, err);
    if (line_starts(in->line, "Latencies "))
        return read_latencies(in, v, err);
    if (line_starts(in->line, "Status Codes "))
        return read_statuses(in, v, r, err);
    if (v->has_statuses)
        note_error(v, in->line);
    return 0;
}

int input_parse_vegeta(struct input *in, struct perf_result *ret, struct error *err)
{
    struct vegeta v;
    struct perf_result r;
    vegeta_init(&v);
    perf_result_init(&r, in->arena, "vegeta");
    while (input_next_line(in))
        TRY(read_line(in, &v, &r, err));
    TRY(finish(in, &v, &r, err));
    *ret = r;
    return 0;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

bool input_is_vegeta_json(const struct jsonx *doc)
{
    return jsonx_get(jsonx_get(doc, "latencies"), "mean") != NULL &&
           jsonx_get(doc, "status_codes") != NULL;
}

static int number_of(struct input *in, const struct jsonx *object, const char *key, double *ret,
                     struct error *err)
{
    double value;
    if (!jsonx_real(jsonx_get(object, key), &value) || !(value >= 0 && value <= 1e18)) {
        input_seek_key(in, key);
        return input_error(in, err, "'%s' must be a number", key);
    }
    *ret = value;
    return 0;
}

static int read_json_latencies(struct input *in, const struct jsonx *node, struct vegeta *v,
                               struct error *err)
{
    for (size_t i = 0; i < jsonx_count(node); i++) {
        double ns = 0;
        const char *key = jsonx_key(node, i);
        TRY(number_of(in, node, key, &ns, err));
        take_latency(v, span_of(key), ns / 1e6);
    }
    v->has_latencies = true;
    return 0;
}

static int read_json_statuses(struct input *in, const struct jsonx *node, struct vegeta *v,
                              struct perf_result *r, struct error *err)
{
    for (size_t i = 0; i < jsonx_count(node); i++) {
        uint64_t status;
        double times = 0;
        const char *key = jsonx_key(node, i);
        TRY(number_of(in, node, key, &times, err));
        if (!span_count(span_of(key), &status, NULL) || status > 999 || times > 1e12)
            return input_error(in, err, "'%.40s' is no status", key);
        count_status(v, r, status, (uint64_t)times);
    }
    v->has_statuses = true;
    return 0;
}

int input_parse_vegeta_json(struct input *in, const struct jsonx *doc, struct perf_result *ret,
                            struct error *err)
{
    struct vegeta v;
    struct perf_result r;
    double requests = 0, attack_ns = 0, wait_ns = 0;
    const struct jsonx *errors = jsonx_get(doc, "errors");
    vegeta_init(&v);
    perf_result_init(&r, in->arena, "vegeta");
    TRY(number_of(in, doc, "requests", &requests, err));
    TRY(number_of(in, doc, "rate", &v.rate, err));
    TRY(number_of(in, doc, "duration", &attack_ns, err));
    TRY(number_of(in, doc, "wait", &wait_ns, err));
    TRY(read_json_latencies(in, jsonx_get(doc, "latencies"), &v, err));
    TRY(read_json_statuses(in, jsonx_get(doc, "status_codes"), &v, &r, err));
    for (size_t i = 0; i < jsonx_count(errors); i++)
        if (jsonx_text(jsonx_at(errors, i)) != NULL)
            note_error(&v, span_of(jsonx_text(jsonx_at(errors, i))));
    v.has_requests = true;
    v.attack_s = attack_ns / 1e9;
    v.total_s = (attack_ns + wait_ns) / 1e9;
    TRY(finish(in, &v, &r, err));
    *ret = r;
    return 0;
}
