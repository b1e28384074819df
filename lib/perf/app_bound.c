/* lib/perf/app_bound.c - see app_bound.h. */
#include "perf/app_bound.h"

#include <math.h>
#include <string.h>

/* ---- the application ------------------------------------------------------------------------- */

/* The time of an ordinary request from its sending: the median, and when the histogram is there its
 * tenth percentile, so that waiting for a saturated processor is not taken for the request's own
 * time. Below 0: unknown. */
static double unloaded_ms(const struct perf_endpoint *e)
{
    double ms = -1;
    if (e->result == NULL)
        return -1;
    if (e->result->service[PERF_P50].known == PERF_MEASURED)
        ms = e->result->service[PERF_P50].value;
    else if (e->result->percentiles[PERF_P50].known == PERF_MEASURED)
        ms = e->result->percentiles[PERF_P50].value;
    if (ms >= 0 && e->result->latencies != NULL && histogram_count(e->result->latencies) > 0)
        ms = fmin(ms, (double)histogram_percentile(e->result->latencies, 10) / 1000);
    return ms;
}

/* Waiting that another finding explains: for a connection, for one's turn, for many round trips. */
static bool is_explained(const struct diagnosis *d, size_t endpoint)
{
    static const enum perf_kind causes[] = {PERF_KIND_POOL_BOUND, PERF_KIND_SERIAL_SECTION,
                                            PERF_KIND_N_PLUS_ONE, PERF_KIND_CHATTY_WRITES};
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < sizeof causes / sizeof *causes; k++)
            for (size_t m = 0; m < d->list[i].nendpoints; m++)
                if (strcmp(d->list[i].kind, perf_kind_name(causes[k])) == 0 &&
                    d->list[i].endpoints[m] == endpoint)
                    return true;
    return false;
}

static void judge_app(struct diagnosis *d, size_t endpoint)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    double whole = unloaded_ms(e), outside = whole - e->database_ms;
    if (is_explained(d, endpoint))
        return;
    if (!e->attributed || whole <= 0 || e->database_ms < 0 || outside < d->limits.app_ms ||
        e->database_ms / whole >= d->limits.app_share)
        return;
    struct perf_finding *f = finding_add(d, PERF_KIND_APP_BOUND, "%s", e->name);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    finding_endpoint(d, f, endpoint);
    f->title_en = arena_printf(d->arena, "%s waits outside the database", e->name);
    f->title_zh = arena_printf(d->arena, "%s 的耗时主要在数据库之外", e->name);
    f->cause_en = arena_printf(d->arena,
                               "Of %.0f ms, %.1f ms pass in the database: the rest is the "
                               "application's own work, a call to another service, or waiting.",
                               whole, e->database_ms);
    f->cause_zh = arena_printf(
        d->arena, "%.0f ms 中数据库只占 %.1f ms，其余是应用自身计算、调用外部服务或等待。", whole,
        e->database_ms);
    f->cure_en =
        "Profile the handler; call other services in parallel, with a time limit, or after "
        "the answer through a queue.";
    f->cure_zh = "剖析该接口的代码；外部调用改为并行、设置超时，或通过队列在响应之后异步处理。";
    finding_evidence(d, f, "request without queueing (P10)", "无排队时的请求耗时（P10）", "%.1f ms",
                     whole);
    finding_evidence(d, f, "database time per request", "每请求数据库时间", "%.2f ms (%.0f %%)",
                     e->database_ms, 100 * e->database_ms / whole);
    f->gain_ms_per_request = outside;
    f->gain_share = outside / whole;
    f->severity = d->p95_target_ms > 0 && whole > d->p95_target_ms ? PERF_HIGH : PERF_MEDIUM;
}

/* ---- capacity: the search by rising load ----------------------------------------------------- */

/* Where the rate has levelled off: the first step from which twice the load brings next to nothing.
 * By Little's law the rate there times the time of an unloaded request is how many are worked on at
 * once. */
struct plateau {
    const struct perf_step *first, *last;
    double rps, at_once;
};

static bool find_plateau(const struct diagnosis *d, struct plateau *ret)
{
    const struct perf_step *steps = d->study->steps;
    size_t n = d->study->nsteps;
    if (n < 3 || steps[0].connections <= 0 || steps[0].p50_ms <= 0)
        return false;
    double best = 0;
    for (size_t i = 0; i < n; i++)
        best = fmax(best, steps[i].rps);
    const struct perf_step *last = &steps[n - 1];
    for (size_t i = 0; i < n; i++)
        if (steps[i].rps >= best * (1 - d->limits.step_growth) &&
            last->connections >= 2 * steps[i].connections) {
            *ret = (struct plateau){&steps[i], last, best, best * steps[0].p50_ms / 1000};
            return true;
        }
    return false;
}

