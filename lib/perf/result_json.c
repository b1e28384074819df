/* lib/perf/result_json.c - see result_json.h. What can be written can be read: one table of the
 * figures serves both. */
#include "perf/result_json.h"

#include "core/datetime.h"
#include "perf/inputs_internal.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

struct figure {
    const char *key;
    size_t offset; /* of the struct perf_value in its struct */
};
#define RESULT_FIGURE(k, m)                                                                        \
    {                                                                                              \
        k, offsetof(struct perf_result, m)                                                         \
    }
#define DATABASE_FIGURE(k, m)                                                                      \
    {                                                                                              \
        k, offsetof(struct perf_database, m)                                                       \
    }

static const struct figure RESULT_FIGURES[] = {
    RESULT_FIGURE("p50_ms", percentiles[PERF_P50]),
    RESULT_FIGURE("p75_ms", percentiles[PERF_P75]),
    RESULT_FIGURE("p90_ms", percentiles[PERF_P90]),
    RESULT_FIGURE("p95_ms", percentiles[PERF_P95]),
    RESULT_FIGURE("p99_ms", percentiles[PERF_P99]),
    RESULT_FIGURE("p99_9_ms", percentiles[PERF_P999]),
    RESULT_FIGURE("mean_ms", mean),
    RESULT_FIGURE("max_ms", max),
    RESULT_FIGURE("service_p50_ms", service[PERF_P50]),
    RESULT_FIGURE("service_p95_ms", service[PERF_P95]),
    RESULT_FIGURE("service_p99_ms", service[PERF_P99]),
    RESULT_FIGURE("requests_per_second", rps),
    RESULT_FIGURE("error_rate", error_rate),
    RESULT_FIGURE("generator_cpu", cpu),
    RESULT_FIGURE("generator_turn_p99_ms", loop_p99),
    {NULL, 0},
};
static const struct figure DATABASE_FIGURES[] = {
    DATABASE_FIGURE("ms_per_request", ms_per_request),
    DATABASE_FIGURE("ms_per_call", ms_per_call),
    DATABASE_FIGURE("calls_per_request", calls_per_request),
    DATABASE_FIGURE("rows_per_request", rows_per_request),
    DATABASE_FIGURE("cache_hit", cache_hit),
    DATABASE_FIGURE("commits_per_request", commits_per_request),
    DATABASE_FIGURE("block_read_ms_per_request", block_read_ms_per_request),
    {NULL, 0},
};
static const char *const DATABASE_METHODS[] = {"none", "pg_stat_statements", "pg_stat_database"};

