/* lib/perf/n_plus_one.c - see n_plus_one.h. */
#include "perf/n_plus_one.h"

#include "perf/sqltext.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define PARENT_TOLERANCE 0.1 /* rows of the parent and calls of the child may differ by */

/* What a rule looks at: one statement in one endpoint. */
struct repeat {
    size_t endpoint;
    const struct perf_endpoint *e;
    const struct perf_use *use;
    const struct perf_statement *statement;
    const struct sql_tree *tree;
    const struct perf_slope *slope; /* NULL: not measured */
};

static struct sql_catalog catalog_of(const struct diagnosis *d)
{
    return (struct sql_catalog){d->study->server.tables, d->study->server.ntables, NULL, 0};
}

static const struct perf_slope *slope_of(const struct perf_endpoint *e, size_t statement)
{
    for (size_t i = 0; i < e->nslopes; i++)
        if (e->slopes[i].statement == statement && e->slopes[i].points >= 3)
            return &e->slopes[i];
    return NULL;
}

/* ---- which column a row is looked up by ------------------------------------------------------ */

static bool is_key_column(const struct diagnosis *d, const struct perf_table *t, const char *column)
{
    for (size_t i = 0; i < t->nforeign_keys; i++)
        if (sql_list_has(t->foreign_keys[i].columns, column))
            return true;
    for (size_t i = 0; i < d->study->server.nindexes; i++) {
        const struct perf_index *x = &d->study->server.indexes[i];
        struct span first = sql_list_at(x->keys, 0);
        size_t n = strlen(column);
        if (x->unique && strcmp(x->table, t->name) == 0 && strcmp(x->schema, t->schema) == 0 &&
            first.len > n && memcmp(first.ptr, column, n) == 0 && first.ptr[n] == ' ')
            return true;
    }
    return strcmp(column, "id") == 0; /* a study without its indexes */
}

/* The predicate "key column = $n" of the statement's own block, or NULL. */
static const struct sql_predicate *key_lookup(const struct diagnosis *d,
                                              const struct sql_tree *tree)
{
    struct sql_catalog catalog = catalog_of(d);
    for (size_t i = 0; i < tree->npredicates; i++) {
        const struct sql_predicate *p = &tree->predicates[i];
        const struct perf_table *t = sql_table_of(tree, &catalog, p->column);
        if (p->how == SQL_EQUAL && !p->alternative && !p->join && p->block == 0 && t != NULL &&
            is_key_column(d, t, p->column.name))
            return p;
    }
    return NULL;
}

/* ---- the parent ------------------------------------------------------------------------------ */

static bool refers_to(const struct perf_table *child, const struct perf_table *parent)
{
    for (size_t i = 0; i < child->nforeign_keys; i++) {
        const char *to = child->foreign_keys[i].to_table, *dot = strrchr(to, '.');
        if (strcmp(dot == NULL ? to : dot + 1, parent->name) == 0)
            return true;
    }
    return false;
}

static bool are_linked(const struct diagnosis *d, const struct sql_tree *a,
                       const struct sql_tree *b)
{
    const struct perf_table *tables = d->study->server.tables;
    for (size_t i = 0; i < a->nrelations; i++)
        for (size_t k = 0; k < b->nrelations; k++) {
            size_t x = a->relations[i].table, y = b->relations[k].table;
            if (x != SQL_NONE && y != SQL_NONE &&
                (refers_to(&tables[x], &tables[y]) || refers_to(&tables[y], &tables[x])))
                return true;
        }
    return false;
}

/* The SELECT of the same request that gives as many rows as the child is called; one that a foreign
 * key links to it before any other. */
static const struct perf_use *find_parent(const struct diagnosis *d, const struct repeat *r)
{
    const struct perf_use *found = NULL;
    for (size_t i = 0; i < r->e->nuses; i++) {
        const struct perf_use *u = &r->e->uses[i];
        const struct sql_tree *tree = d->trees[u->statement];
        if (u == r->use || tree == NULL || tree->kind != SQL_SELECT || u->calls <= 0 ||
            u->calls > r->use->calls / 2 ||
            fabs(u->rows - r->use->calls) > PARENT_TOLERANCE * r->use->calls)
            continue;
        if (are_linked(d, r->tree, tree))
            return u;
        found = found == NULL ? u : found;
    }
    return found;
}

