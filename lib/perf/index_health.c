/* lib/perf/index_health.c - see index_health.h. */
#include "perf/index_health.h"

#include "perf/sqltext.h"

#include <math.h>
#include <string.h>

#define DAY_S 86400.0

/* ---- keys ------------------------------------------------------------------------------------ */

/* A key is `name opclass [DESC] [NULLS ..]`, the name quoted where SQL wants it. */
const char *index_key_column(const struct perf_index *x, size_t i, struct arena *arena)
{
    struct span key = sql_list_at(x->keys, i);
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1024);
    if (key.len == 0 || memchr(key.ptr, '(', key.len) != NULL)
        return "";
    if (key.ptr[0] != '"') {
        const char *space = memchr(key.ptr, ' ', key.len);
        return arena_strndup(arena, key.ptr, space == NULL ? key.len : (size_t)(space - key.ptr));
    }
    for (size_t k = 1; k < key.len; k++) {
        if (key.ptr[k] == '"' && (k + 1 >= key.len || key.ptr[k + 1] != '"'))
            break;
        strbuf_addch(&out, key.ptr[k]);
        k += key.ptr[k] == '"';
    }
    return arena_strdup(arena, out.data);
}

static bool is_of(const struct perf_index *x, const struct perf_table *t)
{
    return strcmp(x->table, t->name) == 0 && strcmp(x->schema, t->schema) == 0;
}

/* Does the index begin with these columns (joined by ", "), in any order? A valid btree without
 * predicate only. */
static bool index_leads_with(const struct perf_index *x, const struct perf_table *t,
                             const char *columns)
{
    struct arena *arena = arena_new();
    size_t n = 0, found = 0;
    while (sql_list_at(columns, n).len > 0)
        n++;
    if (x->valid && is_of(x, t) && x->predicate == NULL && strcmp(x->method, "btree") == 0)
        for (size_t i = 0; i < n; i++)
            found += sql_list_has(columns, index_key_column(x, i, arena));
    arena_free(arena);
    return n > 0 && found == n;
}

static const char *mebibytes(double bytes, struct arena *arena)
{
    return bytes >= 1048576 ? arena_printf(arena, "%.1f MiB", bytes / 1048576)
                            : arena_printf(arena, "%.0f KiB", bytes / 1024);
}

static const struct perf_table *table_of(const struct diagnosis *d, const struct perf_index *x)
{
    for (size_t i = 0; i < d->study->server.ntables; i++)
        if (is_of(x, &d->study->server.tables[i]))
            return &d->study->server.tables[i];
    return NULL;
}

static double writes_of(const struct perf_table *t)
{
    return t == NULL ? 0 : t->inserted + t->updated - t->hot_updated;
}

/* What dropping an index needs and gives, for all three reasons to drop one. */
static struct perf_finding *add_drop(struct diagnosis *d, enum perf_kind kind,
                                     const struct perf_index *x)
{
    const char *name = sql_name(x->schema, x->name, d->arena);
    struct perf_finding *f = finding_add(d, kind, "%s-%s", x->schema, x->name);
    if (f == NULL)
        return NULL;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = PERF_LOW;
    f->apply_sql = arena_printf(d->arena, "DROP INDEX CONCURRENTLY %s;", name);
    const char *create = x->definition;
    if (strncmp(create, "CREATE UNIQUE INDEX ", 20) == 0)
        f->undo_sql = arena_printf(d->arena, "CREATE UNIQUE INDEX CONCURRENTLY %s;", create + 20);
    else if (strncmp(create, "CREATE INDEX ", 13) == 0)
        f->undo_sql = arena_printf(d->arena, "CREATE INDEX CONCURRENTLY %s;", create + 13);
    f->index_bytes = x->bytes;
    finding_evidence(d, f, "index", "索引", "%s", x->definition);
    finding_evidence(d, f, "size", "大小", "%s", mebibytes(x->bytes, d->arena));
    finding_evidence(d, f, "rows written to its table in the run", "测量期间其表的写入行数", "%.0f",
                     writes_of(table_of(d, x)));
    return f;
}

/* ---- invalid --------------------------------------------------------------------------------- */

