/* lib/perf/study_load.c - see study_load.h: warm-up, and rounds of each endpoint alone. */
#include "perf/study_load.h"

#include "core/clock.h"
#include "core/signals.h"
#include "perf/figure.h"
#include "perf/server.h"
#include "perf/study_load_internal.h"

#include <math.h>

#define STEADY_WINDOWS   3
#define STEADY_SHARE     0.1
#define STEADY_WINDOW_MS 2000
#define ROUND_WARMUP_MS  500
#define ROUND_WARMUP_OF  10 /* of a round's length, at most */
#define CLEAR_OF_END_S   1e-9

static void say(const struct loading *l, const char *what)
{
    if (l->plan->say != NULL)
        l->plan->say(l->plan->self, what);
}

static int64_t round_warmup_ms(const struct perf_load_config *c)
{
    int64_t part = c->duration_ms / ROUND_WARMUP_OF;
    return part < ROUND_WARMUP_MS ? part : ROUND_WARMUP_MS;
}

/* An endpoint alone gets its share of the rate. */
static int64_t rate_alone(const struct perf_config *c, const struct perf_study *s, size_t i)
{
    double share = (double)c->load.rate_per_s * s->endpoints[i].weight;
    return c->load.rate_per_s == 0 ? 0 : share < 1 ? 1 : (int64_t)llround(share);
}

struct drive_plan load_plan(const struct loading *l, struct drive_part *parts, size_t n)
{
    const struct perf_load_config *c = &l->c->load;
    return (struct drive_plan){.parts = parts,
                               .nparts = n,
                               .rate_per_s = c->rate_per_s,
                               .connections = c->connections,
                               .duration_ms = c->duration_ms,
                               .warmup_ms = round_warmup_ms(c)};
}

void load_without_statements(const struct side *side, struct perf_result *r)
{
    struct perf_database *d = &r->database;
    if (side->s->dsn != NULL)
        d->ms_per_request = d->ms_per_call = d->calls_per_request = d->rows_per_request =
            perf_unknown("pg_stat_statements cannot be read");
}

struct drive_part *load_parts_of_all(const struct loading *l, const struct side *side)
{
    const struct perf_requests *r = &side->s->requests;
    struct drive_part *parts = arena_array(l->arena, r->count + 1, sizeof *parts);
    for (size_t i = 0; i < r->count; i++)
        parts[i] = (struct drive_part){.variants = r->endpoints[i],
                                       .weight = perf_config_endpoint(l->c, i)->weight};
    return parts;
}

void load_parts_release(struct drive_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        drive_part_release(&parts[i]);
}

int load_drive(struct side *side, struct drive_plan *plan, struct loadgen_summary *ret,
               struct error *err)
{
    plan->requests_max = side->left;
    TRY(perf_drive_run(&side->drive, plan, ret, err));
    side->left -= ret->sent < side->left ? ret->sent : side->left;
    return 0;
}

void load_fault(const struct side *side, const char *fault)
{
    struct perf_study *s = side->s->study;
    if (fault == NULL || s->voided)
        return;
    s->voided = true;
    s->voided_why = fault;
}

/* i: an endpoint, or FIGURE_WHOLE. */
void load_profile(const struct loading *l, const struct perf_study *s, const char *base, size_t i,
                  struct perf_profile *ret)
{
    const struct perf_load_config *c = &l->c->load;
    const struct perf_endpoint *e = i != FIGURE_WHOLE ? &s->endpoints[i] : NULL;
    const char *url = arena_printf(l->arena, "%s%s", base, e != NULL ? e->path : "");
    *ret = (struct perf_profile){.source = "diner",
                                 .method = e != NULL ? e->method : "GET",
                                 .url = arena_strndup(l->arena, url, strcspn(url, "?#")),
                                 .model = c->rate_per_s > 0 ? PERF_MODEL_OPEN : PERF_MODEL_CLOSED,
                                 .rate_per_s = e != NULL ? rate_alone(l->c, s, i) : c->rate_per_s,
                                 .connections = c->connections,
                                 .duration_s = (double)c->duration_ms / 1000,
                                 .warmup_s = (double)round_warmup_ms(c) / 1000,
                                 .started_us = s->environment.started_us};
}

