/* lib/perf/study_load_all.c - the loads of all endpoints together: the mixed run, and the search
 * for capacity. */
#include "perf/study_load_internal.h"

#include "core/clock.h"
#include "core/signals.h"
#include "perf/figure.h"
#include "perf/server.h"
#include "perf/sessions.h"

#include <math.h>

#define ERRORS_MAX 0.01
#define KNEE_GAIN  1.05 /* twice the connections bring less: it is full */

/* ---- all together --------------------------------------------------------------------------- */

static void mixed_database(const struct side *side, const struct perf_sums *before,
                           const struct perf_sums *after, struct perf_result *r)
{
    struct perf_database *d = &r->database;
    struct perf_sums sums = {0};
    double n = (double)r->sent;
    if (side->conn == NULL)
        load_without_statements(side, r);
    if (side->conn == NULL || r->sent == 0 || !perf_sums_difference(before, after, &sums))
        return;
    d->method = PERF_DATABASE_STATEMENTS;
    d->server = side->s->study->server.version;
    d->ms_per_request = perf_measured(sums.exec_ms / n);
    d->calls_per_request = perf_measured(sums.calls / n);
    d->rows_per_request = perf_measured(sums.rows / n);
}

int load_mixed(const struct loading *l, struct side *side, struct error *err)
{
    struct perf_study *s = side->s->study;
    double length_s = (double)l->c->load.duration_ms / 1000;
    if (side->left == 0)
        return 0;
    struct recorder *recorder = recorder_new(length_s);
    struct drive_part *parts = load_parts_of_all(l, side);
    struct drive_plan plan = load_plan(l, parts, s->nendpoints);
    struct loadgen_summary summary = {0};
    struct load_tally tally = {0};
    struct perf_sums before = {0}, after = {0};
    struct perf_result *r = arena_alloc(l->arena, sizeof *r);
    perf_result_init(r, l->arena, "diner");
    for (size_t i = 0; i < plan.nparts; i++) {
        parts[i].recorder = recorder;
        parts[i].record_until_s = length_s;
    }
    int code = side->conn != NULL ? perf_sums_take(side->conn, &before, err) : 0;
    if (code == 0)
        code = load_drive(side, &plan, &summary, err);
    if (code == 0 && side->conn != NULL)
        code = perf_sums_take(side->conn, &after, err);
    if (code == 0) {
        double seconds = (double)summary.elapsed_ns / 1e9 - (double)plan.warmup_ms / 1000;
        recorder_finish(recorder, fmax(0, seconds), l->arena, r);
        load_profile(l, s, side->s->base, FIGURE_WHOLE, &r->profile);
        load_tally_add(&tally, &summary, parts, plan.nparts);
        load_tally_finish(&tally, l->arena, r);
        load_fault(side, drive_fault(&plan, &summary, r->percentiles[PERF_P50].value, l->arena));
        mixed_database(side, &before, &after, r);
        s->mixed = r;
    }
    load_parts_release(parts, plan.nparts);
    recorder_free(recorder);
    return code;
}

/* ---- capacity ------------------------------------------------------------------------------- */

static int run_step(const struct loading *l, struct side *side, int64_t connections,
                    struct perf_step *ret, struct error *err)
{
    struct drive_part *parts = load_parts_of_all(l, side);
    struct drive_plan plan = load_plan(l, parts, side->s->study->nendpoints);
    struct drive_part all = {.response = histogram_new()};
    struct loadgen_summary summary = {0};
    plan.rate_per_s = 0;
    plan.connections = connections;
    plan.duration_ms = l->c->capacity->step_ms;
    int64_t since_ns = clock_monotonic_ns();
    int code = load_drive(side, &plan, &summary, err);
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
    load_parts_release(parts, plan.nparts);
    return code;
}

/* Ends when the target is missed, when requests fail, or when twice the connections twice brought
 * nothing more. */
int load_capacity(const struct loading *l, struct side *side, struct error *err)
{
    struct perf_study *s = side->s->study;
    int flat = 0;
    s->steps = arena_array(l->arena, 32, sizeof *s->steps);
    s->nsteps = 0;
    for (int64_t n = 1; flat < 2 && s->nsteps < 32 && side->left > 0; n *= 2) {
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
