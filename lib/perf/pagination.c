/* lib/perf/pagination.c - see pagination.h. */
#include "perf/pagination.h"

#include "perf/sqltext.h"

#include <math.h>
#include <string.h>

static const struct perf_table *main_table(const struct diagnosis *d, const struct sql_tree *tree)
{
    for (size_t i = 0; i < tree->nrelations; i++)
        if (tree->relations[i].table != SQL_NONE)
            return &d->study->server.tables[tree->relations[i].table];
    return NULL;
}

/* What the statement itself says about how many rows can come: a LIMIT anywhere above the rows, one
 * aggregate, or a list of keys that the caller gave. */
static bool is_bounded(const struct diagnosis *d, const struct sql_tree *tree)
{
    const struct sql_block *b = &tree->blocks[0];
    if (b->limit || b->one_row || b->bounded_input || tree->nrelations == 0)
        return true;
    for (size_t i = 0; i < tree->npredicates; i++)
        if (tree->predicates[i].how == SQL_IN && !tree->predicates[i].alternative &&
            !tree->predicates[i].join && tree->predicates[i].block == 0)
            return true;
    for (size_t i = 0; i < d->study->server.nindexes; i++) {
        const struct perf_index *x = &d->study->server.indexes[i];
        const struct perf_table *t = main_table(d, tree);
        if (x->unique && x->predicate == NULL && !x->expression && t != NULL &&
            tree->nrelations == 1 && strcmp(x->table, t->name) == 0 &&
            strcmp(x->schema, t->schema) == 0) {
            AUTO_STRBUF struct strbuf names = {0};
            strbuf_init(&names, 4096);
            struct span key; /* "store_id int8_ops, day date_ops": the names only */
            for (size_t k = 0; (key = sql_list_at(x->keys, k)).len > 0; k++) {
                const char *space = memchr(key.ptr, ' ', key.len);
                strbuf_addf(&names, "%s%.*s", k > 0 ? ", " : "",
                            (int)(space == NULL ? (ptrdiff_t)key.len : space - key.ptr), key.ptr);
            }
            if (sql_equals_all(tree, 0, names.data))
                return true;
        }
    }
    return false;
}

/* The page size was asked for, and the rows of a call did not follow. */
static bool ignores_page_size(const struct perf_endpoint *e, size_t statement)
{
    for (size_t i = 0; i < e->nslopes; i++) {
        const struct perf_slope *s = &e->slopes[i];
        if (s->statement != statement || s->points < 3)
            continue;
        double low = INFINITY, high = 0;
        for (size_t k = 0; k < s->points && k < PERF_SLOPE_POINTS; k++) {
            double rows = s->calls[k] > 0 ? s->rows[k] / s->calls[k] : 0;
            low = fmin(low, rows);
            high = fmax(high, rows);
        }
        return high > 0 && low >= 0.9 * high;
    }
    return false;
}

static const char *rewrite_page(const struct diagnosis *d, const struct sql_tree *tree)
{
    size_t length = strlen(tree->text);
    while (length > 0 && strchr("; \n\t", tree->text[length - 1]) != NULL)
        length--;
    int next = tree->parameters + 1;
    if (tree->blocks[0].ordered)
        return arena_printf(d->arena, "%.*s\nLIMIT $%d", (int)length, tree->text, next);
    if (tree->blocks[0].set_operation || tree->blocks[0].grouped)
        return arena_printf(d->arena, "%.*s\nORDER BY 1\nLIMIT $%d", (int)length, tree->text, next);
    return arena_printf(d->arena,
                        "%.*s\nORDER BY id  -- a unique key\nLIMIT $%d"
                        "  -- the next page: AND id > the last one seen",
                        (int)length, tree->text, next);
}