static void add_steps(struct diagnosis *d, struct perf_finding *f, const struct plateau *p)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4096);
    for (size_t i = 0; i < d->study->nsteps; i++)
        strbuf_addf(&text, "%s%.0f: %.0f/s, %.0f ms", i > 0 ? "; " : "",
                    d->study->steps[i].connections, d->study->steps[i].rps,
                    d->study->steps[i].p50_ms);
    finding_evidence(d, f, "connections: rate, P50", "连接数：吞吐, P50", "%s", text.data);
    finding_evidence(d, f, "requests worked on at once", "同时处理的请求数", "%.1f", p->at_once);
    finding_evidence(d, f, "database sessions at the plateau", "平台期数据库会话数", "%.1f",
                     p->last->database_sessions);
    for (size_t i = 0; i < d->study->nendpoints; i++)
        finding_endpoint(d, f, i);
}

static double wait_sessions(const struct perf_server *s, const char *type)
{
    double sum = 0;
    for (size_t i = 0; i < s->nwaits; i++)
        if (type == NULL ? s->waits[i].type == NULL
                         : s->waits[i].type != NULL && strcmp(s->waits[i].type, type) == 0)
            sum += s->waits[i].sessions;
    return sum;
}

static void add_pool(struct diagnosis *d, const struct plateau *p, double pool)
{
    struct perf_finding *f = finding_add(d, PERF_KIND_POOL_BOUND, "%.0f", pool);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->title_en = arena_printf(d->arena, "Requests queue for %.0f database connections", pool);
    f->title_zh = arena_printf(d->arena, "请求在排队等待 %.0f 个数据库连接", pool);
    f->cause_en = arena_printf(d->arena,
                               "The rate stays at %.0f/s from %.0f to %.0f connections while the "
                               "response time grows in proportion; the application's %.0f sessions "
                               "are all in use.",
                               p->rps, p->first->connections, p->last->connections, pool);
    f->cause_zh = arena_printf(d->arena,
                               "连接数从 %.0f 增至 %.0f，吞吐停在 "
                               "%.0f/s，响应时间成比例上升；应用的 %.0f 个会话全部占用。",
                               p->first->connections, p->last->connections, p->rps, pool);
    f->cure_en =
        "Enlarge the application's connection pool (two to four per core of the database), "
        "and give a connection back before slow work that needs none.";
    f->cure_zh = "增大应用连接池（按数据库每核 2 到 4 个），并在不需要数据库的慢操作之前归还连接。";
    add_steps(d, f, p);
    f->severity = PERF_HIGH;
}

static void add_serial(struct diagnosis *d, const struct plateau *p)
{
    struct perf_finding *f = finding_add(d, PERF_KIND_SERIAL_SECTION, "requests");
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_SUSPECTED;
    f->unproved = "which lock or thread it is, only a profile of the application tells";
    f->title_en = "Requests are handled one after another";
    f->title_zh = "请求被串行处理";
    f->cause_en =
        arena_printf(d->arena,
                     "The rate stays at %.0f/s from %.0f to %.0f connections: by Little's "
                     "law %.1f requests are worked on at once.",
                     p->rps, p->first->connections, p->last->connections, p->at_once);
    f->cause_zh = arena_printf(
        d->arena,
        "连接数从 %.0f 增至 %.0f，吞吐停在 %.0f/s；按利特尔法则，同时处理的请求只有 %.1f 个。",
        p->first->connections, p->last->connections, p->rps, p->at_once);
    f->cure_en = "Look for a global lock, a single worker or one shared connection; run more "
                 "instances until it is gone.";
    f->cure_zh = "查找全局锁、单工作线程或共用的单个连接；在解决之前可增加实例。";
    add_steps(d, f, p);
    f->severity = PERF_MEDIUM;
}

static void judge_capacity(struct diagnosis *d)
{
    struct plateau p;
    const struct perf_server *s = &d->study->server;
    if (!find_plateau(d, &p) || d->study->steps[0].p50_ms < d->limits.step_ms)
        return;
    double sessions = p.last->database_sessions, on_cpu = wait_sessions(s, NULL);
    /* All sessions the application has, but for ours. */
    double pool = s->sessions.total > 0 ? s->sessions.total : sessions;
    bool pooled =
        sessions >= 1 && sessions >= d->limits.pool_busy * pool && p.last->connections >= 2 * pool;
    bool on_processor = on_cpu >= 0.8 * sessions && d->study->environment.cpus > 0 &&
                        sessions >= 0.8 * d->study->environment.cpus;
    if (pooled && !on_processor)
        add_pool(d, &p, round(pool));
    else if (p.at_once <= 1.3 && sessions <= 1.3)
        add_serial(d, &p);
}

void diagnose_application(struct diagnosis *d)
{
    judge_capacity(d);
    for (size_t i = 0; i < d->study->nendpoints; i++)
        judge_app(d, i);
}

/* ---- what could be cached -------------------------------------------------------------------- */

static bool is_written(const struct perf_table *t)
{
    return t->inserted + t->updated + t->deleted > 0;
}

static double distinct_values(const struct perf_table *t, const char *column)
{
    const struct perf_column *c = sql_table_column(t, column);
    if (c == NULL || !(c->distinct > 0 || c->distinct < 0))
        return fmax(1, t->rows);
    return fmax(1, c->distinct > 0 ? c->distinct : -c->distinct * t->rows);
}

