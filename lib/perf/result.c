/* lib/perf/result.c - see result.h. */
#include "perf/result.h"

#include "perf/statistics.h"

#include <stdio.h>

const double perf_percentiles[PERF_PERCENTILES] = {50, 75, 90, 95, 99, 99.9};
const char *const perf_percentile_keys[PERF_PERCENTILES] = {"p50_ms", "p75_ms", "p90_ms",
                                                            "p95_ms", "p99_ms", "p99_9_ms"};

struct perf_value perf_measured(double value)
{
    return (struct perf_value){.known = PERF_MEASURED, .value = value, .low = value, .high = value};
}

struct perf_value perf_between(double low, double high, const char *why)
{
    return (struct perf_value){.known = PERF_BETWEEN, .low = low, .high = high, .why = why};
}

struct perf_value perf_unknown(const char *why)
{
    return (struct perf_value){.known = PERF_UNKNOWN, .why = why};
}

const char *perf_model_name(enum perf_model model)
{
    return model == PERF_MODEL_OPEN ? "open" : model == PERF_MODEL_CLOSED ? "closed" : "unknown";
}

void perf_result_init(struct perf_result *r, struct arena *arena, const char *source)
{
    const struct perf_value nothing =
        perf_unknown(arena_printf(arena, "%s does not report it", source));
    *r = (struct perf_result){.profile.source = arena_strdup(arena, source)};
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        r->percentiles[i] = r->service[i] = nothing;
    r->mean = r->max = r->rps = r->error_rate = r->cpu = r->loop_p99 = nothing;
    const struct perf_value no_database =
        perf_unknown(strcmp(source, "diner") == 0
                         ? "no database was given"
                         : arena_printf(arena, "%s does not measure the database", source));
    struct perf_database *d = &r->database;
    d->ms_per_request = d->ms_per_call = d->calls_per_request = d->rows_per_request = no_database;
    d->cache_hit = d->commits_per_request = d->block_read_ms_per_request = no_database;
}

void perf_result_release(struct perf_result *r)
{
    histogram_free(r->latencies);
    r->latencies = NULL;
}

void perf_note(struct perf_result *r, struct arena *arena, const char *format, ...)
{
    AUTO_STRBUF struct strbuf text = {0};
    va_list args;
    if (r->nnotes == PERF_NOTES_MAX)
        return;
    strbuf_init(&text, 4096);
    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    r->notes[r->nnotes++] = arena_strdup(arena, text.data);
}

uint64_t perf_requests(const struct perf_result *r)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LOADGEN_OUTCOMES; i++)
        all += r->outcomes[i];
    return all;
}

uint64_t perf_errors(const struct perf_result *r)
{
    return perf_requests(r) - r->outcomes[LOADGEN_OK] - r->outcomes[LOADGEN_LIMITED];
}

void perf_result_rate_errors(struct perf_result *r)
{
    uint64_t judged = perf_requests(r) - r->outcomes[LOADGEN_LIMITED];
    if (judged == 0)
        r->error_rate = perf_unknown(perf_requests(r) == 0 ? "no request was finished"
                                                           : "every answer was 429");
    else
        r->error_rate = perf_measured((double)perf_errors(r) / (double)judged);
}

struct perf_value perf_supported(struct perf_value v, double percentile, uint64_t requests,
                                 struct arena *arena)
{
    uint64_t needed = percentile > 50 ? statistics_percentile_needs(percentile) : 1;
    if (v.known == PERF_UNKNOWN || requests >= needed)
        return v;
    return perf_unknown(arena_printf(arena, "%llu requests, a P%g needs %llu",
                                     (unsigned long long)requests, percentile,
                                     (unsigned long long)needed));
}