static void judge_unbounded(struct diagnosis *d, size_t endpoint, const struct perf_use *use)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    const struct perf_statement *s = &d->study->server.statements[use->statement];
    const struct sql_tree *tree = d->trees[use->statement];
    double rows = use->rows / use->calls;
    if (rows < d->limits.page_rows || is_bounded(d, tree))
        return;
    const struct perf_table *t = main_table(d, tree);
    struct perf_finding *f = finding_add(d, PERF_KIND_MISSING_PAGINATION, "%s-%s-%s", e->name,
                                         tree->relations[0].name, s->fingerprint);
    if (f == NULL)
        return;
    bool ignores = ignores_page_size(e, use->statement);
    f->proof = ignores ? PERF_PROOF_CONFIRMED : PERF_PROOF_SUSPECTED;
    f->unproved = ignores ? NULL : "whether the rows grow with the table takes a second data set";
    f->sql = s->text;
    finding_endpoint(d, f, endpoint);
    f->title_en = arena_printf(d->arena, "%s answers with all rows of '%s'", e->name,
                               tree->relations[0].name);
    f->title_zh = arena_printf(d->arena, "%s 未分页：一次返回 %s 的全部匹配行", e->name,
                               tree->relations[0].name);
    f->cause_en = arena_printf(d->arena,
                               "The SELECT has no LIMIT and gave %.0f rows a call: the "
                               "answer grows with the table.",
                               rows);
    f->cause_zh =
        arena_printf(d->arena, "该 SELECT 没有 LIMIT，每次返回 %.0f 行；表越大，响应越慢。", rows);
    f->cure_en = "Page the list: a LIMIT with a stable order, and a cap on the page size.";
    f->cure_zh = "为列表分页：稳定排序加 LIMIT，并限制最大页大小。";
    f->rewrite = rewrite_page(d, tree);
    finding_evidence(d, f, "rows per call", "每次调用行数", "%.0f", rows);
    if (t != NULL && t->rows > 0)
        finding_evidence(d, f, "rows of the table", "表的行数", "%.0f (%.0f %%)", t->rows,
                         fmin(100, 100 * rows / t->rows));
    if (ignores)
        finding_evidence(d, f, "asked for other page sizes", "改变页大小", "%s",
                         "the rows stayed the same");
    if (e->body_bytes >= 0)
        finding_evidence(d, f, "size of an answer", "响应大小", "%.0f KiB", e->body_bytes / 1024);
    f->severity = finding_severity_at(rows, d->limits.page_rows, d->limits.page_rows_high);
}

/* ---- OFFSET ---------------------------------------------------------------------------------- */

static const char *key_order(const struct diagnosis *d, const struct sql_tree *tree)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4096);
    for (size_t i = 0; i < tree->nsorts; i++)
        if (tree->sorts[i].block == 0 && !tree->sorts[i].group &&
            tree->sorts[i].column.relation != SQL_NONE) {
            if (out.len > 0)
                strbuf_adds(&out, ", ");
            sql_add_name(&out, tree->sorts[i].column.name);
        }
    return arena_strdup(d->arena, out.data);
}

/* "(created_at, id) < ($1, $2)" and the order that goes with it. */
static const char *rewrite_keyset(const struct diagnosis *d, const struct sql_tree *tree)
{
    const char *columns = key_order(d, tree);
    const struct perf_table *t = main_table(d, tree);
    bool descending = false, has_id = false;
    for (size_t i = 0; i < tree->nsorts; i++)
        if (tree->sorts[i].block == 0 && !tree->sorts[i].group) {
            descending = tree->sorts[i].descending;
            has_id = has_id || (tree->sorts[i].column.name != NULL &&
                                strcmp(tree->sorts[i].column.name, "id") == 0);
        }
    if (t == NULL)
        return NULL;
    const char *list = *columns == '\0' ? "id"
                       : has_id         ? columns
                                        : arena_printf(d->arena, "%s, id", columns);
    return arena_printf(d->arena,
                        "-- instead of OFFSET: go on after the last row of the page before\n"
                        "SELECT ... FROM %s\nWHERE ... AND (%s) %s (%s)\nORDER BY %s\nLIMIT $n",
                        sql_name(t->schema, t->name, d->arena), list, descending ? "<" : ">",
                        "the same columns of that row", list);
}

static void describe_offset(struct diagnosis *d, struct perf_finding *f,
                            const struct perf_endpoint *e, const struct sql_tree *tree)
{
    f->title_en = arena_printf(d->arena, "%s skips rows to reach a page", e->name);
    f->title_zh = arena_printf(d->arena, "%s 深分页：OFFSET 逐行跳过", e->name);
    f->cause_en = "OFFSET reads and throws away every row before the page: the deeper, the slower.";
    f->cause_zh = "OFFSET 会读出并丢弃该页之前的所有行，页越深越慢。";
    f->cure_en = "Page by key: remember the last row's sort key and go on after it; the sort key "
                 "needs an index.";
    f->cure_zh = "改用键集分页（游标）：记住上一页最后一行的排序键，从其后继续，并为排序键建索引。";
    f->rewrite = rewrite_keyset(d, tree);
}