/* ---- warm-up -------------------------------------------------------------------------------- */

/* The P50 of all parts together. */
static double middle_of(const struct drive_part *parts, size_t n)
{
    struct histogram *all = histogram_new();
    for (size_t i = 0; i < n; i++)
        histogram_merge(all, parts[i].response);
    double p50 = histogram_count(all) > 0 ? (double)histogram_percentile(all, 50) / 1000 : -1;
    histogram_free(all);
    return p50;
}

static bool is_steady(const double *p50, size_t n)
{
    double low = INFINITY, high = 0;
    if (n < STEADY_WINDOWS)
        return false;
    for (size_t i = n - STEADY_WINDOWS; i < n; i++) {
        low = fmin(low, p50[i]);
        high = fmax(high, p50[i]);
    }
    return low > 0 && high <= low * (1 + STEADY_SHARE);
}

static int warm_up(const struct loading *l, struct side *side, struct error *err)
{
    int64_t limit = l->c->load.warmup_ms;
    int64_t window =
        limit / STEADY_WINDOWS < STEADY_WINDOW_MS ? limit / STEADY_WINDOWS : STEADY_WINDOW_MS;
    size_t most = window > 0 ? (size_t)(limit / window) : 0;
    double *p50 = arena_array(l->arena, most + 1, sizeof *p50);
    struct loadgen_summary summary;
    size_t n = 0;
    while (n < most && !is_steady(p50, n) && side->left > 0 && signals_pending() == 0) {
        struct drive_part *parts = load_parts_of_all(l, side);
        struct drive_plan plan = load_plan(l, parts, side->s->requests.count);
        plan.duration_ms = window;
        plan.warmup_ms = 0;
        int code = load_drive(side, &plan, &summary, err);
        p50[n++] = middle_of(parts, plan.nparts);
        load_parts_release(parts, plan.nparts);
        TRY(code);
    }
    if (most > 0 && !is_steady(p50, n))
        perf_study_lacks(side->s->study, l->arena, "a steady state",
                         arena_printf(l->arena,
                                      "the middle response times of the last windows of the "
                                      "warm-up (at most %lld ms) still differed by over 10 %%",
                                      (long long)limit),
                         "预热结束时响应时间中位数仍波动超过 10%");
    return signals_check(err);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static void round_database(struct perf_round *r, const struct perf_sums *before,
                           const struct perf_sums *after, uint64_t sent)
{
    struct perf_sums d;
    double n = (double)sent;
    r->database_ms = r->calls = r->row_count = r->blocks = r->wal_bytes = -1;
    if (sent == 0 || !perf_sums_difference(before, after, &d))
        return;
    r->database_ms = d.exec_ms / n;
    r->calls = d.calls / n;
    r->row_count = d.rows / n;
    r->blocks = d.blocks / n;
    r->wal_bytes = d.wal_bytes / n;
}

static struct perf_round round_of(const struct drive_part *p, double seconds)
{
    uint64_t timeouts = p->outcomes[LOADGEN_TIMEOUT] + p->outcomes[LOADGEN_UNSENT];
    struct perf_round r = {
        .seconds = seconds,
        .requests = drive_requests(p),
        .ok = p->outcomes[LOADGEN_OK],
        .timeouts = timeouts,
        .limited = p->outcomes[LOADGEN_LIMITED],
        .p50_ms = drive_percentile(p, 50),
        .p90_ms = drive_percentile(p, 90),
        .p95_ms = drive_percentile(p, 95),
        .p99_ms = drive_percentile(p, 99),
        .mean_ms = histogram_count(p->response) > 0 ? histogram_mean(p->response) / 1000 : -1,
        .rps = seconds > 0 ? (double)p->ok_inside / seconds : -1,
        .database_ms = -1,
        .calls = -1,
        .row_count = -1,
        .blocks = -1,
        .wal_bytes = -1};
    r.errors = r.requests - r.ok - r.limited - timeouts;
    return r;
}

static void add_body(struct perf_endpoint *e, const struct drive_part *p)
{
    if (p->outcomes[LOADGEN_OK] > 0)
        e->body_bytes = p->body_bytes / (double)p->outcomes[LOADGEN_OK];
}

static int run_round(const struct loading *l, struct side *side, size_t i, size_t round,
                     struct error *err)
{
    struct perf_endpoint *e = &side->s->study->endpoints[i];
    double length_s = (double)l->c->load.duration_ms / 1000;
    struct drive_part part = {.variants = side->s->requests.endpoints[i],
                              .weight = 1,
                              .recorder = side->recorders[i],
                              .record_from_s = (double)round * length_s,
                              .record_until_s = (double)(round + 1) * length_s - CLEAR_OF_END_S};
    struct drive_plan plan = load_plan(l, &part, 1);
    struct perf_sums before = {0}, after = {0};
    struct loadgen_summary summary = {0};
    plan.rate_per_s = rate_alone(l->c, side->s->study, i);
    if (side->conn != NULL)
        TRY(perf_sums_take(side->conn, &before, err));
    double started_s = (double)(clock_monotonic_ns() - l->started_ns) / 1e9;
    int code = load_drive(side, &plan, &summary, err);
    if (code == 0 && side->conn != NULL)
        code = perf_sums_take(side->conn, &after, err);
    if (code == 0) {
        double seconds = (double)summary.elapsed_ns / 1e9 - (double)plan.warmup_ms / 1000;
        struct perf_round *r = &e->rounds[e->nrounds++];
        *r = round_of(&part, fmax(0, seconds));
        r->started_s = started_s;
        if (side->conn != NULL)
            round_database(r, &before, &after, summary.sent);
        load_tally_add(&side->tallies[i], &summary, &part, 1);
        add_body(e, &part);
        load_fault(side, drive_fault(&plan, &summary, r->p50_ms, l->arena));
    }
    drive_part_release(&part);
    return code;
}

static double sum_of_rounds(const struct perf_endpoint *e, const double *first,
                            double *ret_requests)
{
    size_t offset = (size_t)((const char *)first - (const char *)&e->rounds[0]);
    double sum = 0;
    *ret_requests = 0;
    for (size_t i = 0; i < e->nrounds; i++) {
        double value = *(const double *)(const void *)((const char *)&e->rounds[i] + offset);
        if (value < 0)
            continue;
        sum += value * (double)e->rounds[i].requests;
        *ret_requests += (double)e->rounds[i].requests;
    }
    return sum;
}

static struct perf_value mean_of_rounds(const struct perf_endpoint *e, const double *first)
{
    double requests, sum;
    if (e->nrounds == 0)
        return perf_unknown("there was no round");
    sum = sum_of_rounds(e, first, &requests);
    return requests > 0 ? perf_measured(sum / requests)
                        : perf_unknown("the counters were evicted or reset meanwhile");
}

static void result_database(const struct side *side, const struct perf_endpoint *e,
                            struct perf_result *r)
{
    struct perf_database *d = &r->database;
    if (side->conn == NULL)
        load_without_statements(side, r);
    if (side->conn == NULL || e->nrounds == 0)
        return;
    d->method = PERF_DATABASE_STATEMENTS;
    d->server = side->s->study->server.version;
    d->ms_per_request = mean_of_rounds(e, &e->rounds[0].database_ms);
    d->calls_per_request = mean_of_rounds(e, &e->rounds[0].calls);
    d->rows_per_request = mean_of_rounds(e, &e->rounds[0].row_count);
    d->ms_per_call = d->ms_per_request.known == PERF_MEASURED && d->calls_per_request.value > 0
                         ? perf_measured(d->ms_per_request.value / d->calls_per_request.value)
                         : perf_unknown("no statement was finished");
    d->cache_hit = d->commits_per_request = d->block_read_ms_per_request =
        perf_unknown("it is told of the whole database");
}

static void finish_endpoint(const struct loading *l, const struct side *side, size_t i)
{
    struct perf_endpoint *e = &side->s->study->endpoints[i];
    double seconds = 0, ok = 0;
    struct perf_result *r = arena_alloc(l->arena, sizeof *r);
    perf_result_init(r, l->arena, "diner");
    for (size_t k = 0; k < e->nrounds; k++) {
        seconds += e->rounds[k].seconds;
        ok += e->rounds[k].rps * e->rounds[k].seconds;
    }
    recorder_finish(side->recorders[i], (double)e->nrounds * (double)l->c->load.duration_ms / 1000,
                    l->arena, r);
    load_profile(l, side->s->study, side->s->base, i, &r->profile);
    r->profile.duration_s = seconds;
    if (seconds > 0 && perf_requests(r) > 0)
        r->rps = perf_measured(ok / seconds);
    load_tally_finish(&side->tallies[i], l->arena, r);
    result_database(side, e, r);
    e->result = r;
}

static int run_rounds(struct loading *l, struct error *err)
{
    size_t n = l->c->endpoints.count;
    for (size_t round = 0; round < (size_t)l->c->load.rounds; round++)
        for (size_t k = 0; k < n; k++)
            for (size_t turn = 0; turn < l->plan->nsides; turn++) {
                /* A B B A, and the endpoints there and back: what drifts falls on all alike. */
                size_t side = round % 2 == 0 ? turn : l->plan->nsides - 1 - turn;
                size_t i = round % 2 == 0 ? k : n - 1 - k;
                if (l->sides[side].left == 0)
                    return 0;
                TRY(run_round(l, &l->sides[side], i, round, err));
                TRY(signals_check(err));
            }
    return 0;
}

/* ---- the phase ------------------------------------------------------------------------------ */

/* Statements can be counted only where the extension is. */
static int side_connect(struct loading *l, struct side *side, struct error *err)
{
    struct perf_sums sums;
    struct error refused = ERROR_INIT;
    if (side->s->dsn == NULL)
        return 0;
    TRY(perf_session_open(side->s->dsn, &side->conn, err));
    if (perf_sums_take(side->conn, &sums, &refused) == 0)
        return 0;
    db_close(side->conn);
    side->conn = NULL;
    perf_study_lacks(side->s->study, l->arena, "statements", refused.message,
                     "无法读取 pg_stat_statements");
    return 0;
}

static int side_begin(struct loading *l, size_t k, struct error *err)
{
    struct side *side = &l->sides[k];
    size_t n = l->c->endpoints.count;
    double window_s = (double)(l->c->load.rounds * l->c->load.duration_ms) / 1000;
    side->s = &l->plan->sides[k];
    side->drive = (struct perf_drive){.base = side->s->base,
                                      .ca_file = l->c->ca_file,
                                      .requests = &side->s->requests,
                                      .timeout_ms = l->c->load.timeout_ms,
                                      .tick = l->plan->tick,
                                      .self = l->plan->self};
    side->recorders = arena_array(l->arena, n + 1, sizeof(struct recorder *));
    side->tallies = arena_array(l->arena, n + 1, sizeof *side->tallies);
    side->left = (uint64_t)l->c->load.max_requests;
    for (size_t i = 0; i < n; i++) {
        struct perf_endpoint *e = &side->s->study->endpoints[i];
        side->recorders[i] = recorder_new(window_s);
        e->nrounds = 0;
        e->rounds = arena_array(l->arena, (size_t)l->c->load.rounds, sizeof *e->rounds);
    }
    return side_connect(l, side, err);
}

static void side_end(const struct loading *l, struct side *side)
{
    for (size_t i = 0; side->recorders != NULL && i < l->c->endpoints.count; i++)
        recorder_free(side->recorders[i]);
    db_close(side->conn);
}

/* What perf_study_load will take at most. */
static double perf_study_load_seconds(const struct perf_load_plan *plan)
{
    const struct perf_config *c = plan->config;
    double round = (double)(c->load.duration_ms + round_warmup_ms(&c->load));
    double n = (double)c->endpoints.count, ms = (double)c->load.warmup_ms;
    ms += n * (double)c->load.rounds * round + (n > 1 ? round : 0);
    if (c->capacity != NULL)
        ms += (log2((double)c->capacity->connections_max) + 2) *
              (double)(c->capacity->step_ms + round_warmup_ms(&c->load));
    return ms * (double)plan->nsides / 1000;
}

static int check_time(const struct perf_load_plan *plan, struct error *err)
{
    double seconds = perf_study_load_seconds(plan),
           most = (double)plan->config->load.max_time_ms / 1000;
    if (seconds <= most)
        return 0;
    error_set(err, ERR_USAGE, "the loads would take up to %.0f s, load.max_time allows %.0f s",
              seconds, most);
    return error_hint(err, "fewer rounds or endpoints, shorter rounds, or a larger max_time");
}

static void tell_spent(const struct loading *l, const struct side *side)
{
    if (side->left > 0)
        return;
    perf_study_lacks(side->s->study, l->arena, "the whole load",
                     arena_printf(l->arena, "the load ended early, at %lld requests (max_requests)",
                                  (long long)l->c->load.max_requests),
                     arena_printf(l->arena, "已达请求数上限 %lld（max_requests），压测提前结束",
                                  (long long)l->c->load.max_requests));
}

static int load_sides(struct loading *l, struct error *err)
{
    for (size_t k = 0; k < l->plan->nsides; k++)
        TRY(side_begin(l, k, err));
    say(l, "warming up");
    for (size_t k = 0; k < l->plan->nsides; k++)
        TRY(warm_up(l, &l->sides[k], err));
    say(l, "each endpoint alone");
    int code = run_rounds(l, err);
    for (size_t k = 0; k < l->plan->nsides; k++)
        for (size_t i = 0; i < l->c->endpoints.count; i++)
            finish_endpoint(l, &l->sides[k], i);
    TRY(code);
    for (size_t k = 0; k < l->plan->nsides && l->c->endpoints.count > 1; k++) {
        say(l, "all endpoints together");
        TRY(load_mixed(l, &l->sides[k], err));
    }
    for (size_t k = 0; k < l->plan->nsides && l->c->capacity != NULL; k++) {
        say(l, "searching for capacity");
        TRY(load_capacity(l, &l->sides[k], err));
    }
    for (size_t k = 0; k < l->plan->nsides; k++)
        tell_spent(l, &l->sides[k]);
    return signals_check(err);
}

void perf_study_planned(const struct perf_config *c, struct arena *arena, struct perf_study *ret)
{
    const struct loading l = {.c = c, .arena = arena};
    perf_study_endpoints(c, arena, ret);
    for (size_t i = 0; i < ret->nendpoints; i++) {
        struct perf_result *r = arena_alloc(arena, sizeof *r);
        perf_result_init(r, arena, "diner");
        load_profile(&l, ret, c->target, i, &r->profile);
        ret->endpoints[i].result = r;
    }
}

int perf_study_load(const struct perf_load_plan *plan, struct arena *arena, struct error *err)
{
    struct loading l = {.plan = plan, .c = plan->config, .arena = arena};
    TRY(check_time(plan, err));
    l.started_ns = clock_monotonic_ns();
    int code = load_sides(&l, err);
    for (size_t k = 0; k < plan->nsides; k++)
        side_end(&l, &l.sides[k]);
    return code;
}