static void judge_invalid(struct diagnosis *d, const struct perf_index *x)
{
    if (x->valid || x->building)
        return;
    struct perf_finding *f = add_drop(d, PERF_KIND_INVALID_INDEX, x);
    size_t n = strlen(x->name);
    if (f == NULL)
        return;
    bool leftover = strstr(x->name, "_ccnew") != NULL || strstr(x->name, "_ccold") != NULL ||
                    (n > 4 && strcmp(x->name + n - 4, "_tmp") == 0);
    f->severity = PERF_MEDIUM;
    f->title_en = arena_printf(d->arena, "Index '%s' is invalid", x->name);
    f->title_zh = arena_printf(d->arena, "索引 %s 无效", x->name);
    f->cause_en =
        "CREATE INDEX CONCURRENTLY or REINDEX failed half-way: every write keeps the index "
        "up, no query uses it.";
    f->cause_zh = "并发建索引或重建中途失败：每次写入仍要维护它，但没有查询会使用它。";
    f->cure_en = leftover ? "Drop it: the index it should have replaced is there."
                          : "Build it again, or drop it.";
    f->cure_zh = leftover ? "删除它：要被替换的原索引仍在。" : "重建或删除。";
    if (!leftover)
        f->apply_sql = arena_printf(d->arena, "REINDEX INDEX CONCURRENTLY %s;",
                                    sql_name(x->schema, x->name, d->arena));
    if (!leftover)
        f->undo_sql = NULL;
}

/* ---- duplicates ------------------------------------------------------------------------------ */

static bool is_same_predicate(const struct perf_index *a, const struct perf_index *b)
{
    return a->predicate == NULL || b->predicate == NULL ? a->predicate == b->predicate
                                                        : strcmp(a->predicate, b->predicate) == 0;
}

/* Can b do all that a does? Same keys, or a's keys are the begin of b's. */
static bool is_covered(const struct perf_index *a, const struct perf_index *b, bool *ret_equal)
{
    size_t n = strlen(a->keys);
    *ret_equal = strcmp(a->keys, b->keys) == 0;
    if (*ret_equal)
        return true;
    return strcmp(a->method, "btree") == 0 && strstr(a->keys, " INCLUDE (") == NULL &&
           strncmp(a->keys, b->keys, n) == 0 &&
           (strncmp(b->keys + n, ", ", 2) == 0 || strncmp(b->keys + n, " INCLUDE (", 10) == 0);
}

/* The index that makes x superfluous, or NULL. Unique ones and those of constraints stay; of two
 * equal ones the one whose name sorts first. */
static const struct perf_index *coverer_of(const struct diagnosis *d, const struct perf_index *x)
{
    const struct perf_server *s = &d->study->server;
    if (x->unique || x->primary || x->constraint || !x->valid || x->building)
        return NULL;
    for (size_t i = 0; i < s->nindexes; i++) {
        const struct perf_index *y = &s->indexes[i];
        bool equal = false;
        if (y == x || !y->valid || strcmp(y->table, x->table) != 0 ||
            strcmp(y->schema, x->schema) != 0 || strcmp(y->method, x->method) != 0 ||
            !is_same_predicate(x, y) || !is_covered(x, y, &equal))
            continue;
        if (equal ? y->unique || y->constraint || strcmp(y->name, x->name) < 0
                  : x->bytes >= d->limits.covered_bytes)
            return y;
    }
    return NULL;
}

static void judge_duplicate(struct diagnosis *d, const struct perf_index *x)
{
    const struct perf_index *y = coverer_of(d, x);
    struct perf_finding *f = y == NULL ? NULL : add_drop(d, PERF_KIND_DUPLICATE_INDEX, x);
    if (f == NULL)
        return;
    bool equal = strcmp(x->keys, y->keys) == 0;
    f->title_en = arena_printf(d->arena, "Index '%s' is covered by '%s'", x->name, y->name);
    f->title_zh = arena_printf(d->arena, "索引 %s 与 %s 重复", x->name, y->name);
    f->cause_en = equal ? "Both have the same columns, order and condition."
                        : "The columns of the one are the first columns of the other.";
    f->cause_zh = equal ? "两者的列、顺序和条件完全相同。" : "前者的列是后者的前缀。";
    f->cure_en = "Drop it: what it serves, the other one serves, and writes get cheaper.";
    f->cure_zh = "删除它：其用途由另一个索引承担，写入更快。";
    finding_evidence(d, f, "covered by", "被其覆盖", "%s", y->definition);
    if (x->bytes >= d->limits.bloat_bytes)
        f->severity = PERF_MEDIUM;
}

