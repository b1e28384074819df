/* lib/perf/attribute_finish.c - what was counted, per statement and request. */
#include "perf/attribute_internal.h"

#include <math.h>
#include <stdlib.h>

#define BACKGROUND_MAX 0.05

/* Counters by the statements of a study. */
struct folded {
    double (*values)[COUNTERS];
    double background_ms; /* of the time that was subtracted */
    double total_ms;
};
struct finishing {
    const struct attribution *a;
    const struct perf_names *names;
    struct perf_study *study;
    struct arena *arena;
};

static size_t statement_of(const struct finishing *f, int64_t id)
{
    const struct perf_name *name = perf_names_find(f->names, id);
    if (name == NULL || name->is_ours)
        return (size_t)-1;
    return perf_server_statement(&f->study->server, name->fingerprint);
}

static const struct perf_counter *background_of(const struct finishing *f, int64_t id)
{
    const struct perf_counters *b = &f->a->background.counters;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].id == id)
            return &b->items[i];
    return NULL;
}

static void fold_one(const struct finishing *f, const struct measurement *m,
                     const struct perf_counter *c, struct folded *into)
{
    size_t statement = statement_of(f, c->id);
    const struct perf_counter *b = background_of(f, c->id);
    if (statement == (size_t)-1)
        return;
    double scale =
        b != NULL && f->a->background.seconds > 0 ? m->seconds / f->a->background.seconds : 0;
    into->total_ms += c->values[COUNTER_EXEC_MS];
    for (size_t k = 0; k < COUNTERS; k++) {
        double others = b != NULL ? fmin(c->values[k], b->values[k] * scale) : 0;
        into->values[statement][k] += c->values[k] - others;
        if (k == COUNTER_EXEC_MS)
            into->background_ms += others;
    }
}

static struct folded fold(const struct finishing *f, const struct measurement *m)
{
    struct folded into = {
        .values = arena_array(f->arena, f->study->server.nstatements + 1, sizeof *into.values)};
    for (size_t i = 0; i < m->counters.count; i++)
        fold_one(f, m, &m->counters.items[i], &into);
    return into;
}

/* ---- per request ---------------------------------------------------------------------------- */

static void add_use(struct perf_endpoint *e, const struct perf_statement *s, size_t statement,
                    const double *v, double requests)
{
    double blocks = v[COUNTER_HIT] + v[COUNTER_READ];
    e->uses[e->nuses++] = (struct perf_use){.statement = statement,
                                            .calls = v[COUNTER_CALLS] / requests,
                                            .rows = v[COUNTER_ROWS] / requests,
                                            .exec_ms = v[COUNTER_EXEC_MS] / requests,
                                            .blocks = blocks / requests,
                                            .temp_blocks = v[COUNTER_TEMP] / requests,
                                            .wal_bytes = v[COUNTER_WAL_BYTES] / requests};
    e->database_ms += v[COUNTER_EXEC_MS] / requests;
    e->blocks += blocks / requests;
    e->temp_blocks += v[COUNTER_TEMP] / requests;
    e->wal_bytes += v[COUNTER_WAL_BYTES] / requests;
    if (!s->utility) { /* BEGIN and COMMIT are no queries */
        e->calls += v[COUNTER_CALLS] / requests;
        e->row_count += v[COUNTER_ROWS] / requests;
    }
}

static int compare_uses(const void *a, const void *b)
{
    const struct perf_use *x = a, *y = b;
    if (x->exec_ms < y->exec_ms || x->exec_ms > y->exec_ms)
        return x->exec_ms < y->exec_ms ? 1 : -1;
    return x->statement < y->statement ? -1 : x->statement > y->statement;
}

/* A statement that a request runs at least once in a hundred times. */
#define CALLS_LEAST 0.01

static void fill_uses(const struct finishing *f, const struct attributed *a,
                      struct perf_endpoint *e)
{
    const struct measurement *m = &a->main;
    struct folded all = fold(f, m);
    size_t n = f->study->server.nstatements;
    e->attributed = false;
    e->nuses = 0;
    e->database_ms = e->calls = e->row_count = e->blocks = e->temp_blocks = e->wal_bytes = 0;
    e->background_share = all.total_ms > 0 ? all.background_ms / all.total_ms : 0;
    if (!m->valid || m->ok <= 0 || m->requests <= 0 || e->background_share > BACKGROUND_MAX)
        return;
    e->uses = arena_array(f->arena, n + 1, sizeof *e->uses);
    for (size_t s = 0; s < n; s++)
        if (all.values[s][COUNTER_CALLS] / m->requests >= CALLS_LEAST)
            add_use(e, &f->study->server.statements[s], s, all.values[s], m->requests);
    qsort(e->uses, e->nuses, sizeof *e->uses, compare_uses);
    e->attributed = true;
}

/* ---- page sizes ----------------------------------------------------------------------------- */