/* ---- rewrites -------------------------------------------------------------------------------- */

const char *rewrite_any(const struct sql_tree *tree, const struct sql_predicate *p,
                        struct arena *arena)
{
    size_t length = strlen(tree->text);
    if (p->parameter_at < 0 || (size_t)p->parameter_at >= length ||
        tree->text[p->parameter_at] != '$')
        return NULL;
    const char *at = tree->text + p->parameter_at;
    int digits = (int)(1 + strspn(at + 1, "0123456789"));
    if (strncmp(at + digits, "::", 2) == 0) /* the cast would have to become one of an array */
        return NULL;
    return arena_printf(arena, "%.*sANY(%.*s)%s", p->parameter_at, tree->text, digits, at,
                        at + digits);
}

static void add_join(const struct perf_table *child, const struct perf_table *parent,
                     struct arena *arena, struct strbuf *out)
{
    for (size_t i = 0; i < child->nforeign_keys; i++) {
        const struct perf_foreign_key *k = &child->foreign_keys[i];
        struct span from = sql_list_at(k->columns, 0), to = sql_list_at(k->to_columns, 0);
        const char *dot = strrchr(k->to_table, '.');
        if (strcmp(dot == NULL ? k->to_table : dot + 1, parent->name) != 0)
            continue;
        strbuf_adds(out, "\n\n-- or joined, in the query of the list\nSELECT p.*, c.*\nFROM ");
        strbuf_adds(out, sql_name(parent->schema, parent->name, arena));
        strbuf_adds(out, " p\nLEFT JOIN ");
        strbuf_adds(out, sql_name(child->schema, child->name, arena));
        strbuf_adds(out, " c ON c.");
        sql_add_name(out, arena_strndup(arena, from.ptr, from.len));
        strbuf_adds(out, " = p.");
        sql_add_name(out, arena_strndup(arena, to.ptr, to.len));
        return;
    }
}

/* Once for all rows, and, when a foreign key leads there, the JOIN. */
static const char *rewrite_lookup(const struct diagnosis *d, const struct repeat *r,
                                  const struct sql_predicate *key, const struct perf_use *parent)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, (size_t)256 << 10);
    const char *any = rewrite_any(r->tree, key, d->arena);
    struct sql_catalog catalog = catalog_of(d);
    const struct perf_table *child = sql_table_of(r->tree, &catalog, key->column);
    strbuf_addf(&out, "-- once for the whole list; %s tells which row belongs to whom\n%s",
                key->column.name, any == NULL ? "" : any);
    if (any == NULL) {
        strbuf_adds(&out, "SELECT * FROM ");
        strbuf_adds(&out, sql_name(child->schema, child->name, d->arena));
        strbuf_adds(&out, " WHERE ");
        sql_add_name(&out, key->column.name);
        strbuf_adds(&out, " = ANY($1)");
    }
    if (r->tree->blocks[0].limit)
        strbuf_adds(&out, "\n-- its LIMIT was for each parent: take the first rows of each with "
                          "row_number() over (partition by ...)");
    const struct sql_tree *tree = parent == NULL ? NULL : d->trees[parent->statement];
    for (size_t i = 0; tree != NULL && i < tree->nrelations; i++)
        if (tree->relations[i].table != SQL_NONE) {
            const struct perf_table *other = &catalog.tables[tree->relations[i].table];
            size_t before = out.len;
            add_join(child, other, d->arena, &out);
            if (out.len > before)
                break;
        }
    return arena_strdup(d->arena, out.data);
}

/* ---- the finding ----------------------------------------------------------------------------- */

