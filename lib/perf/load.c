/* lib/perf/load.c - see load.h. */
#include "perf/load.h"

#include "core/clock.h"
#include "core/strbuf.h"
#include "perf/record.h"

#define NS_PER_S     1e9
#define BUSY_SHARE   0.8
#define SLOW_TURN_US 1000

struct collector {
    const struct perf_load *load;
    struct recorder *recorder;
    uint64_t warmup;
};

static void collect(void *self, const struct loadgen_event *e)
{
    struct collector *c = self;
    double warm_s = (double)c->load->http.warmup_ms / 1000;
    if (e->warmup) {
        c->warmup++;
        return;
    }
    recorder_add(c->recorder, (double)e->done_ns / NS_PER_S - warm_s,
                 (e->done_ns - e->intended_ns) / 1000, (e->done_ns - e->sent_ns) / 1000,
                 e->outcome);
}

static void tick(void *self, int64_t elapsed_ns, uint64_t sent)
{
    struct collector *c = self;
    if (c->load->tick != NULL)
        c->load->tick(c->load->self, elapsed_ns, sent);
}

void perf_load_profile(const struct loadgen_options *http, struct arena *arena,
                       struct perf_profile *ret)
{
    size_t shown = strcspn(http->url, "?#");
    *ret =
        (struct perf_profile){.source = "diner",
                              .method = http->method     ? http->method
                                        : http->body.ptr ? "POST"
                                                         : "GET",
                              .url = arena_strndup(arena, http->url, shown),
                              .model = http->rate_per_s > 0 ? PERF_MODEL_OPEN : PERF_MODEL_CLOSED,
                              .rate_per_s = http->rate_per_s,
                              .connections = http->connections,
                              .duration_s = (double)http->duration_ms / 1000,
                              .warmup_s = (double)http->warmup_ms / 1000,
                              .started_us = clock_wall_us()};
}

static void note_outcomes(const struct loadgen_summary *s, struct arena *arena,
                          struct perf_result *r)
{
    uint64_t limited = r->outcomes[LOADGEN_LIMITED];
    if (limited > 0)
        perf_note(r, arena,
                  "%llu of %llu answers were 429 (too many requests): the server's own rate limit "
                  "shaped this run; they count neither as errors nor as successes",
                  (unsigned long long)limited, (unsigned long long)perf_requests(r));
    if (r->outcomes[LOADGEN_UNSENT] > 0)
        perf_note(r, arena,
                  "%llu requests never went out: all %lld connections were busy for the whole "
                  "time limit; they count as timed out",
                  (unsigned long long)r->outcomes[LOADGEN_UNSENT],
                  (long long)r->profile.connections);
    if (s->first_failure[0] != '\0')
        perf_note(r, arena, "the first connection that failed said: %s", s->first_failure);
    if (s->capped)
        perf_note(r, arena, "the load ended early, at its limit of requests");
    if (s->interrupted)
        perf_note(r, arena,
                  "interrupted after %.1f s; %llu requests were under way and are not "
                  "counted",
                  (double)s->elapsed_ns / NS_PER_S, (unsigned long long)s->abandoned);
}

/* Whether the generator was fast enough to be believed. */
static void note_generator(const struct loadgen_summary *s, struct arena *arena,
                           struct perf_result *r)
{
    double cpu = s->elapsed_ns > 0 ? (double)s->cpu_ns / (double)s->elapsed_ns : 0;
    r->cpu = perf_measured(cpu);
    r->loop_p99 =
        perf_measured((double)(s->lag_p99_us >= 0 ? s->lag_p99_us : s->loop_p99_us) / 1000);
    if (cpu > BUSY_SHARE && r->profile.model == PERF_MODEL_CLOSED)
        perf_note(r, arena,
                  "the load generator used %.0f %% of a core: QPS is what it could "
                  "send, the server may bear more",
                  cpu * 100);
    else if (cpu > BUSY_SHARE ||
             (r->profile.model == PERF_MODEL_OPEN && s->lag_p99_us > SLOW_TURN_US))
        perf_note(r, arena,
                  "the load generator was busy (%.0f %% of a core, requests sent up to %.1f ms "
                  "late): response times contain its own delay",
                  cpu * 100, (double)s->lag_p99_us / 1000);
}

static void finish(const struct collector *c, const struct loadgen_summary *s, struct arena *arena,
                   struct perf_result *r)
{
    double measured_s = (double)s->elapsed_ns / NS_PER_S - (double)c->load->http.warmup_ms / 1000;
    recorder_finish(c->recorder, measured_s > 0 ? measured_s : 0, arena, r);
    r->warmup_requests = c->warmup;
    r->sent = s->sent;
    r->interrupted = s->interrupted;
    r->capped = s->capped;
    note_outcomes(s, arena, r);
    note_generator(s, arena, r);
}

int perf_load_run(const struct perf_load *load, struct arena *arena, struct perf_result *ret,
                  struct error *err)
{
    struct loadgen_summary summary = {0};
    struct perf_result r;
    perf_result_init(&r, arena, "diner");
    struct collector c = {.load = load,
                          .recorder = recorder_new((double)load->http.duration_ms / 1000)};
    perf_load_profile(&load->http, arena, &r.profile);
    int code = loadgen_run(&load->http, collect, tick, &c, &summary, err);
    if (code == 0) {
        finish(&c, &summary, arena, &r);
        *ret = r;
    } else {
        perf_result_release(&r);
    }
    recorder_free(c.recorder);
    return code;
}