/* Least squares over the points of s, into intercept, slope and r2 (1 for a line). For tests. */
static void perf_slope_fit(struct perf_slope *s)
{
    double n = (double)s->points, mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
    for (size_t i = 0; i < s->points; i++) {
        mean_x += s->size[i] / n;
        mean_y += s->calls[i] / n;
    }
    for (size_t i = 0; i < s->points; i++) {
        double x = s->size[i] - mean_x, y = s->calls[i] - mean_y;
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    s->slope = xx > 0 ? xy / xx : 0;
    s->intercept = mean_y - s->slope * mean_x;
    s->r2 = yy > 1e-12 && xx > 0 ? xy * xy / (xx * yy) : 1;
}

static void fill_slopes(const struct finishing *f, const struct attributed *a,
                        struct perf_endpoint *e)
{
    size_t n = f->study->server.nstatements;
    struct folded sizes[PERF_SLOPE_POINTS];
    e->nslopes = 0;
    for (size_t k = 0; k < a->nsizes; k++) {
        if (!a->sizes[k].valid || a->sizes[k].ok < a->sizes[k].requests)
            return; /* an answer that failed says nothing of its size */
        sizes[k] = fold(f, &a->sizes[k]);
    }
    if (a->nsizes < 2)
        return;
    e->slopes = arena_array(f->arena, n + 1, sizeof *e->slopes);
    for (size_t s = 0; s < n; s++) {
        struct perf_slope slope = {.statement = s, .points = a->nsizes};
        double most = 0;
        for (size_t k = 0; k < a->nsizes; k++) {
            slope.size[k] = a->size[k];
            slope.calls[k] = sizes[k].values[s][COUNTER_CALLS] / a->sizes[k].requests;
            slope.rows[k] = sizes[k].values[s][COUNTER_ROWS] / a->sizes[k].requests;
            most = fmax(most, slope.calls[k]);
        }
        if (most < CALLS_LEAST)
            continue;
        perf_slope_fit(&slope);
        e->slopes[e->nslopes++] = slope;
    }
}

static void fill_probe(const struct finishing *f, const struct attributed *a,
                       struct perf_endpoint *e)
{
    e->probe = (struct perf_probe){.measured = false};
    if (!a->probed || !a->first.valid || !a->deep.valid || a->first.ok <= 0 || a->deep.ok <= 0)
        return;
    struct folded first = fold(f, &a->first), deep = fold(f, &a->deep);
    e->probe = (struct perf_probe){.measured = true, .offset = a->deep_offset};
    for (size_t s = 0; s < f->study->server.nstatements; s++) {
        const double *x = first.values[s], *y = deep.values[s];
        e->probe.first_ms += x[COUNTER_EXEC_MS] / a->first.requests;
        e->probe.deep_ms += y[COUNTER_EXEC_MS] / a->deep.requests;
        e->probe.first_blocks += (x[COUNTER_HIT] + x[COUNTER_READ]) / a->first.requests;
        e->probe.deep_blocks += (y[COUNTER_HIT] + y[COUNTER_READ]) / a->deep.requests;
    }
}

/* The mixed run as the sum of what the endpoints cost alone and undisturbed: what is missing to 1
 * is contention, and what others did. */
static void explain_mixed(struct perf_study *s)
{
    double expected = 0;
    const struct perf_value *mixed = s->mixed ? &s->mixed->database.ms_per_request : NULL;
    if (mixed == NULL || mixed->known != PERF_MEASURED || mixed->value <= 0)
        return;
    for (size_t i = 0; i < s->nendpoints; i++) {
        if (!s->endpoints[i].attributed)
            return;
        expected += s->endpoints[i].weight * s->endpoints[i].database_ms;
    }
    s->mixed_explained = expected / mixed->value;
}

/* ---- all ------------------------------------------------------------------------------------ */

static void lack_attribution(const struct finishing *f, const struct attributed *a,
                             const struct perf_endpoint *e)
{
    const char *why_en = NULL, *why_zh = NULL;
    if (e->attributed)
        return;
    if (!a->main.valid) {
        why_en = "pg_stat_statements was reset or evicted entries while it was driven";
        why_zh = "测量期间 pg_stat_statements 被重置或发生淘汰";
    } else if (a->main.ok <= 0) {
        why_en = a->main.limited > 0 ? "every answer was 429 or an error: the server's rate limit "
                                       "must allow the load"
                                     : "no request to it succeeded";
        why_zh = a->main.limited > 0 ? "响应均为 429 或错误：请放宽服务端限流" : "没有成功的请求";
    } else {
        why_en = arena_printf(f->arena,
                              "%.0f %% of the database time was of others: at most 5 %% may be",
                              e->background_share * 100);
        why_zh = arena_printf(f->arena, "其他会话占用了 %.0f%% 的数据库时间（上限 5%%）",
                              e->background_share * 100);
    }
    perf_study_lacks(f->study, f->arena, arena_printf(f->arena, "the statements of %s", e->name),
                     why_en, why_zh);
}

int attribution_finish(struct attribution *a, struct db_conn *conn, struct arena *arena,
                       struct perf_study *study, struct error *err)
{
    struct perf_names *names = NULL;
    TRY(perf_names_take(conn, arena, &names, err));
    struct finishing f = {.a = a, .names = names, .study = study, .arena = arena};
    for (size_t i = 0; i < a->count && i < study->nendpoints; i++) {
        struct perf_endpoint *e = &study->endpoints[i];
        fill_uses(&f, &a->endpoints[i], e);
        if (e->attributed) {
            fill_slopes(&f, &a->endpoints[i], e);
            fill_probe(&f, &a->endpoints[i], e);
        }
        lack_attribution(&f, &a->endpoints[i], e);
    }
    perf_names_free(names);
    explain_mixed(study);
    return 0;
}
