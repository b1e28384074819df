/* lib/perf/attribute.c - see attribute.h: the measuring. */
#include "core/clock.h"
#include "core/signals.h"
#include "perf/attribute_internal.h"
#include "perf/session.h"

#include <stdlib.h>

#define WARM_REQUESTS 6 /* drivers plan anew until the fifth use of a statement */
#define SETTLE_MS     20
#define DURATION_MS   ((int64_t)10 * 60 * 1000)

struct measuring {
    const struct perf_load_plan *plan;
    const struct perf_side *side;
    struct perf_drive drive;
    struct db_conn *conn;
    struct arena *arena;
};

static int drive_one(const struct measuring *m, const struct perf_variants *v, uint64_t requests,
                     struct drive_part *part, struct loadgen_summary *summary, struct error *err)
{
    *part = (struct drive_part){.variants = *v, .weight = 1};
    struct drive_plan plan = {.parts = part,
                              .nparts = 1,
                              .connections = 1,
                              .duration_ms = DURATION_MS,
                              .requests_max = requests};
    return perf_drive_run(&m->drive, &plan, summary, err);
}

/* What `requests` requests cost, after a few that are not counted. */
static int measure(const struct measuring *m, const struct perf_variants *v, uint64_t requests,
                   struct measurement *ret, struct error *err)
{
    struct perf_counters before = {0}, after = {0};
    struct loadgen_summary summary = {0};
    struct drive_part part;
    int code = drive_one(m, v, WARM_REQUESTS, &part, &summary, err);
    drive_part_release(&part);
    TRY(code);
    TRY(signals_check(err));
    clock_sleep_ms(SETTLE_MS);
    TRY(perf_counters_take(m->conn, &before, err));
    int64_t started_ns = clock_monotonic_ns();
    code = drive_one(m, v, requests, &part, &summary, err);
    if (code == 0) {
        clock_sleep_ms(SETTLE_MS);
        code = perf_counters_take(m->conn, &after, err);
    }
    if (code == 0) {
        ret->seconds = (double)(clock_monotonic_ns() - started_ns) / 1e9;
        ret->valid = perf_counters_difference(&before, &after, &ret->counters);
        ret->requests = (double)summary.sent;
        ret->ok = (double)part.outcomes[LOADGEN_OK];
        ret->limited = (double)part.outcomes[LOADGEN_LIMITED];
    }
    drive_part_release(&part);
    perf_counters_release(&before);
    perf_counters_release(&after);
    return code == 0 ? signals_check(err) : code;
}

static int measure_background(const struct measuring *m, struct measurement *ret, struct error *err)
{
    struct perf_counters before = {0}, after = {0};
    int64_t ms = m->plan->config->attribute.background_ms, started_ns = clock_monotonic_ns();
    if (ms == 0) {
        ret->valid = true;
        return 0;
    }
    TRY(perf_counters_take(m->conn, &before, err));
    clock_sleep_ms(ms);
    int code = perf_counters_take(m->conn, &after, err);
    if (code == 0) {
        ret->seconds = (double)(clock_monotonic_ns() - started_ns) / 1e9;
        ret->valid = perf_counters_difference(&before, &after, &ret->counters);
    }
    perf_counters_release(&before);
    perf_counters_release(&after);
    return code == 0 ? signals_check(err) : code;
}

/* A part of all requests, but enough to see what differs from one to the next. */
static uint64_t some(const struct measuring *m)
{
    int64_t n = m->plan->config->attribute.requests / 4;
    return n < 5 ? 5 : (uint64_t)n;
}

static int measure_sizes(const struct measuring *m, size_t i, struct attributed *a,
                         struct error *err)
{
    const struct perf_attribute_config *c = &m->plan->config->attribute;
    const char *parameter = perf_config_endpoint(m->plan->config, i)->size_parameter;
    for (size_t k = 0; parameter != NULL && k < c->nsizes; k++) {
        const char *const pairs[] = {parameter, arena_printf(m->arena, "%.0f", c->sizes[k]), NULL};
        struct perf_variants v =
            perf_requests_with(&m->side->requests.endpoints[i], m->arena, pairs);
        TRY(measure(m, &v, some(m), &a->sizes[k], err));
        a->size[k] = c->sizes[k];
        a->nsizes++;
    }
    return 0;
}