/* ---- unused ---------------------------------------------------------------------------------- */

static void judge_unused(struct diagnosis *d, const struct perf_index *x)
{
    double age_s = d->study->server.stats_age_s;
    if (x->unique || x->primary || x->constraint || !x->valid || x->building ||
        x->scans_total > d->limits.unused_scans || x->bytes < d->limits.unused_bytes ||
        coverer_of(d, x) != NULL)
        return;
    if (age_s < d->limits.unused_days * DAY_S) {
        diagnosis_miss(d, "unused indexes",
                       arena_printf(d->arena,
                                    "the counters cover %.1f days; %.0f are needed before an index "
                                    "can be called unused",
                                    fmax(0, age_s) / DAY_S, d->limits.unused_days),
                       arena_printf(d->arena, "统计只覆盖 %.1f 天，至少 %.0f 天才能判定索引未使用",
                                    fmax(0, age_s) / DAY_S, d->limits.unused_days));
        return;
    }
    struct perf_finding *f = add_drop(d, PERF_KIND_UNUSED_INDEX, x);
    if (f == NULL)
        return;
    f->title_en = arena_printf(d->arena, "Index '%s' is not used", x->name);
    f->title_zh = arena_printf(d->arena, "索引 %s 未被使用", x->name);
    f->cause_en = arena_printf(d->arena, "%.0f scans in %.0f days.", x->scans_total, age_s / DAY_S);
    f->cause_zh =
        arena_printf(d->arena, "%.0f 天内只被扫描 %.0f 次。", age_s / DAY_S, x->scans_total);
    f->cure_en = "Drop it, unless a replica or a job at the end of the year uses it: counters are "
                 "those of this server only.";
    f->cure_zh = "删除它；但需先确认只读副本或年末任务没有使用（统计只属于本服务器）。";
    finding_evidence(d, f, "scans", "扫描次数", "%.0f", x->scans_total);
    if (x->bytes >= d->limits.bloat_bytes && writes_of(table_of(d, x)) > 0)
        f->severity = PERF_MEDIUM;
}

/* ---- foreign keys ---------------------------------------------------------------------------- */

static const struct perf_table *referenced(const struct diagnosis *d, const char *qualified)
{
    const char *dot = strrchr(qualified, '.');
    for (size_t i = 0; i < d->study->server.ntables; i++) {
        const struct perf_table *t = &d->study->server.tables[i];
        size_t n = dot == NULL ? 0 : (size_t)(dot - qualified);
        if (strcmp(t->name, dot == NULL ? qualified : dot + 1) == 0 &&
            (dot == NULL || (strlen(t->schema) == n && memcmp(t->schema, qualified, n) == 0)))
            return t;
    }
    return NULL;
}

/* Every row deleted from the referenced table looks for rows here. */
static void judge_foreign_key(struct diagnosis *d, const struct perf_table *t,
                              const struct perf_foreign_key *k)
{
    const struct perf_table *to = referenced(d, k->to_table);
    AUTO_STRBUF struct strbuf columns = {0};
    struct span name;
    if (to == NULL || to->deleted <= 0 || t->rows < d->limits.foreign_key_rows)
        return;
    for (size_t i = 0; i < d->study->server.nindexes; i++)
        if (index_leads_with(&d->study->server.indexes[i], t, k->columns))
            return;
    struct perf_finding *f =
        finding_add(d, PERF_KIND_FOREIGN_KEY_INDEX, "%s-%s-%s", t->schema, t->name, k->name);
    if (f == NULL)
        return;
    strbuf_init(&columns, 4096);
    for (size_t i = 0; (name = sql_list_at(k->columns, i)).len > 0; i++) {
        strbuf_adds(&columns, i > 0 ? ", " : "");
        sql_add_name(&columns, arena_strndup(d->arena, name.ptr, name.len));
    }
    const char *index = arena_printf(d->arena, "%.40s_idx", k->name);
    AUTO_STRBUF struct strbuf plain = {0};
    strbuf_init(&plain, 1024);
    sql_add_name(&plain, index);
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = PERF_MEDIUM;
    f->title_en = arena_printf(d->arena, "Foreign key %s (%s) has no index", t->name, k->columns);
    f->title_zh = arena_printf(d->arena, "外键 %s (%s) 没有索引", t->name, k->columns);
    f->cause_en = arena_printf(d->arena,
                               "%.0f rows were deleted from %s; each looks through all of "
                               "'%s' for rows that refer to it.",
                               to->deleted, k->to_table, t->name);
    f->cause_zh = arena_printf(d->arena, "从 %s 删除了 %.0f 行，每一行都要全表扫描 %s 查找引用。",
                               k->to_table, to->deleted, t->name);
    f->cure_en = "Index the referring columns.";
    f->cure_zh = "为引用列建立索引。";
    f->apply_sql = arena_printf(d->arena, "CREATE INDEX CONCURRENTLY %s ON %s (%s);", plain.data,
                                sql_name(t->schema, t->name, d->arena), columns.data);
    f->undo_sql =
        arena_printf(d->arena, "DROP INDEX CONCURRENTLY %s;", sql_name(t->schema, index, d->arena));
    finding_evidence(d, f, "rows of the table", "表的行数", "%.0f", t->rows);
    finding_evidence(d, f, "rows deleted from the referenced table", "被引用表的删除行数", "%.0f",
                     to->deleted);
}