static void add_measures(struct diagnosis *d, struct perf_finding *f, const struct repeat *r)
{
    finding_evidence(d, f, "calls per request", "每请求调用次数", "%.1f (%s)", r->use->calls,
                     r->e->name);
    finding_evidence(d, f, "rows per call", "每次调用行数", "%.2f", r->use->rows / r->use->calls);
    finding_evidence(d, f, "database time per request", "每请求数据库时间", "%.2f ms",
                     r->use->exec_ms);
    if (r->slope == NULL)
        return;
    AUTO_STRBUF struct strbuf points = {0};
    strbuf_init(&points, 1024);
    for (size_t i = 0; i < r->slope->points && i < PERF_SLOPE_POINTS; i++)
        strbuf_addf(&points, "%s%.0f: %.1f", i > 0 ? ", " : "", r->slope->size[i],
                    r->slope->calls[i]);
    finding_evidence(d, f, "calls by page size", "不同页大小的调用次数", "%s", points.data);
    finding_evidence(d, f, "slope", "斜率", "%.2f (r2 %.3f)", r->slope->slope, r->slope->r2);
}

static bool is_confirmed(const struct diagnosis *d, const struct repeat *r)
{
    return r->slope != NULL && r->slope->slope >= d->limits.slope_min &&
           r->slope->r2 >= d->limits.slope_r2;
}

static bool is_flat(const struct diagnosis *d, const struct repeat *r)
{
    return r->slope != NULL && fabs(r->slope->slope) <= d->limits.slope_flat;
}

static bool is_costly(const struct diagnosis *d, const struct repeat *r)
{
    return r->use->calls >= d->limits.repeat_calls &&
           (r->use->exec_ms >= d->limits.repeat_ms ||
            endpoint_share(r->e, r->use->exec_ms) >= d->limits.repeat_share);
}

/* What is left is one call; the round trips that go as well are not counted. */
static void set_gain(struct perf_finding *f, const struct repeat *r)
{
    double gain = r->use->exec_ms * (1 - 1 / fmax(1, r->use->calls));
    double share = endpoint_share(r->e, gain);
    if (gain > f->gain_ms_per_request)
        f->gain_ms_per_request = gain;
    if (share > f->gain_share)
        f->gain_share = share;
}

static const char *table_of(const struct sql_tree *tree)
{
    return tree->nrelations > 0 ? tree->relations[0].name : "?";
}

static void describe_lookup(struct diagnosis *d, struct perf_finding *f, const struct repeat *r,
                            const struct sql_predicate *key, const struct perf_use *parent)
{
    const char *table = r->tree->relations[key->column.relation].name;
    f->title_en = arena_printf(d->arena, "N+1: '%s' is read once for each row of a list", table);
    f->title_zh = arena_printf(d->arena, "N+1 查询：列表的每一行都单独查询一次 %s", table);
    f->cause_en =
        arena_printf(d->arena,
                     "A request to %s runs this SELECT %.0f times, each for one value of "
                     "'%s'%s.",
                     r->e->name, r->use->calls, key->column.name,
                     f->proof == PERF_PROOF_CONFIRMED ? "; the number grows with the page" : "");
    f->cause_zh = arena_printf(
        d->arena, "%s 的一次请求把这条 SELECT 执行了 %.0f 次，每次只查 %s 的一个值%s。", r->e->name,
        r->use->calls, key->column.name,
        f->proof == PERF_PROOF_CONFIRMED ? "，次数随页大小增长" : "");
    f->cure_en = "Collect the keys of the list and read all rows with one query, or join.";
    f->cure_zh = "收集列表中的键，一次查询取回全部行（= ANY），或改为 JOIN。";
    f->rewrite = rewrite_lookup(d, r, key, parent);
    if (parent != NULL)
        finding_evidence(d, f, "the list (its rows are the calls)", "列表查询（其行数即调用次数）",
                         "%s", d->study->server.statements[parent->statement].text);
}

