/* lib/perf/study_load.c - see study_load.h. */
#include "perf/study_load.h"

#include "core/clock.h"
#include "core/signals.h"
#include "perf/load.h"
#include "perf/server.h"
#include "perf/session.h"
#include "perf/sessions.h"
#include "perf/statistics.h"

#include <math.h>
#include <stdlib.h>

#define STEADY_WINDOWS   3
#define STEADY_SHARE     0.1
#define STEADY_WINDOW_MS 2000
#define ROUND_WARMUP_MS  500
#define ROUND_WARMUP_OF  10 /* of a round's length, at most */
#define ERRORS_MAX       0.01
#define KNEE_GAIN        1.05 /* twice the connections bring less: it is full */
#define CLEAR_OF_END_S   1e-9

/* A side while it is driven. */
struct side {
    const struct perf_side *s;
    struct perf_drive drive;
    struct db_conn *conn; /* NULL: no statements to be had */
    struct recorder **recorders;
    double started_s;
    uint64_t *sent, *warmup;
    bool interrupted;
};
struct loading {
    const struct perf_load_plan *plan;
    const struct perf_config *c;
    struct arena *arena;
    struct side sides[2];
    int64_t started_ns;
};

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

static struct drive_plan plan_of(const struct perf_config *c, struct drive_part *parts, size_t n)
{
    return (struct drive_plan){.parts = parts,
                               .nparts = n,
                               .rate_per_s = c->load.rate_per_s,
                               .connections = c->load.connections,
                               .duration_ms = c->load.duration_ms,
                               .warmup_ms = round_warmup_ms(&c->load),
                               .requests_max = (uint64_t)c->load.max_requests};
}

static struct drive_part *parts_of_all(const struct loading *l, const struct side *side)
{
    const struct perf_requests *r = &side->s->requests;
    struct drive_part *parts = arena_array(l->arena, r->count + 1, sizeof *parts);
    for (size_t i = 0; i < r->count; i++)
        parts[i] = (struct drive_part){.variants = r->endpoints[i],
                                       .weight = perf_config_endpoint(l->c, i)->weight};
    return parts;
}

static void parts_release(struct drive_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        drive_part_release(&parts[i]);
}