static void judge_offset(struct diagnosis *d, size_t endpoint, const struct perf_use *use)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    const struct perf_statement *s = &d->study->server.statements[use->statement];
    const struct sql_tree *tree = d->trees[use->statement];
    const struct perf_probe *p = &e->probe;
    double blocks = use->blocks / use->calls;
    double ratio = !p->measured ? 0
                                : fmax(p->first_ms > 0 ? p->deep_ms / p->first_ms : 0,
                                       p->first_blocks > 0 ? p->deep_blocks / p->first_blocks : 0);
    if (p->measured ? ratio <= d->limits.offset_ratio : blocks < d->limits.offset_blocks)
        return;
    struct perf_finding *f =
        finding_add(d, PERF_KIND_DEEP_OFFSET, "%s-%s", e->name, s->fingerprint);
    if (f == NULL)
        return;
    f->proof = p->measured ? PERF_PROOF_CONFIRMED : PERF_PROOF_SUSPECTED;
    f->unproved = p->measured ? NULL : "no deep page was asked for";
    f->sql = s->text;
    finding_endpoint(d, f, endpoint);
    describe_offset(d, f, e, tree);
    if (!p->measured) {
        finding_evidence(d, f, "blocks per call", "每次调用的数据块", "%.0f", blocks);
        f->severity = PERF_LOW;
        return;
    }
    finding_evidence(d, f, "first page", "第一页", "%.2f ms, %.0f blocks", p->first_ms,
                     p->first_blocks);
    finding_evidence(d, f, "deep page", "深页", "%.2f ms, %.0f blocks (OFFSET %.0f)", p->deep_ms,
                     p->deep_blocks, p->offset);
    finding_evidence(d, f, "ratio", "倍数", "%.1f", ratio);
    f->gain_ms_per_request = fmax(0, p->deep_ms - p->first_ms);
    f->gain_share = p->deep_ms > 0 ? f->gain_ms_per_request / p->deep_ms : -1;
    f->severity = finding_severity_at(ratio, d->limits.offset_ratio, 10 * d->limits.offset_ratio);
}

/* ---- notes ----------------------------------------------------------------------------------- */

static void judge_order(struct diagnosis *d, size_t endpoint, const struct perf_use *use)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    const struct perf_statement *s = &d->study->server.statements[use->statement];
    const struct sql_tree *tree = d->trees[use->statement];
    const struct sql_block *b = &tree->blocks[0];
    if (!b->limit || b->ordered || b->one_row || b->locking || b->bounded_input ||
        tree->nrelations == 0 || use->rows / use->calls <= d->limits.repeat_rows)
        return;
    struct perf_finding *f =
        finding_add(d, PERF_KIND_LIMIT_WITHOUT_ORDER, "%s-%s", e->name, s->fingerprint);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->sql = s->text;
    finding_endpoint(d, f, endpoint);
    f->title_en = arena_printf(d->arena, "%s takes a page in no order", e->name);
    f->title_zh = arena_printf(d->arena, "%s 分页没有排序", e->name);
    f->cause_en = "LIMIT without ORDER BY: which rows come may change from one call to the next.";
    f->cause_zh = "有 LIMIT 而无 ORDER BY：每次返回哪些行是不确定的。";
    f->cure_en = "Order by a unique key.";
    f->cure_zh = "按唯一键排序。";
    finding_evidence(d, f, "rows per call", "每次调用行数", "%.1f", use->rows / use->calls);
}

static void judge_body(struct diagnosis *d, size_t endpoint)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    if (e->body_bytes < d->limits.body_bytes)
        return;
    struct perf_finding *f = finding_add(d, PERF_KIND_LARGE_ANSWER, "%s", e->name);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = PERF_LOW;
    finding_endpoint(d, f, endpoint);
    f->title_en =
        arena_printf(d->arena, "%s answers with %.1f MiB", e->name, e->body_bytes / 1048576);
    f->title_zh =
        arena_printf(d->arena, "%s 的响应体为 %.1f MiB", e->name, e->body_bytes / 1048576);
    f->cause_en = "Every answer is built, sent and read in this size.";
    f->cause_zh = "每次响应都要按此大小生成、传输和解析。";
    f->cure_en = "Page it, leave out fields that nobody reads, compress it.";
    f->cure_zh = "分页、去掉不用的字段、启用压缩。";
    finding_evidence(d, f, "size of an answer", "响应大小", "%.0f bytes", e->body_bytes);
}

static bool has_offset(const struct sql_tree *tree)
{
    for (size_t i = 0; i < tree->nblocks; i++)
        if (tree->blocks[i].offset)
            return true;
    return false;
}

void diagnose_pagination(struct diagnosis *d)
{
    for (size_t i = 0; i < d->study->nendpoints; i++) {
        const struct perf_endpoint *e = &d->study->endpoints[i];
        judge_body(d, i);
        for (size_t k = 0; e->attributed && k < e->nuses; k++) {
            const struct perf_use *use = &e->uses[k];
            const struct sql_tree *tree = d->trees[use->statement];
            if (tree == NULL || tree->kind != SQL_SELECT || use->calls <= 0 ||
                d->study->server.statements[use->statement].utility)
                continue;
            judge_unbounded(d, i, use);
            judge_order(d, i, use);
            if (has_offset(tree))
                judge_offset(d, i, use);
        }
    }
}
