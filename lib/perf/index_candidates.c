/* lib/perf/index_candidates.c - see index_candidates.h. */
#include "perf/index_candidates.h"

#include "perf/index_health.h"
#include "perf/sqltext.h"

#include <math.h>
#include <string.h>

#define WIDTH_MAX 500 /* a wider column soon meets the limit of 2,704 bytes an entry */

static const struct perf_table *table_at(const struct diagnosis *d, size_t table)
{
    return &d->study->server.tables[table];
}

/* ---- columns --------------------------------------------------------------------------------- */

static bool can_be_indexed(const struct perf_column *c)
{
    static const char *const not_btree[] = {
        "json",   "jsonb",   "xml",      "point",   "box",      "line",      "lseg",  "path",
        "circle", "polygon", "tsvector", "tsquery", "geometry", "geography", "hstore"};
    if (c == NULL || c->width > WIDTH_MAX || strchr(c->type, '[') != NULL)
        return false;
    for (size_t i = 0; i < sizeof not_btree / sizeof *not_btree; i++)
        if (strcmp(c->type, not_btree[i]) == 0)
            return false;
    return true;
}

static double distinct_of(const struct perf_table *t, const char *name)
{
    const struct perf_column *c = sql_table_column(t, name);
    if (c == NULL || !(c->distinct > 0 || c->distinct < 0))
        return 1;
    return c->distinct > 0 ? c->distinct : -c->distinct * t->rows;
}

/* The columns of one relation, by what they are good for. */
struct usable {
    const struct perf_table *t;
    size_t table;
    struct index_column equal[8], range[8], sort[INDEX_COLUMNS_MAX], single[16];
    size_t nequal, nrange, nsort, nsingle;
    bool limit;
};