static const struct perf_value *figure_in(const void *base, const struct figure *f)
{
    return (const struct perf_value *)(const void *)((const char *)base + f->offset);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_figures(struct jwriter *w, const void *base, const struct figure *figures)
{
    bool any[3] = {false, false, false};
    for (const struct figure *f = figures; f->key != NULL; f++) {
        const struct perf_value *v = figure_in(base, f);
        jwriter_key(w, f->key);
        if (v->known == PERF_MEASURED)
            jwriter_double(w, v->value);
        else
            jwriter_null(w);
        any[v->known] = true;
    }
    if (any[PERF_BETWEEN]) {
        jwriter_key(w, "between");
        jwriter_object(w);
        for (const struct figure *f = figures; f->key != NULL; f++) {
            const struct perf_value *v = figure_in(base, f);
            if (v->known != PERF_BETWEEN)
                continue;
            jwriter_key(w, f->key);
            jwriter_object(w);
            jwriter_key(w, "low");
            jwriter_double(w, v->low);
            jwriter_key(w, "high");
            jwriter_double(w, v->high);
            jwriter_kstring(w, "why", v->why);
            jwriter_end(w);
        }
        jwriter_end(w);
    }
    if (any[PERF_UNKNOWN]) {
        jwriter_key(w, "not_measured");
        jwriter_object(w);
        for (const struct figure *f = figures; f->key != NULL; f++)
            if (figure_in(base, f)->known == PERF_UNKNOWN)
                jwriter_kstring(w, f->key, figure_in(base, f)->why);
        jwriter_end(w);
    }
}

static void write_double(struct jwriter *w, const char *key, double value)
{
    jwriter_key(w, key);
    jwriter_double(w, value);
}

static void write_profile(struct jwriter *w, const struct perf_profile *p)
{
    char when[DATETIME_ISO_MAX];
    jwriter_key(w, "profile");
    jwriter_object(w);
    jwriter_kstring(w, "source", p->source);
    jwriter_kstring(w, "method", p->method);
    jwriter_kstring(w, "url", p->url);
    jwriter_kstring(w, "model", perf_model_name(p->model));
    jwriter_kint(w, "rate_per_second", p->rate_per_s);
    jwriter_kint(w, "connections", p->connections);
    write_double(w, "duration_s", p->duration_s);
    write_double(w, "warmup_s", p->warmup_s);
    if (p->started_us != 0) {
        datetime_print(p->started_us, NULL, when);
        jwriter_kstring(w, "started_at", when);
    }
    jwriter_end(w);
}

static void write_sample_time(struct jwriter *w, const char *key, double ms)
{
    jwriter_key(w, key);
    if (ms >= 0)
        jwriter_double(w, ms);
    else
        jwriter_null(w);
}

static void write_samples(struct jwriter *w, const struct perf_result *r)
{
    jwriter_key(w, "samples");
    jwriter_array(w);
    for (size_t i = 0; i < r->nsamples; i++) {
        const struct perf_sample *s = &r->samples[i];
        jwriter_object(w);
        write_double(w, "seconds", s->seconds);
        jwriter_kint(w, "requests", (int64_t)s->requests);
        jwriter_kint(w, "ok", (int64_t)s->ok);
        jwriter_kint(w, "errors", (int64_t)s->errors);
        jwriter_kint(w, "rate_limited", (int64_t)s->limited);
        write_sample_time(w, "p50_ms", s->p50_ms);
        write_sample_time(w, "p95_ms", s->p95_ms);
        write_sample_time(w, "database_ms", s->database_ms);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_step(void *self, int64_t value_us, uint64_t count)
{
    struct strbuf *out = self;
    strbuf_addf(out, "%s[%lld,%llu]", out->len > 1 ? "," : "", (long long)value_us,
                (unsigned long long)count);
}

/* On one line: thousands of short pairs are nothing to read. */
static void write_latencies(struct jwriter *w, const struct histogram *h)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, (size_t)4 << 20);
    strbuf_addch(&text, '[');
    histogram_each(h, write_step, &text);
    strbuf_addch(&text, ']');
    jwriter_key(w, "latencies_us");
    jwriter_raw(w, (struct span){text.data, text.len});
}

void perf_result_to_json(struct jwriter *w, const struct perf_result *r, bool with_latencies)
{
    jwriter_object(w);
    write_profile(w, &r->profile);
    jwriter_kbool(w, "interrupted", r->interrupted);
    jwriter_kbool(w, "capped", r->capped);
    jwriter_key(w, "requests");
    jwriter_object(w);
    for (int i = 0; i < LOADGEN_OUTCOMES; i++)
        jwriter_kint(w, loadgen_outcome_name((enum loadgen_outcome)i), (int64_t)r->outcomes[i]);
    jwriter_kint(w, "warmup", (int64_t)r->warmup_requests);
    jwriter_kint(w, "sent", (int64_t)r->sent);
    jwriter_end(w);
    write_figures(w, r, RESULT_FIGURES);
    jwriter_key(w, "database");
    jwriter_object(w);
    jwriter_kstring(w, "method", DATABASE_METHODS[r->database.method]);
    jwriter_kstring(w, "server", r->database.server);
    write_figures(w, &r->database, DATABASE_FIGURES);
    jwriter_end(w);
    write_samples(w, r);
    if (with_latencies && r->latencies != NULL)
        write_latencies(w, r->latencies);
    jwriter_key(w, "notes");
    jwriter_array(w);
    for (size_t i = 0; i < r->nnotes; i++)
        jwriter_string(w, r->notes[i]);
    jwriter_end(w);
    jwriter_end(w);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int wrong(struct input *in, const char *key, const char *expected, struct error *err)
{
    input_seek_key(in, key);
    return input_error(in, err, "'%s' must be %s", key, expected);
}

/* Absent and null leave *ret alone. */
static int read_double(struct input *in, const struct jsonx *object, const char *key, double *ret,
                       struct error *err)
{
    const struct jsonx *node = jsonx_get(object, key);
    double value = 0;
    if (node == NULL || jsonx_kind_of(node) == JSONX_NULL)
        return 0;
    if (!jsonx_real(node, &value) || !(fabs(value) <= 1e15))
        return wrong(in, key, "a number", err);
    *ret = value;
    return 0;
}

static int read_count(struct input *in, const struct jsonx *object, const char *key, int64_t *ret,
                      struct error *err)
{
    const struct jsonx *node = jsonx_get(object, key);
    int64_t value = 0;
    if (node == NULL || jsonx_kind_of(node) == JSONX_NULL)
        return 0;
    if (!jsonx_integer(node, &value) || value < 0 || value > (int64_t)1e15)
        return wrong(in, key, "a whole number", err);
    *ret = value;
    return 0;
}

static const char *read_text(struct input *in, const struct jsonx *object, const char *key)
{
    const char *text = jsonx_text(jsonx_get(object, key));
    return arena_strdup(in->arena, text);
}

static int read_figure(struct input *in, const struct jsonx *object, const struct figure *f,
                       struct perf_value *ret, struct error *err)
{
    double value = NAN, low = NAN, high = NAN;
    const struct jsonx *between = jsonx_get(jsonx_get(object, "between"), f->key);
    TRY(read_double(in, object, f->key, &value, err));
    TRY(read_double(in, between, "low", &low, err));
    TRY(read_double(in, between, "high", &high, err));
    const char *why = read_text(in, jsonx_get(object, "not_measured"), f->key);
    if (!isnan(value))
        *ret = perf_measured(value);
    else if (!isnan(low) && !isnan(high))
        *ret = perf_between(low, high, read_text(in, between, "why"));
    else
        *ret = perf_unknown(why != NULL ? why : "the file does not have it");
    return 0;
}

static int read_figures(struct input *in, const struct jsonx *object, const struct figure *figures,
                        void *base, struct error *err)
{
    for (const struct figure *f = figures; f->key != NULL; f++) {
        struct perf_value *v = (struct perf_value *)(void *)((char *)base + f->offset);
        TRY(read_figure(in, object, f, v, err));
    }
    return 0;
}

static int read_profile(struct input *in, const struct jsonx *node, struct perf_profile *p,
                        struct error *err)
{
    const char *source = read_text(in, node, "source"), *model = read_text(in, node, "model");
    const char *started = jsonx_text(jsonx_get(node, "started_at"));
    if (source == NULL)
        return wrong(in, "profile", "an object with a source", err);
    p->source = source;
    p->method = read_text(in, node, "method");
    p->url = read_text(in, node, "url");
    if (model != NULL)
        p->model = strcmp(model, "open") == 0     ? PERF_MODEL_OPEN
                   : strcmp(model, "closed") == 0 ? PERF_MODEL_CLOSED
                                                  : PERF_MODEL_UNKNOWN;
    (void)input_time(started, &p->started_us); /* known or not */
    TRY(read_count(in, node, "rate_per_second", &p->rate_per_s, err));
    TRY(read_count(in, node, "connections", &p->connections, err));
    TRY(read_double(in, node, "duration_s", &p->duration_s, err));
    return read_double(in, node, "warmup_s", &p->warmup_s, err);
}

static int read_requests(struct input *in, const struct jsonx *node, struct perf_result *r,
                         struct error *err)
{
    int64_t count = 0;
    for (int i = 0; i < LOADGEN_OUTCOMES; i++) {
        count = 0;
        TRY(read_count(in, node, loadgen_outcome_name((enum loadgen_outcome)i), &count, err));
        r->outcomes[i] = (uint64_t)count;
    }
    count = 0;
    TRY(read_count(in, node, "warmup", &count, err));
    r->warmup_requests = (uint64_t)count;
    count = 0;
    TRY(read_count(in, node, "sent", &count, err));
    r->sent = (uint64_t)count;
    return 0;
}

static int read_sample(struct input *in, const struct jsonx *node, struct perf_sample *s,
                       struct error *err)
{
    int64_t counts[4] = {0};
    *s = (struct perf_sample){.p50_ms = -1, .p95_ms = -1, .database_ms = -1};
    TRY(read_double(in, node, "seconds", &s->seconds, err));
    TRY(read_count(in, node, "requests", &counts[0], err));
    TRY(read_count(in, node, "ok", &counts[1], err));
    TRY(read_count(in, node, "errors", &counts[2], err));
    TRY(read_count(in, node, "rate_limited", &counts[3], err));
    TRY(read_double(in, node, "p50_ms", &s->p50_ms, err));
    TRY(read_double(in, node, "p95_ms", &s->p95_ms, err));
    TRY(read_double(in, node, "database_ms", &s->database_ms, err));
    if (!(s->seconds > 0))
        return wrong(in, "seconds", "above 0", err);
    s->requests = (uint64_t)counts[0];
    s->ok = (uint64_t)counts[1];
    s->errors = (uint64_t)counts[2];
    s->limited = (uint64_t)counts[3];
    if (s->errors + s->limited > s->requests)
        return wrong(in, "errors", "part of the requests", err);
    return 0;
}

static int read_samples(struct input *in, const struct jsonx *node, struct perf_result *r,
                        struct error *err)
{
    size_t n = jsonx_count(node);
    if (n > PERF_SLICES_MAX)
        return wrong(in, "samples", "a list of at most 60", err);
    for (size_t i = 0; i < n; i++)
        TRY(read_sample(in, jsonx_at(node, i), &r->samples[i], err));
    r->nsamples = n;
    return 0;
}

#define LATENCIES_MAX ((uint64_t)1000000000000)

static int read_latencies(struct input *in, const struct jsonx *node, struct perf_result *r,
                          struct error *err)
{
    uint64_t left = LATENCIES_MAX;
    for (size_t i = 0; i < jsonx_count(node); i++) {
        int64_t value = 0, count = 0;
        const struct jsonx *pair = jsonx_at(node, i);
        if (!jsonx_integer(jsonx_at(pair, 0), &value) || value < 0 ||
            !jsonx_integer(jsonx_at(pair, 1), &count) || count < 1 || (uint64_t)count > left)
            return wrong(in, "latencies_us", "a list of [microseconds, count], 10^12 in all", err);
        if (r->latencies == NULL)
            r->latencies = histogram_new();
        histogram_record_n(r->latencies, value, (uint64_t)count);
        left -= (uint64_t)count;
    }
    return 0;
}

static int read_database(struct input *in, const struct jsonx *node, struct perf_database *d,
                         struct error *err)
{
    const char *method = jsonx_text(jsonx_get(node, "method"));
    for (int i = 0; method != NULL && i < 3; i++)
        if (strcmp(method, DATABASE_METHODS[i]) == 0)
            d->method = (enum perf_database_method)i;
    d->server = read_text(in, node, "server");
    return read_figures(in, node, DATABASE_FIGURES, d, err);
}

static int read_result(struct input *in, const struct jsonx *node, struct perf_result *r,
                       struct error *err)
{
    TRY(read_profile(in, jsonx_get(node, "profile"), &r->profile, err));
    r->interrupted = jsonx_is_true(jsonx_get(node, "interrupted"));
    r->capped = jsonx_is_true(jsonx_get(node, "capped"));
    TRY(read_requests(in, jsonx_get(node, "requests"), r, err));
    TRY(read_figures(in, node, RESULT_FIGURES, r, err));
    TRY(read_database(in, jsonx_get(node, "database"), &r->database, err));
    TRY(read_samples(in, jsonx_get(node, "samples"), r, err));
    const struct jsonx *notes = jsonx_get(node, "notes");
    for (size_t i = 0; i < jsonx_count(notes) && i < PERF_NOTES_MAX; i++)
        if (jsonx_text(jsonx_at(notes, i)) != NULL)
            r->notes[r->nnotes++] = arena_strdup(in->arena, jsonx_text(jsonx_at(notes, i)));
    return read_latencies(in, jsonx_get(node, "latencies_us"), r, err);
}

int input_read_result(struct input *in, const struct jsonx *node, struct perf_result *ret,
                      struct error *err)
{
    struct perf_result r;
    perf_result_init(&r, in->arena, "diner");
    int code = read_result(in, node, &r, err);
    if (code != 0) {
        perf_result_release(&r);
        return code;
    }
    *ret = r;
    return 0;
}