static int measure_page(const struct measuring *m, size_t i, int64_t page, int64_t offset,
                        const char *size, struct measurement *ret, struct error *err)
{
    const struct perf_endpoint_config *e = perf_config_endpoint(m->plan->config, i);
    const char *pairs[5] = {NULL};
    size_t n = 0;
    if (e->size_parameter != NULL) {
        pairs[n++] = e->size_parameter;
        pairs[n++] = size;
    }
    bool by_page = e->page_parameter != NULL;
    pairs[n++] = by_page ? e->page_parameter : e->offset_parameter;
    pairs[n++] = arena_printf(m->arena, "%lld", (long long)(by_page ? page : offset));
    struct perf_variants v = perf_requests_with(&m->side->requests.endpoints[i], m->arena, pairs);
    return measure(m, &v, some(m), ret, err);
}

static int measure_probe(const struct measuring *m, size_t i, struct attributed *a,
                         struct error *err)
{
    const struct perf_attribute_config *c = &m->plan->config->attribute;
    const struct perf_endpoint_config *e = perf_config_endpoint(m->plan->config, i);
    if (e->page_parameter == NULL && e->offset_parameter == NULL)
        return 0;
    int64_t size = c->nsizes > 0 ? (int64_t)c->sizes[c->nsizes - 1] : 10;
    int64_t page = e->deep_offset / size + 1;
    const char *text = arena_printf(m->arena, "%lld", (long long)size);
    TRY(measure_page(m, i, 1, 0, text, &a->first, err));
    TRY(measure_page(m, i, page, e->deep_offset, text, &a->deep, err));
    a->deep_offset =
        e->page_parameter != NULL ? (double)((page - 1) * size) : (double)e->deep_offset;
    a->probed = true;
    return 0;
}

static int measure_all(const struct measuring *m, struct attribution *a, struct error *err)
{
    const struct perf_attribute_config *c = &m->plan->config->attribute;
    TRY(measure_background(m, &a->background, err));
    for (size_t i = 0; i < a->count; i++) {
        struct attributed *e = &a->endpoints[i];
        TRY(measure(m, &m->side->requests.endpoints[i], (uint64_t)c->requests, &e->main, err));
        TRY(measure_sizes(m, i, e, err));
        TRY(measure_probe(m, i, e, err));
    }
    return 0;
}

int attribution_measure(const struct perf_load_plan *plan, size_t side, struct arena *arena,
                        struct attribution **ret, struct error *err)
{
    const struct perf_side *s = &plan->sides[side];
    struct measuring m = {.plan = plan,
                          .side = s,
                          .arena = arena,
                          .drive = {.base = s->base,
                                    .ca_file = plan->config->ca_file,
                                    .requests = &s->requests,
                                    .timeout_ms = plan->config->load.timeout_ms,
                                    .tick = plan->tick,
                                    .self = plan->self}};
    TRY(perf_session_open(s->dsn, &m.conn, err));
    struct attribution *a = mem_alloc(sizeof *a);
    a->count = plan->config->endpoints.count;
    a->endpoints = mem_array(a->count + 1, sizeof *a->endpoints);
    int code = measure_all(&m, a, err);
    db_close(m.conn);
    if (code != 0) {
        attribution_free(a);
        return code;
    }
    *ret = a;
    return 0;
}

void attribution_free(struct attribution *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->count; i++) {
        struct attributed *e = &a->endpoints[i];
        perf_counters_release(&e->main.counters);
        perf_counters_release(&e->first.counters);
        perf_counters_release(&e->deep.counters);
        for (size_t k = 0; k < PERF_SLOPE_POINTS; k++)
            perf_counters_release(&e->sizes[k].counters);
    }
    perf_counters_release(&a->background.counters);
    free(a->endpoints);
    free(a);
}