static void add_column(struct index_column *list, size_t *n, size_t max, struct index_column c)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i].name, c.name) == 0)
            return;
    if (*n < max)
        list[(*n)++] = c;
}
#define ADD(u, list, column)                                                                       \
    add_column((u)->list, &(u)->n##list, sizeof(u)->list / sizeof *(u)->list, column)

static void add_predicates(const struct sql_tree *tree, size_t relation, struct usable *u)
{
    for (size_t i = 0; i < tree->npredicates; i++) {
        const struct sql_predicate *p = &tree->predicates[i];
        if (p->column.relation != relation || p->how == SQL_OTHER || p->how == SQL_LIKE ||
            !can_be_indexed(sql_table_column(u->t, p->column.name)))
            continue;
        const struct index_column c = {p->column.name, false, false};
        ADD(u, single, c);
        if (p->alternative)
            continue;
        if (p->how == SQL_RANGE)
            ADD(u, range, c);
        else
            ADD(u, equal, c);
    }
    for (size_t i = 0; i < tree->njoins; i++) {
        const struct sql_join *j = &tree->joins[i];
        const struct sql_column *side = j->a.relation == relation   ? &j->a
                                        : j->b.relation == relation ? &j->b
                                                                    : NULL;
        if (side == NULL || !can_be_indexed(sql_table_column(u->t, side->name)))
            continue;
        const struct index_column c = {side->name, false, false};
        ADD(u, single, c);
        ADD(u, equal, c);
    }
}

/* ORDER BY as far as it is of this relation alone; GROUP BY columns one by one. */
static void add_sorts(const struct sql_tree *tree, size_t relation, struct usable *u)
{
    bool open = true;
    size_t block = tree->relations[relation].block;
    for (size_t i = 0; i < tree->nsorts; i++) {
        const struct sql_sort *s = &tree->sorts[i];
        bool mine = s->column.relation == relation &&
                    can_be_indexed(sql_table_column(u->t, s->column.name));
        const struct index_column c = {s->column.name, s->descending, s->nulls_first};
        if (mine)
            ADD(u, single, ((struct index_column){s->column.name, false, false}));
        if (s->group)
            continue;
        open = open && mine;
        if (open)
            ADD(u, sort, c);
        if (tree->blocks[s->block].limit)
            u->limit = true;
    }
    u->limit = u->limit || tree->blocks[block].limit;
}

/* Equalities, the most selective first. */
static void order_equalities(struct usable *u)
{
    for (size_t i = 1; i < u->nequal; i++)
        for (size_t k = i;
             k > 0 && distinct_of(u->t, u->equal[k].name) > distinct_of(u->t, u->equal[k - 1].name);
             k--) {
            struct index_column swap = u->equal[k];
            u->equal[k] = u->equal[k - 1];
            u->equal[k - 1] = swap;
        }
}

static void collect(const struct diagnosis *d, const struct sql_tree *tree, size_t relation,
                    struct usable *u)
{
    *u = (struct usable){.table = tree->relations[relation].table};
    u->t = table_at(d, u->table);
    add_predicates(tree, relation, u);
    add_sorts(tree, relation, u);
    order_equalities(u);
}

/* ---- candidates ------------------------------------------------------------------------------ */

bool index_candidate_equal(const struct index_candidate *a, const struct index_candidate *b)
{
    if (a->table != b->table || a->ncolumns != b->ncolumns)
        return false;
    for (size_t i = 0; i < a->ncolumns; i++)
        if (strcmp(a->columns[i].name, b->columns[i].name) != 0 ||
            a->columns[i].descending != b->columns[i].descending ||
            a->columns[i].nulls_first != b->columns[i].nulls_first)
            return false;
    return true;
}

/* A btree read backwards serves an order that is turned round as a whole, so directions matter only
 * where they differ. */
static bool is_one_way(const struct index_candidate *c)
{
    for (size_t i = c->nequal + 1; i < c->ncolumns; i++)
        if (c->columns[i].descending != c->columns[c->nequal].descending)
            return false;
    return true;
}

bool index_exists(const struct diagnosis *d, const struct index_candidate *c)
{
    const struct perf_table *t = table_at(d, c->table);
    struct arena *arena = arena_new();
    bool found = false;
    for (size_t i = 0; !found && i < d->study->server.nindexes; i++) {
        const struct perf_index *x = &d->study->server.indexes[i];
        if (!x->valid || x->predicate != NULL || strcmp(x->method, "btree") != 0 ||
            strcmp(x->table, t->name) != 0 || strcmp(x->schema, t->schema) != 0)
            continue;
        size_t same = 0;
        while (same < c->ncolumns &&
               strcmp(index_key_column(x, same, arena), c->columns[same].name) == 0)
            same++;
        found = same == c->ncolumns && is_one_way(c);
    }
    arena_free(arena);
    return found;
}

static void add_candidate(const struct diagnosis *d, struct index_candidates *all,
                          struct index_candidate c)
{
    if (c.ncolumns == 0 || all->count == INDEX_CANDIDATES_MAX || index_exists(d, &c))
        return;
    for (size_t i = 0; i < all->count; i++)
        if (index_candidate_equal(&all->items[i], &c))
            return;
    all->items[all->count++] = c;
}

static void push(struct index_candidate *c, struct index_column column)
{
    for (size_t i = 0; i < c->ncolumns; i++)
        if (strcmp(c->columns[i].name, column.name) == 0)
            return;
    if (c->ncolumns < INDEX_COLUMNS_MAX)
        c->columns[c->ncolumns++] = column;
}

/* The first n equalities, then one range or the order. */
static struct index_candidate compose(const struct usable *u, size_t first, size_t n,
                                      const struct index_column *tail, size_t ntail)
{
    struct index_candidate c = {.table = u->table};
    for (size_t i = 0; i < n && first + i < u->nequal; i++)
        push(&c, u->equal[first + i]);
    c.nequal = c.ncolumns;
    for (size_t i = 0; i < ntail; i++)
        push(&c, tail[i]);
    return c;
}

static void add_of_relation(const struct diagnosis *d, const struct usable *u,
                            struct index_candidates *all)
{
    for (size_t i = 0; i < u->nsingle; i++) {
        struct index_candidate c = {.table = u->table, .nequal = 1};
        push(&c, u->single[i]);
        add_candidate(d, all, c);
    }
    add_candidate(d, all, compose(u, 0, 2, NULL, 0));
    add_candidate(d, all, compose(u, 0, 3, NULL, 0));
    for (size_t i = 0; i < u->nrange && i < 2; i++) {
        add_candidate(d, all, compose(u, 0, 3, &u->range[i], 1));
        for (size_t k = 0; k < u->nequal && k < 3; k++)
            add_candidate(d, all, compose(u, k, 1, &u->range[i], 1));
    }
    if (!u->limit || u->nsort == 0)
        return;
    add_candidate(d, all, compose(u, 0, 0, u->sort, u->nsort));
    add_candidate(d, all, compose(u, 0, 3, u->sort, u->nsort));
    for (size_t k = 0; k < u->nequal && k < 3; k++)
        add_candidate(d, all, compose(u, k, 1, u->sort, u->nsort));
}

static bool is_subject(const struct diagnosis *d, const struct sql_tree *tree, size_t relation)
{
    size_t table = tree->relations[relation].table;
    return table != SQL_NONE && table_at(d, table)->rows >= d->limits.index_rows;
}

void index_candidates_of(const struct diagnosis *d, const struct sql_tree *tree,
                         struct index_candidates *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < tree->nrelations; i++) {
        struct usable u;
        if (!is_subject(d, tree, i))
            continue;
        collect(d, tree, i, &u);
        add_of_relation(d, &u, ret);
    }
}