static void judge_lookup(struct diagnosis *d, const struct repeat *r)
{
    const struct sql_predicate *key = key_lookup(d, r->tree);
    const struct perf_use *parent = find_parent(d, r);
    bool confirmed = is_confirmed(d, r), flat = is_flat(d, r);
    if (key == NULL || !(confirmed || is_costly(d, r)))
        return;
    /* Several rows for each (the lines of an order) are as much an N+1, if a list is there. */
    if (!confirmed && parent == NULL && r->use->rows / r->use->calls > d->limits.repeat_rows)
        return;
    struct perf_finding *f =
        finding_add(d, flat ? PERF_KIND_FAN_OUT : PERF_KIND_N_PLUS_ONE, "%s-%s-%s", r->e->name,
                    table_of(r->tree), r->statement->fingerprint);
    if (f == NULL)
        return;
    f->proof = confirmed || flat ? PERF_PROOF_CONFIRMED : PERF_PROOF_SUSPECTED;
    f->sql = r->statement->text;
    finding_endpoint(d, f, r->endpoint);
    describe_lookup(d, f, r, key, parent);
    add_measures(d, f, r);
    if (flat) {
        f->title_en = arena_printf(d->arena, "'%s' is read %.0f times by each request",
                                   table_of(r->tree), r->use->calls);
        f->title_zh = arena_printf(d->arena, "每次请求读取 %s %.0f 次（与页大小无关）",
                                   table_of(r->tree), r->use->calls);
        return; /* a note: it does not grow */
    }
    set_gain(f, r);
    f->severity = finding_severity_of(d, f->gain_share, f->proof);
    if (confirmed && f->severity < PERF_MEDIUM) /* it grows with the page, whatever it costs now */
        f->severity = PERF_MEDIUM;
    if (!confirmed)
        f->unproved = r->slope == NULL ? "the endpoint was not measured at several page sizes"
                                       : "the calls do not grow in step with the page size";
}

/* ---- writes ---------------------------------------------------------------------------------- */

/* INSERT of parameters only: as many rows as the arrays have. */
static const char *rewrite_insert(const struct diagnosis *d, const struct sql_tree *tree)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct sql_catalog catalog = catalog_of(d);
    const struct perf_table *t = sql_table_of(
        tree, &catalog, (struct sql_column){tree->nrelations > 0 ? 0 : SQL_NONE, NULL});
    if (tree->kind != SQL_INSERT || t == NULL || tree->nset == 0 || tree->value_rows != 1)
        return NULL;
    strbuf_init(&out, (size_t)64 << 10);
    strbuf_adds(&out, "INSERT INTO ");
    strbuf_adds(&out, sql_name(t->schema, t->name, d->arena));
    for (size_t i = 0; i < tree->nset; i++) {
        strbuf_adds(&out, i > 0 ? ", " : " (");
        sql_add_name(&out, tree->set[i]);
    }
    strbuf_adds(&out, ")\nSELECT * FROM unnest(");
    for (size_t i = 0; i < tree->nset; i++) {
        const struct perf_column *c = sql_table_column(t, tree->set[i]);
        strbuf_addf(&out, "%s$%zu::%s[]", i > 0 ? ", " : "", i + 1, c == NULL ? "text" : c->type);
    }
    strbuf_adds(&out, ")");
    return arena_strdup(d->arena, out.data);
}

static const char *rewrite_update(const struct diagnosis *d, const struct sql_tree *tree)
{
    const struct sql_predicate *key = key_lookup(d, tree);
    AUTO_STRBUF struct strbuf out = {0};
    if (key == NULL || tree->kind == SQL_INSERT)
        return NULL;
    if (tree->kind == SQL_DELETE)
        return rewrite_any(tree, key, d->arena);
    strbuf_init(&out, (size_t)64 << 10);
    const struct sql_relation *r = &tree->relations[key->column.relation];
    strbuf_adds(&out, "UPDATE ");
    strbuf_adds(&out, sql_name(r->schema, r->name, d->arena));
    strbuf_adds(&out, " t SET");
    for (size_t i = 0; i < tree->nset; i++) {
        strbuf_adds(&out, i > 0 ? ", " : " ");
        sql_add_name(&out, tree->set[i]);
        strbuf_addf(&out, " = v.value_%zu", i + 1);
    }
    strbuf_adds(&out, "\nFROM unnest($1");
    for (size_t i = 0; i < tree->nset; i++)
        strbuf_addf(&out, ", $%zu", i + 2);
    strbuf_adds(&out, ") v(key");
    for (size_t i = 0; i < tree->nset; i++)
        strbuf_addf(&out, ", value_%zu", i + 1);
    strbuf_adds(&out, ")\nWHERE t.");
    sql_add_name(&out, key->column.name);
    strbuf_adds(&out, " = v.key  -- each $n an array");
    return arena_strdup(d->arena, out.data);
}