/* How often a statement that sums up was asked for the same values, were its parameters drawn
 * evenly. A range with a LIMIT is a page: never the same. */
static double repeats_of_sum(const struct diagnosis *d, const struct sql_tree *tree, double calls)
{
    double values = 1;
    for (size_t i = 0; i < tree->npredicates; i++) {
        const struct sql_predicate *p = &tree->predicates[i];
        size_t table = tree->relations[p->column.relation].table;
        if (p->join || p->alternative || p->parameter_at < 0)
            continue;
        if (p->how == SQL_RANGE && tree->blocks[p->block].limit && !tree->blocks[p->block].grouped)
            return 0;
        if (p->how <= SQL_IN)
            values *= distinct_values(&d->study->server.tables[table], p->column.name);
    }
    return calls / values;
}

/* The same answers again and again: each row of the table was read many times over, or the same sum
 * was asked for many times; and nothing was written meanwhile. */
static bool is_repeated(const struct diagnosis *d, const struct sql_tree *tree,
                        const struct perf_statement *s, double *ret_repeats)
{
    double rows = 0;
    for (size_t i = 0; i < tree->nrelations; i++) {
        size_t table = tree->relations[i].table;
        if (table == SQL_NONE || is_written(&d->study->server.tables[table]))
            return false;
        rows = fmax(rows, d->study->server.tables[table].rows);
    }
    bool sums = tree->blocks[0].one_row || tree->blocks[0].grouped;
    *ret_repeats = sums ? repeats_of_sum(d, tree, s->calls) : rows > 0 ? s->rows / rows : 0;
    return tree->nrelations > 0 && *ret_repeats >= d->limits.cache_repeats;
}

static bool has_another_cure(const struct diagnosis *d, const char *text)
{
    static const enum perf_kind cures[] = {PERF_KIND_N_PLUS_ONE, PERF_KIND_MISSING_PAGINATION,
                                           PERF_KIND_DEEP_OFFSET};
    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++)
        if (finding_find(d, cures[i], text) != NULL)
            return true;
    return false;
}

static void judge_cache(struct diagnosis *d, size_t endpoint, const struct perf_use *use)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    const struct perf_statement *s = &d->study->server.statements[use->statement];
    const struct sql_tree *tree = d->trees[use->statement];
    double repeats = 0;
    if (tree->kind != SQL_SELECT || tree->blocks[0].locking || use->calls < d->limits.cache_calls ||
        use->exec_ms < d->limits.cache_ms || e->database_ms <= 0 ||
        use->exec_ms < d->limits.cache_share * e->database_ms ||
        !is_repeated(d, tree, s, &repeats) || d->helped[use->statement] ||
        has_another_cure(d, s->text))
        return;
    struct perf_finding *f =
        finding_add(d, PERF_KIND_CACHEABLE, "%s-%s", tree->relations[0].name, s->fingerprint);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_SUSPECTED;
    f->unproved = "how often the tables change in production was not measured";
    f->sql = s->text;
    (void)finding_endpoints_of(d, f, use->statement);
    f->title_en = arena_printf(d->arena, "The same answer from '%s' is computed for every request",
                               tree->relations[0].name);
    f->title_zh =
        arena_printf(d->arena, "每次请求都重新计算 %s 的同一结果，可缓存", tree->relations[0].name);
    f->cause_en = arena_printf(d->arena,
                               "%.1f calls a request, %.1f ms each, and nothing was written to its "
                               "tables meanwhile.",
                               use->calls, use->exec_ms / use->calls);
    f->cause_zh =
        arena_printf(d->arena, "每请求调用 %.1f 次、每次 %.1f ms，而其间这些表没有任何写入。",
                     use->calls, use->exec_ms / use->calls);
    f->cure_en =
        "Keep the answer for some seconds in the application or in Redis, and drop it when "
        "the tables are written; or a materialized view.";
    f->cure_zh = "在应用内存或 Redis 中缓存若干秒，写入时失效；或使用物化视图。";
    finding_evidence(d, f, "database time per request", "每请求数据库时间", "%.2f ms (%.0f %%)",
                     use->exec_ms, 100 * use->exec_ms / e->database_ms);
    if (repeats > 0)
        finding_evidence(d, f, "rows read against rows of the table", "读取行数与表行数之比",
                         "%.0f", repeats);
    f->gain_ms_per_request = use->exec_ms;
    f->gain_share = endpoint_share(e, use->exec_ms);
    f->severity = finding_severity_of(d, f->gain_share, f->proof);
}

void diagnose_cacheable(struct diagnosis *d)
{
    for (size_t i = 0; i < d->study->nendpoints; i++) {
        const struct perf_endpoint *e = &d->study->endpoints[i];
        for (size_t k = 0; e->attributed && k < e->nuses; k++)
            if (d->trees[e->uses[k].statement] != NULL &&
                !d->study->server.statements[e->uses[k].statement].utility)
                judge_cache(d, i, &e->uses[k]);
    }
}
