/* lib/perf/advice_finding.c - what is said of a missing index: the DDL, what it saves, what it
 * costs, and how sure that is. */
#include "perf/advice.h"

#include "perf/sqltext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 63 /* of an identifier */
#define SHOWN_MAX      5  /* statements told of one index */

/* ---- DDL ------------------------------------------------------------------------------------- */

static bool is_taken(const struct diagnosis *d, const char *schema, const char *name)
{
    const struct perf_server *s = &d->study->server;
    for (size_t i = 0; i < s->nindexes; i++)
        if (strcmp(s->indexes[i].name, name) == 0 && strcmp(s->indexes[i].schema, schema) == 0)
            return true;
    return false;
}

/* Cut at a whole character. */
static const char *cut(const char *name, size_t max, struct arena *arena)
{
    size_t n = strlen(name);
    if (n <= max)
        return arena_strdup(arena, name);
    for (n = max; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
        n--;
    return arena_strndup(arena, name, n);
}

static const char *index_name(const struct diagnosis *d, const struct perf_table *t,
                              const struct index_candidate *c)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 8192);
    strbuf_addf(&out, "idx_%s", t->name);
    for (size_t i = 0; i < c->ncolumns; i++)
        strbuf_addf(&out, "_%s", c->columns[i].name);
    const char *name = cut(out.data, NAME_MAX_BYTES, d->arena);
    for (int i = 2; is_taken(d, t->schema, name) && i < 100; i++)
        name = arena_printf(d->arena, "%s_%d", cut(out.data, NAME_MAX_BYTES - 4, d->arena), i);
    return name;
}

/* CONCURRENTLY is refused for a partitioned table: an empty index on it alone, one on each
 * partition without stopping writes, then joined. */
static void partitioned_ddl(struct diagnosis *d, const struct index_candidate *c, const char *name,
                            const char *columns, struct strbuf *out)
{
    const struct perf_server *s = &d->study->server;
    const struct perf_table *t = &s->tables[c->table];
    const char *parent = arena_printf(d->arena, "%s.%s", t->schema, t->name);
    strbuf_addf(out, "CREATE INDEX %s ON ONLY %s %s;", sql_name(NULL, name, d->arena),
                sql_name(t->schema, t->name, d->arena), columns);
    for (size_t i = 0; i < s->ntables; i++) {
        const struct perf_table *part = &s->tables[i];
        if (part->partition_of == NULL || strcmp(part->partition_of, parent) != 0)
            continue;
        const char *own = index_name(d, part, c);
        strbuf_addf(out, "\nCREATE INDEX CONCURRENTLY %s ON %s %s;", sql_name(NULL, own, d->arena),
                    sql_name(part->schema, part->name, d->arena), columns);
        strbuf_addf(out, "\nALTER INDEX %s ATTACH PARTITION %s;",
                    sql_name(t->schema, name, d->arena), sql_name(part->schema, own, d->arena));
    }
}

/* The index as DDL that a person runs, its name, and how to undo it, in the arena. */
static void advice_ddl(struct diagnosis *d, const struct index_candidate *c, const char **ret_apply,
                       const char **ret_undo)
{
    const struct perf_table *t = &d->study->server.tables[c->table];
    const char *name = index_name(d, t, c), *full = sql_name(t->schema, name, d->arena);
    AUTO_STRBUF struct strbuf columns = {0}, out = {0};
    strbuf_init(&columns, 8192);
    strbuf_init(&out, (size_t)1 << 20);
    index_candidate_columns(c, true, &columns);
    if (t->partitioned) {
        partitioned_ddl(d, c, name, columns.data, &out);
        *ret_undo = arena_printf(d->arena, "DROP INDEX %s;", full);
    } else {
        strbuf_addf(&out, "CREATE INDEX CONCURRENTLY %s ON %s %s;", sql_name(NULL, name, d->arena),
                    sql_name(t->schema, t->name, d->arena), columns.data);
        *ret_undo = arena_printf(d->arena, "DROP INDEX CONCURRENTLY %s;", full);
    }
    *ret_apply = arena_strdup(d->arena, out.data);
}

/* ---- what every finding of an index says ----------------------------------------------------- */

