/* lib/perf/drive.c - see drive.h. */
#include "perf/drive.h"

#include "perf/statistics.h"

#include <math.h>
#include <stdlib.h>

#define NS_PER_S       1e9
#define BUSY_SHARE     0.8
#define LAG_MAX_MS     1.0
#define LAG_SHARE      0.1
#define LAG_NOTHING_MS 0.1 /* the clock and the scheduler are not finer */

struct driver {
    const struct perf_drive *d;
    const struct drive_plan *plan;
    const struct loadgen_request *requests;
    uint32_t *part_of; /* each request's part */
    uint32_t *first;   /* each part's first request */
    int64_t *credit;   /* smooth weighted turns: the part with the most is next */
    uint64_t *turns;   /* of each part */
    int64_t weights;
};

/* Turns by weight, evenly spread and always the same. */
static uint32_t pick(void *self, uint64_t i)
{
    struct driver *r = self;
    const struct drive_plan *plan = r->plan;
    size_t best = 0;
    (void)i;
    for (size_t k = 0; plan->nparts > 1 && k < plan->nparts; k++) {
        r->credit[k] += plan->parts[k].weight;
        if (r->credit[k] > r->credit[best])
            best = k;
    }
    r->credit[best] -= r->weights;
    return r->first[best] + (uint32_t)(r->turns[best]++ % plan->parts[best].variants.count);
}

void drive_status_add(struct drive_status *statuses, int status, uint64_t count)
{
    for (size_t i = 0; i < DRIVE_STATUSES; i++)
        if (statuses[i].count == 0 || statuses[i].status == status) {
            statuses[i].status = status;
            statuses[i].count += count;
            return;
        }
}

static void sink(void *self, const struct loadgen_event *e)
{
    struct driver *r = self;
    struct drive_part *p = &r->plan->parts[r->part_of[e->request]];
    bool ok = e->outcome == LOADGEN_OK;
    double done_s = (double)(e->done_ns - r->plan->warmup_ms * 1000000) / NS_PER_S;
    /* The rate is what was answered in the window, whenever it was asked for. */
    if (ok && done_s >= 0 && done_s * 1000 < (double)r->plan->duration_ms)
        p->ok_inside++;
    if (e->warmup)
        return;
    int64_t response_us = (e->done_ns - e->intended_ns) / 1000;
    p->outcomes[e->outcome]++;
    if (e->outcome == LOADGEN_STATUS)
        drive_status_add(p->statuses, e->status, 1);
    if (ok || e->outcome == LOADGEN_TIMEOUT || e->outcome == LOADGEN_UNSENT)
        histogram_record(p->response, response_us);
    if (ok)
        p->body_bytes += (double)e->body_bytes;
    if (p->recorder != NULL)
        recorder_add(p->recorder, fmin(p->record_from_s + done_s, p->record_until_s), response_us,
                     (e->done_ns - e->sent_ns) / 1000, e->outcome);
}

static void tick(void *self, int64_t elapsed_ns, uint64_t sent)
{
    const struct driver *r = self;
    (void)elapsed_ns;
    if (r->d->tick != NULL)
        r->d->tick(r->d->self, sent);
}

/* All variants of all parts in one array. */
static void driver_init(struct driver *r, struct arena *arena)
{
    const struct drive_plan *plan = r->plan;
    size_t n = 0, at = 0;
    for (size_t k = 0; k < plan->nparts; k++)
        n += plan->parts[k].variants.count;
    struct loadgen_request *requests = arena_array(arena, n + 1, sizeof *requests);
    r->part_of = arena_array(arena, n + 1, sizeof *r->part_of);
    r->first = arena_array(arena, plan->nparts + 1, sizeof *r->first);
    r->credit = arena_array(arena, plan->nparts + 1, sizeof *r->credit);
    r->turns = arena_array(arena, plan->nparts + 1, sizeof *r->turns);
    for (size_t k = 0; k < plan->nparts; k++) {
        struct drive_part *p = &plan->parts[k];
        r->first[k] = (uint32_t)at;
        r->weights += p->weight;
        p->response = histogram_new();
        for (size_t i = 0; i < p->variants.count; i++, at++) {
            requests[at] = p->variants.items[i];
            r->part_of[at] = (uint32_t)k;
        }
    }
    r->requests = requests;
}

int perf_drive_run(const struct perf_drive *d, const struct drive_plan *plan,
                   struct loadgen_summary *summary, struct error *err)
{
    struct arena *arena = arena_new();
    struct driver r = {.d = d, .plan = plan};
    driver_init(&r, arena);
    size_t n = 0;
    for (size_t k = 0; k < plan->nparts; k++)
        n += plan->parts[k].variants.count;
    struct loadgen_options o = {.url = d->base,
                                .headers = d->requests->headers,
                                .nheaders = d->requests->nheaders,
                                .rate_per_s = plan->rate_per_s,
                                .connections = plan->connections,
                                .warmup_ms = plan->warmup_ms,
                                .duration_ms = plan->duration_ms,
                                .timeout_ms = d->timeout_ms,
                                .requests_max = plan->requests_max,
                                .ca_file = d->ca_file,
                                .requests = r.requests,
                                .nrequests = n,
                                .pick = pick};
    int code = loadgen_run(&o, sink, tick, &r, summary, err);
    arena_free(arena);
    return code;
}

void drive_part_release(struct drive_part *p)
{
    histogram_free(p->response);
    p->response = NULL;
}

uint64_t drive_requests(const struct drive_part *p)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LOADGEN_OUTCOMES; i++)
        all += p->outcomes[i];
    return all;
}

double drive_percentile(const struct drive_part *p, double percentile)
{
    uint64_t needed = percentile > 50 ? statistics_percentile_needs(percentile) : 1;
    if (histogram_count(p->response) < needed)
        return -1;
    return (double)histogram_percentile(p->response, percentile) / 1000;
}

const char *drive_fault(const struct drive_plan *plan, const struct loadgen_summary *s,
                        double p50_ms, struct arena *arena)
{
    double cpu = s->elapsed_ns > 0 ? (double)s->cpu_ns / (double)s->elapsed_ns : 0;
    double lag_ms = plan->rate_per_s > 0 ? (double)s->lag_p99_us / 1000 : 0;
    double most =
        p50_ms < 0 ? LAG_MAX_MS : fmin(LAG_MAX_MS, fmax(LAG_NOTHING_MS, p50_ms * LAG_SHARE));
    if (cpu > BUSY_SHARE)
        return arena_printf(arena,
                            "the load generator used %.0f %% of a core, more than %.0f %%: it, not "
                            "the API, may have set the pace",
                            cpu * 100, BUSY_SHARE * 100);
    if (lag_ms > most)
        return arena_printf(arena,
                            "1 %% of the requests were sent over %.2f ms late (at most %.2f ms "
                            "may be): the machine was too busy to time them",
                            lag_ms, most);
    return NULL;
}