static double commits_per_request(const struct diagnosis *d, const struct perf_endpoint *e)
{
    double commits = 0;
    for (size_t i = 0; i < e->nuses; i++)
        if (strncasecmp(d->study->server.statements[e->uses[i].statement].text, "commit", 6) == 0)
            commits += e->uses[i].calls;
    return commits;
}

static void judge_write(struct diagnosis *d, const struct repeat *r)
{
    bool confirmed = is_confirmed(d, r);
    /* Whatever they cost the database: each is a round trip, and a commit may be one more. */
    if (!(confirmed || r->use->calls >= d->limits.repeat_calls) ||
        r->use->rows / r->use->calls > d->limits.repeat_rows)
        return;
    const char *table = table_of(r->tree);
    struct perf_finding *f = finding_add(d, PERF_KIND_CHATTY_WRITES, "%s-%s-%s", r->e->name, table,
                                         r->statement->fingerprint);
    if (f == NULL)
        return;
    f->proof = confirmed ? PERF_PROOF_CONFIRMED : PERF_PROOF_SUSPECTED;
    f->unproved = confirmed ? NULL : "the requests were of one size";
    f->sql = r->statement->text;
    finding_endpoint(d, f, r->endpoint);
    f->title_en = arena_printf(d->arena, "'%s' is written row by row", table);
    f->title_zh = arena_printf(d->arena, "逐行写入 %s", table);
    f->cause_en = arena_printf(d->arena,
                               "A request to %s runs this statement %.0f times, for one "
                               "row each: so many round trips.",
                               r->e->name, r->use->calls);
    f->cause_zh = arena_printf(
        d->arena, "%s 的一次请求把这条语句执行了 %.0f 次，每次只写一行，往返次数随之增加。",
        r->e->name, r->use->calls);
    f->cure_en = "Write all rows of a request with one statement, in one transaction.";
    f->cure_zh = "把一次请求的所有行合并为一条语句，在同一事务中写入。";
    f->rewrite =
        r->tree->kind == SQL_INSERT ? rewrite_insert(d, r->tree) : rewrite_update(d, r->tree);
    add_measures(d, f, r);
    double commits = commits_per_request(d, r->e);
    if (commits >= d->limits.repeat_calls)
        finding_evidence(d, f, "commits per request", "每请求提交次数", "%.1f", commits);
    set_gain(f, r);
    f->severity = finding_severity_of(d, f->gain_share, f->proof);
}

/* ---------------------------------------------------------------------------------------------- */

static void judge(struct diagnosis *d, size_t endpoint, const struct perf_use *use)
{
    const struct perf_endpoint *e = &d->study->endpoints[endpoint];
    const struct repeat r = {.endpoint = endpoint,
                             .e = e,
                             .use = use,
                             .statement = &d->study->server.statements[use->statement],
                             .tree = d->trees[use->statement],
                             .slope = slope_of(e, use->statement)};
    if (r.tree == NULL || r.statement->utility || use->calls <= 0)
        return;
    if (r.tree->kind == SQL_SELECT)
        judge_lookup(d, &r);
    else if (r.tree->kind <= SQL_DELETE)
        judge_write(d, &r);
}

void diagnose_repeats(struct diagnosis *d)
{
    for (size_t i = 0; i < d->study->nendpoints; i++)
        for (size_t k = 0; d->study->endpoints[i].attributed && k < d->study->endpoints[i].nuses;
             k++)
            judge(d, i, &d->study->endpoints[i].uses[k]);
}