static struct perf_finding *add_finding(struct diagnosis *d, const struct index_candidate *c)
{
    const struct perf_table *t = &d->study->server.tables[c->table];
    AUTO_STRBUF struct strbuf plain = {0}, joined = {0};
    strbuf_init(&plain, 8192);
    strbuf_init(&joined, 8192);
    index_candidate_columns(c, false, &plain);
    for (size_t i = 0; i < c->ncolumns; i++)
        strbuf_addf(&joined, "%s%s", i > 0 ? "_" : "", c->columns[i].name);
    bool other_schema = strcmp(t->schema, "public") != 0;
    struct perf_finding *f =
        finding_add(d, PERF_KIND_MISSING_INDEX, "%s%s%s-%s", other_schema ? t->schema : "",
                    other_schema ? "." : "", t->name, joined.data);
    if (f == NULL)
        return NULL;
    f->title_en = arena_printf(d->arena, "'%s' needs an index on %s", t->name, plain.data);
    f->title_zh = arena_printf(d->arena, "表 %s 缺少索引 %s", t->name, plain.data);
    f->cure_en = "Create the index; CONCURRENTLY does not stop writes. The size and the cost for "
                 "each write are below.";
    f->cure_zh = "创建该索引（CONCURRENTLY 不阻塞写入）；索引大小与写入代价见下。";
    f->write_overhead = index_write_overhead(d, c);
    advice_ddl(d, c, &f->apply_sql, &f->undo_sql);
    finding_evidence(d, f, "rows of the table", "表的行数", "%.0f", t->rows);
    return f;
}

static void add_writes(struct diagnosis *d, struct perf_finding *f, const struct index_candidate *c)
{
    finding_evidence(d, f, "bytes added to each row written", "每次写入增加的字节占比", "%.0f %%",
                     100 * f->write_overhead);
    finding_evidence(d, f, "writes in the run that pay for it", "测量期间需维护该索引的写入",
                     "%.0f", advice_writes(d, c));
}

/* ---- without the planner --------------------------------------------------------------------- */

void advice_guess(struct diagnosis *d, size_t statement, const char *why, enum perf_proof proof)
{
    const struct perf_statement *s = &d->study->server.statements[statement];
    const struct sql_tree *tree = d->trees[statement];
    struct index_candidate c;
    double mean = s->exec_ms / fmax(1, s->calls);
    if (tree == NULL || tree->kind > SQL_MERGE || mean < d->limits.index_slow_ms ||
        !index_candidate_guess(d, tree, &c))
        return;
    struct perf_finding *f = add_finding(d, &c);
    if (f == NULL)
        return;
    f->proof = proof;
    f->unproved = why;
    f->sql = s->text;
    f->cause_en = arena_printf(d->arena,
                               "The statement takes %.0f ms a call and compares columns "
                               "that no index begins with. A guess from the statistics.",
                               mean);
    f->cause_zh = arena_printf(
        d->arena, "该语句每次耗时 %.0f ms，其条件列没有可用索引（仅据统计信息推测，未验证）。",
        mean);
    finding_evidence(d, f, "time per call", "每次调用耗时", "%.1f ms", mean);
    add_writes(d, f, &c);
    (void)finding_endpoints_of(d, f, statement);
    f->severity = PERF_LOW;
    d->helped[statement] = true;
}

/* ---- with it --------------------------------------------------------------------------------- */

/* The time of a statement that its cheaper plan would spare, were time in proportion to cost. */
static double spared(const struct advice_query *q)
{
    return q->cost0 > 0 ? 1 - q->cost / q->cost0 : 0;
}