/* ---- by statistics alone --------------------------------------------------------------------- */

#define ENOUGH_ROWS 50 /* left: a further column is not worth its bytes */

bool index_candidate_guess(const struct diagnosis *d, const struct sql_tree *tree,
                           struct index_candidate *ret)
{
    struct usable u;
    struct index_candidate c = {0};
    if (tree->nrelations != 1 || !is_subject(d, tree, 0))
        return false;
    collect(d, tree, 0, &u);
    c.table = u.table;
    double left = u.t->rows;
    for (size_t i = 0; i < u.nequal && c.ncolumns < 2 && left > ENOUGH_ROWS; i++) {
        double then = left / fmax(1, distinct_of(u.t, u.equal[i].name));
        if (then > left * d->limits.index_selectivity)
            break;
        push(&c, u.equal[i]);
        c.nequal++;
        left = then;
    }
    if (left > ENOUGH_ROWS && c.ncolumns < 2 && u.limit)
        for (size_t i = 0; i < u.nsort; i++)
            push(&c, u.sort[i]);
    else if (left > ENOUGH_ROWS && c.ncolumns < 2 && u.nrange > 0)
        push(&c, u.range[0]);
    if (c.ncolumns == 0 || index_exists(d, &c))
        return false;
    *ret = c;
    return true;
}

/* ---- merging --------------------------------------------------------------------------------- */

bool index_candidate_merge(const struct index_candidate *a, const struct index_candidate *b,
                           struct index_candidate *ret)
{
    struct index_candidate c = {.table = b->table};
    if (a->table != b->table || a->ncolumns >= b->ncolumns || a->ncolumns > b->nequal)
        return false;
    for (size_t i = 0; i < a->ncolumns; i++) {
        bool there = false;
        for (size_t k = 0; k < b->nequal; k++)
            there = there || strcmp(a->columns[i].name, b->columns[k].name) == 0;
        if (!there)
            return false;
        push(&c, a->columns[i]);
    }
    for (size_t k = 0; k < b->ncolumns; k++)
        push(&c, b->columns[k]);
    c.nequal = b->nequal;
    *ret = c;
    return !index_candidate_equal(&c, b);
}

/* ---- texts and figures ----------------------------------------------------------------------- */

void index_candidate_columns(const struct index_candidate *c, bool quote, struct strbuf *out)
{
    for (size_t i = 0; i < c->ncolumns; i++) {
        const struct index_column *k = &c->columns[i];
        strbuf_adds(out, i == 0 ? "(" : ", ");
        if (quote)
            sql_add_name(out, k->name);
        else
            strbuf_adds(out, k->name);
        if (k->descending)
            strbuf_adds(out, k->nulls_first ? " DESC" : " DESC NULLS LAST");
        else if (k->nulls_first)
            strbuf_adds(out, " NULLS FIRST");
    }
    strbuf_addch(out, ')');
}

double index_write_overhead(const struct diagnosis *d, const struct index_candidate *c)
{
    const struct perf_table *t = table_at(d, c->table);
    double entry = 8, row = 27;
    for (size_t i = 0; i < t->ncolumns; i++)
        row += t->columns[i].width;
    for (size_t i = 0; i < c->ncolumns; i++) {
        const struct perf_column *column = sql_table_column(t, c->columns[i].name);
        entry += column == NULL ? 8 : column->width;
    }
    return entry / row;
}