static void side_fault(const struct side *side, const char *fault)
{
    struct perf_study *s = side->s->study;
    if (fault == NULL || s->voided)
        return;
    s->voided = true;
    s->voided_why = fault;
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
    while (n < most && !is_steady(p50, n) && signals_pending() == 0) {
        struct drive_part *parts = parts_of_all(l, side);
        struct drive_plan plan = plan_of(l->c, parts, side->s->requests.count);
        plan.duration_ms = window;
        plan.warmup_ms = 0;
        int code = perf_drive_run(&side->drive, &plan, &summary, err);
        p50[n++] = middle_of(parts, plan.nparts);
        parts_release(parts, plan.nparts);
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
    struct drive_plan plan = plan_of(l->c, &part, 1);
    struct perf_sums before = {0}, after = {0};
    struct loadgen_summary summary = {0};
    plan.rate_per_s = rate_alone(l->c, side->s->study, i);
    if (side->conn != NULL)
        TRY(perf_sums_take(side->conn, &before, err));
    double started_s = (double)(clock_monotonic_ns() - l->started_ns) / 1e9;
    int code = perf_drive_run(&side->drive, &plan, &summary, err);
    if (code == 0 && side->conn != NULL)
        code = perf_sums_take(side->conn, &after, err);
    if (code == 0) {
        double seconds = (double)summary.elapsed_ns / 1e9 - (double)plan.warmup_ms / 1000;
        struct perf_round *r = &e->rounds[e->nrounds++];
        *r = round_of(&part, fmax(0, seconds));
        r->started_s = started_s;
        if (side->conn != NULL)
            round_database(r, &before, &after, summary.sent);
        side->sent[i] += summary.sent;
        side->warmup[i] += summary.sent > r->requests ? summary.sent - r->requests : 0;
        side->interrupted = side->interrupted || summary.interrupted;
        add_body(e, &part);
        side_fault(side, drive_fault(&plan, &summary, r->p50_ms, l->arena));
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

static void profile_of(const struct loading *l, const struct side *side, const char *method,
                       const char *path, int64_t rate, struct perf_profile *ret)
{
    const char *url = arena_printf(l->arena, "%s%s", side->s->base, path);
    struct loadgen_options o = {.url = url,
                                .method = method,
                                .rate_per_s = rate,
                                .connections = l->c->load.connections,
                                .duration_ms = l->c->load.duration_ms,
                                .warmup_ms = round_warmup_ms(&l->c->load)};
    perf_load_profile(&o, l->arena, ret);
    ret->started_us = side->s->study->environment.started_us;
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
    profile_of(l, side, e->method, e->path, rate_alone(l->c, side->s->study, i), &r->profile);
    r->profile.duration_s = seconds;
    if (seconds > 0 && perf_requests(r) > 0)
        r->rps = perf_measured(ok / seconds);
    r->sent = side->sent[i];
    r->warmup_requests = side->warmup[i];
    r->interrupted = side->interrupted;
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
                TRY(run_round(l, &l->sides[side], i, round, err));
                TRY(signals_check(err));
            }
    return 0;
}

/* ---- all together --------------------------------------------------------------------------- */

static int run_mixed(const struct loading *l, struct side *side, struct error *err)
{
    struct perf_study *s = side->s->study;
    double length_s = (double)l->c->load.duration_ms / 1000;
    struct recorder *recorder = recorder_new(length_s);
    struct drive_part *parts = parts_of_all(l, side);
    struct drive_plan plan = plan_of(l->c, parts, s->nendpoints);
    struct loadgen_summary summary = {0};
    struct perf_sums before = {0}, after = {0}, d = {0};
    struct perf_result *r = arena_alloc(l->arena, sizeof *r);
    perf_result_init(r, l->arena, "diner");
    for (size_t i = 0; i < plan.nparts; i++) {
        parts[i].recorder = recorder;
        parts[i].record_until_s = length_s;
    }
    int code = side->conn != NULL ? perf_sums_take(side->conn, &before, err) : 0;
    if (code == 0)
        code = perf_drive_run(&side->drive, &plan, &summary, err);
    if (code == 0 && side->conn != NULL)
        code = perf_sums_take(side->conn, &after, err);
    if (code == 0) {
        double seconds = (double)summary.elapsed_ns / 1e9 - (double)plan.warmup_ms / 1000;
        recorder_finish(recorder, fmax(0, seconds), l->arena, r);
        profile_of(l, side, "GET", "", plan.rate_per_s, &r->profile);
        r->sent = summary.sent;
        r->interrupted = summary.interrupted;
        r->capped = summary.capped;
        r->cpu = perf_measured((double)summary.cpu_ns / fmax(1, (double)summary.elapsed_ns));
        r->loop_p99 = perf_measured((double)summary.loop_p99_us / 1000);
        side_fault(side, drive_fault(&plan, &summary, r->percentiles[PERF_P50].value, l->arena));
        if (side->conn != NULL && perf_sums_difference(&before, &after, &d) && summary.sent > 0) {
            r->database.method = PERF_DATABASE_STATEMENTS;
            r->database.server = s->server.version;
            r->database.ms_per_request = perf_measured(d.exec_ms / (double)summary.sent);
            r->database.calls_per_request = perf_measured(d.calls / (double)summary.sent);
            r->database.rows_per_request = perf_measured(d.rows / (double)summary.sent);
        }
        s->mixed = r;
    }
    parts_release(parts, plan.nparts);
    recorder_free(recorder);
    return code;
}

/* ---- capacity ------------------------------------------------------------------------------- */

static int run_step(const struct loading *l, struct side *side, int64_t connections,
                    struct perf_step *ret, struct error *err)
{
    struct drive_part *parts = parts_of_all(l, side);
    struct drive_plan plan = plan_of(l->c, parts, side->s->study->nendpoints);
    struct drive_part all = {.response = histogram_new()};
    struct loadgen_summary summary = {0};
    plan.rate_per_s = 0;
    plan.connections = connections;
    plan.duration_ms = l->c->capacity->step_ms;
    int64_t since_ns = clock_monotonic_ns();
    int code = perf_drive_run(&side->drive, &plan, &summary, err);
    for (size_t i = 0; i < plan.nparts; i++) {
        if (parts[i].response != NULL)
            histogram_merge(all.response, parts[i].response);
        all.ok_inside += parts[i].ok_inside;
        for (size_t k = 0; k < LOADGEN_OUTCOMES; k++)
            all.outcomes[k] += parts[i].outcomes[k];
    }
    double judged = (double)(drive_requests(&all) - all.outcomes[LOADGEN_LIMITED]);
    *ret = (struct perf_step){
        .connections = (double)connections,
        .rps = (double)all.ok_inside / ((double)plan.duration_ms / 1000),
        .p50_ms = drive_percentile(&all, 50),
        .p95_ms = drive_percentile(&all, 95),
        .error_rate = judged > 0 ? (judged - (double)all.outcomes[LOADGEN_OK]) / judged : 0,
        .database_sessions = side->s->sessions != NULL
                                 ? fmax(0, perf_sessions_active(side->s->sessions, since_ns))
                                 : 0};
    drive_part_release(&all);
    parts_release(parts, plan.nparts);
    return code;
}

/* Ends when the target is missed, when requests fail, or when twice the connections twice brought
 * nothing more. */
static int search_capacity(const struct loading *l, struct side *side, struct error *err)
{
    struct perf_study *s = side->s->study;
    int flat = 0;
    s->steps = arena_array(l->arena, 32, sizeof *s->steps);
    s->nsteps = 0;
    for (int64_t n = 1; flat < 2 && s->nsteps < 32; n *= 2) {
        int64_t connections =
            n < l->c->capacity->connections_max ? n : l->c->capacity->connections_max;
        struct perf_step *step = &s->steps[s->nsteps];
        TRY(run_step(l, side, connections, step, err));
        TRY(signals_check(err));
        bool gained = s->nsteps == 0 || step->rps > s->steps[s->nsteps - 1].rps * KNEE_GAIN;
        flat = gained ? 0 : flat + 1;
        s->nsteps++;
        if (step->p95_ms > l->plan->capacity_p95_ms || step->error_rate > ERRORS_MAX ||
            connections == l->c->capacity->connections_max)
            break;
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
    side->sent = arena_array(l->arena, n + 1, sizeof *side->sent);
    side->warmup = arena_array(l->arena, n + 1, sizeof *side->warmup);
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

double perf_study_load_seconds(const struct perf_load_plan *plan)
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
        TRY(run_mixed(l, &l->sides[k], err));
    }
    for (size_t k = 0; k < l->plan->nsides && l->c->capacity != NULL; k++) {
        say(l, "searching for capacity");
        TRY(search_capacity(l, &l->sides[k], err));
    }
    return signals_check(err);
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