static void add_statement(struct diagnosis *d, struct perf_finding *f, const struct advice_query *q,
                          size_t position)
{
    const struct perf_statement *s = &d->study->server.statements[q->statement];
    d->helped[q->statement] = true;
    if (position == 0) {
        f->sql = s->text;
        f->cost_before = q->cost0;
        f->cost_after = q->cost;
    }
    if (position < SHOWN_MAX)
        finding_evidence(d, f, "planner cost, before and after", "计划代价（前 → 后）",
                         "%.0f -> %.0f (-%.0f %%), %.0f calls of %.1f ms", q->cost0, q->cost,
                         100 * spared(q), s->calls, s->exec_ms / fmax(1, s->calls));
    for (size_t e = 0; e < d->study->nendpoints; e++) {
        const struct perf_use *use = endpoint_use(&d->study->endpoints[e], q->statement);
        if (use == NULL)
            continue;
        double ms = use->exec_ms * spared(q);
        finding_endpoint(d, f, e);
        f->gain_ms_per_request = fmax(f->gain_ms_per_request, ms);
        f->gain_share = fmax(f->gain_share, endpoint_share(&d->study->endpoints[e], ms));
    }
}

/* Statements that miss it when it alone is left out, the greatest gain first. */
static size_t helped_by(struct advice *a, const struct advice_index *x,
                        const struct advice_query **list)
{
    size_t n = 0;
    for (size_t i = 0; i < a->nqueries; i++) {
        const struct advice_query *q = &a->queries[i];
        if (!x->helps[i])
            continue;
        size_t k = n++;
        for (; k > 0 && list[k - 1]->calls * (list[k - 1]->cost0 - list[k - 1]->cost) <
                            q->calls * (q->cost0 - q->cost);
             k--)
            list[k] = list[k - 1];
        list[k] = q;
    }
    return n;
}

static double share_of_database(const struct diagnosis *d, const struct advice_query **list,
                                size_t n)
{
    double all = 0, spared_ms = 0;
    for (size_t i = 0; i < d->study->server.nstatements; i++)
        all += d->study->server.statements[i].exec_ms;
    for (size_t i = 0; i < n; i++)
        spared_ms += d->study->server.statements[list[i]->statement].exec_ms * spared(list[i]);
    return all > 0 ? fmin(1, spared_ms / all) : -1;
}

static void report_index(struct advice *a, const struct advice_index *x)
{
    struct diagnosis *d = a->d;
    const struct advice_query **list = mem_array(a->nqueries + 1, sizeof *list);
    size_t n = helped_by(a, x, list);
    struct perf_finding *f = n == 0 ? NULL : add_finding(d, &x->c);
    if (f != NULL) {
        f->proof = PERF_PROOF_PLANNER;
        for (size_t i = 0; i < n; i++)
            add_statement(d, f, list[i], i);
        if (f->nendpoints == 0)
            f->gain_share = share_of_database(d, list, n);
        f->index_bytes = x->bytes;
        f->cause_en = arena_printf(d->arena,
                                   "%zu %s too many rows without it. With a hypothetical index the "
                                   "planner's cost falls as shown; it is a cost, not a time.",
                                   n, n == 1 ? "statement reads" : "statements read");
        f->cause_zh = arena_printf(
            d->arena,
            "缺少它时有 %zu 条语句读取过多的行。用假设索引验证，计划代价下降如下（代价不是时间）。",
            n);
        finding_evidence(d, f, "size, by estimate", "预计大小", "%.1f MiB", x->bytes / 1048576);
        finding_evidence(d, f, "cost over the run if it alone is left out",
                         "仅去掉它时增加的总代价", "%.0f", x->without);
        add_writes(d, f, &x->c);
        f->severity = finding_severity_of(d, f->gain_share, f->proof);
    }
    free((void *)list);
}

/* Every chosen index once more, alone, for its size. */
static int measure_size(struct advice *a, struct advice_index *x, struct error *err)
{
    const char *create[ADVICE_SET_MAX];
    int64_t ids[ADVICE_SET_MAX];
    size_t n = advice_create(a->d, &x->c, create, ADVICE_SET_MAX);
    TRY(planner_imagine(a->planner, create, n, ids, err));
    x->bytes = 0;
    for (size_t i = 0; i < n; i++) {
        double bytes = 0;
        TRY(planner_size(a->planner, ids[i], &bytes, err));
        x->bytes += bytes;
    }
    return 0;
}

int advice_report(struct advice *a, struct error *err)
{
    for (size_t i = 0; i < a->npool; i++)
        if (a->pool[i].chosen) {
            TRY(measure_size(a, &a->pool[i], err));
            report_index(a, &a->pool[i]);
        }
    return 0;
}