/* ---- bloat ----------------------------------------------------------------------------------- */

/* Bytes an index of its columns would have if it were built anew: 8 bytes of header and 4 of line
 * pointer a row, 90 % filled; NULLs are in a btree too. Below 0: not known. */
static double built_anew(const struct perf_index *x, const struct perf_table *t,
                         struct arena *arena)
{
    double width = 0;
    for (size_t i = 0; sql_list_at(x->keys, i).len > 0; i++) {
        const struct perf_column *c = sql_table_column(t, index_key_column(x, i, arena));
        if (c == NULL || c->width <= 0)
            return -1;
        width += c->width;
    }
    return t->rows * (12 + ceil(width / 8) * 8) / 0.9;
}

static void judge_bloat(struct diagnosis *d, const struct perf_index *x)
{
    const struct perf_table *t = table_of(d, x);
    if (t == NULL || x->expression || x->predicate != NULL || !x->valid || t->rows <= 0 ||
        strcmp(x->method, "btree") != 0 || strstr(x->keys, " INCLUDE (") != NULL ||
        x->bytes < d->limits.bloat_bytes)
        return;
    double needed = built_anew(x, t, d->arena), waste = x->bytes - needed;
    if (needed < 0 || waste < d->limits.bloat_bytes || waste < d->limits.bloat_share * x->bytes)
        return;
    struct perf_finding *f = finding_add(d, PERF_KIND_BLOAT, "%s-%s", x->schema, x->name);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_SUSPECTED;
    f->unproved = "an estimate from average widths; pgstattuple's pgstatindex() measures it";
    f->severity = PERF_LOW;
    f->title_en = arena_printf(d->arena, "Index '%s' is mostly empty pages", x->name);
    f->title_zh = arena_printf(d->arena, "索引 %s 膨胀", x->name);
    f->cause_en = arena_printf(d->arena, "It has %s, where %s would do.",
                               mebibytes(x->bytes, d->arena), mebibytes(needed, d->arena));
    f->cause_zh = arena_printf(d->arena, "占用 %s，重建后约需 %s。", mebibytes(x->bytes, d->arena),
                               mebibytes(needed, d->arena));
    f->cure_en = "Build it again without stopping writes.";
    f->cure_zh = "在线重建索引。";
    f->apply_sql = arena_printf(d->arena, "REINDEX INDEX CONCURRENTLY %s;",
                                sql_name(x->schema, x->name, d->arena));
    finding_evidence(d, f, "size", "大小", "%s", mebibytes(x->bytes, d->arena));
}

void diagnose_indexes(struct diagnosis *d)
{
    const struct perf_server *s = &d->study->server;
    for (size_t i = 0; i < s->nindexes; i++) {
        judge_invalid(d, &s->indexes[i]);
        judge_duplicate(d, &s->indexes[i]);
        judge_unused(d, &s->indexes[i]);
        judge_bloat(d, &s->indexes[i]);
    }
    for (size_t i = 0; i < s->ntables; i++)
        for (size_t k = 0; k < s->tables[i].nforeign_keys; k++)
            judge_foreign_key(d, &s->tables[i], &s->tables[i].foreign_keys[k]);
}
