/* lib/perf/index_advice.c - see index_advice.h. */
#include "perf/index_advice.h"

#include "core/clock.h"
#include "core/signals.h"
#include "db/conn.h"
#include "perf/advice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SET_MAX        ADVICE_SET_MAX
#define UNPROVABLE_MAX 10 /* statements whose reason is told */

/* ---- imagining ------------------------------------------------------------------------------- */

static const char *create_statement(const struct diagnosis *d, const char *schema, const char *name,
                                    const struct index_candidate *c)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 8192);
    strbuf_adds(&out, "create index on ");
    db_quote_qualified(&out, schema, name);
    strbuf_adds(&out, " using btree ");
    index_candidate_columns(c, true, &out);
    return arena_strdup(d->arena, out.data);
}

/* A partitioned table cannot have an imagined index: each of its partitions has one. */
size_t advice_create(struct diagnosis *d, const struct index_candidate *c, const char **list,
                     size_t max)
{
    const struct perf_server *s = &d->study->server;
    const struct perf_table *t = &s->tables[c->table];
    size_t n = 0;
    if (!t->partitioned) {
        list[0] = create_statement(d, t->schema, t->name, c);
        return 1;
    }
    const char *parent = arena_printf(d->arena, "%s.%s", t->schema, t->name);
    for (size_t i = 0; i < s->ntables && n < max; i++)
        if (s->tables[i].partition_of != NULL && !s->tables[i].partitioned &&
            strcmp(s->tables[i].partition_of, parent) == 0)
            list[n++] = create_statement(d, s->tables[i].schema, s->tables[i].name, c);
    return n;
}

/* A set of indexes imagined now, and which of them a plan used. */
struct imagined {
    const char *create[SET_MAX];
    int64_t ids[SET_MAX];
    size_t owner[SET_MAX]; /* position in the list given */
    size_t count;
};

static int imagine(struct advice *a, const struct index_candidate *const *list, size_t n,
                   struct imagined *ret, struct error *err)
{
    ret->count = 0;
    for (size_t i = 0; i < n && ret->count < SET_MAX; i++) {
        size_t made = advice_create(a->d, list[i], ret->create + ret->count, SET_MAX - ret->count);
        for (size_t k = 0; k < made; k++)
            ret->owner[ret->count + k] = i;
        ret->count += made;
    }
    return planner_imagine(a->planner, ret->create, ret->count, ret->ids, err);
}

static bool is_used(const struct imagined *set, const struct plan *plan, size_t position)
{
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; set->owner[i] == position && k < plan->nused; k++)
            if (plan->used[k] == set->ids[i])
                return true;
    return false;
}

static int cost_of(struct advice *a, const struct advice_query *q, struct plan *ret,
                   struct error *err)
{
    return planner_cost(a->planner, q->tree, q->rows_per_call, ret, err);
}

/* Imagines the list and plans; *ret_used: which were used. */
static int try_list(struct advice *a, const struct advice_query *q,
                    const struct index_candidate *const *list, size_t n, double *ret_cost,
                    bool *ret_used, struct error *err)
{
    struct imagined set;
    struct plan plan;
    TRY(imagine(a, list, n, &set, err));
    TRY(cost_of(a, q, &plan, err));
    *ret_cost = plan.cost;
    for (size_t i = 0; ret_used != NULL && i < n; i++)
        ret_used[i] = is_used(&set, &plan, i);
    return 0;
}

/* ---- the best for one statement -------------------------------------------------------------- */

struct choice {
    struct index_candidate items[INDEX_CANDIDATES_MAX];
    size_t count;
    double cost;
};

/* Plans with the candidates of at most `columns` columns and keeps those that were used. */
static int choose_used(struct advice *a, const struct advice_query *q,
                       const struct index_candidates *all, size_t columns, struct choice *ret,
                       struct error *err)
{
    const struct index_candidate *list[INDEX_CANDIDATES_MAX] = {NULL};
    bool used[INDEX_CANDIDATES_MAX] = {false};
    size_t n = 0;
    ret->count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].ncolumns <= columns)
            list[n++] = &all->items[i];
    TRY(try_list(a, q, list, n, &ret->cost, used, err));
    for (size_t i = 0; i < n; i++)
        if (used[i])
            ret->items[ret->count++] = *list[i];
    return 0;
}

static int cost_with(struct advice *a, const struct advice_query *q, const struct choice *choice,
                     size_t without, double *ret, struct error *err)
{
    const struct index_candidate *list[INDEX_CANDIDATES_MAX] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (i != without)
            list[n++] = &choice->items[i];
    return try_list(a, q, list, n, ret, NULL, err);
}

/* Leaves out what saves less than a further column would have to. */
static int drop_idle(struct advice *a, const struct advice_query *q, struct choice *choice,
                     struct error *err)
{
    double limit = 1 - a->d->limits.index_second_saving;
    for (size_t i = 0; choice->count > 1 && i < choice->count;) {
        double cost = 0;
        TRY(cost_with(a, q, choice, i, &cost, err));
        if (choice->cost < limit * cost) {
            i++;
            continue;
        }
        choice->items[i] = choice->items[--choice->count];
        choice->cost = cost;
    }
    return 0;
}

/* Each column must earn its place: shorter from the end while that costs little. */
static int shorten(struct advice *a, const struct advice_query *q, struct choice *choice,
                   struct error *err)
{
    double limit = 1 - a->d->limits.index_second_saving;
    for (size_t i = 0; i < choice->count; i++)
        while (choice->items[i].ncolumns > 1) {
            struct index_candidate longer = choice->items[i];
            struct index_candidate *c = &choice->items[i];
            double cost = 0;
            c->ncolumns--;
            c->nequal = c->nequal < c->ncolumns ? c->nequal : c->ncolumns;
            if (!index_exists(a->d, c))
                TRY(cost_with(a, q, choice, SQL_NONE, &cost, err));
            if (index_exists(a->d, c) || choice->cost < limit * cost) {
                *c = longer;
                break;
            }
            choice->cost = cost;
        }
    return 0;
}

static void add_to_pool(struct advice *a, const struct index_candidate *c)
{
    for (size_t i = 0; i < a->npool; i++)
        if (index_candidate_equal(&a->pool[i].c, c))
            return;
    a->pool = mem_grow(a->pool, &a->capacity, a->npool + 1, sizeof *a->pool);
    a->pool[a->npool++] = (struct advice_index){.c = *c, .stale = true};
}

/* One column where it does as well as several, else what the planner likes best. */
static int choose(struct advice *a, const struct advice_query *q, struct error *err)
{
    const struct perf_thresholds *limits = &a->d->limits;
    struct index_candidates all;
    struct choice best, single;
    index_candidates_of(a->d, q->tree, &all);
    if (all.count == 0)
        return 0;
    TRY(choose_used(a, q, &all, INDEX_COLUMNS_MAX, &best, err));
    if (best.count == 0 || best.cost > (1 - limits->index_saving) * q->cost0)
        return 0;
    TRY(choose_used(a, q, &all, 1, &single, err));
    if (single.cost <= (1 - limits->index_saving) * q->cost0 &&
        best.cost >= (1 - limits->index_second_saving) * single.cost)
        best = single;
    TRY(drop_idle(a, q, &best, err));
    TRY(shorten(a, q, &best, err));
    for (size_t i = 0; i < best.count; i++)
        add_to_pool(a, &best.items[i]);
    return 0;
}

/* ---- the workload ---------------------------------------------------------------------------- */

static bool advice_touches(const struct advice_query *q, size_t table)
{
    for (size_t i = 0; i < q->tree->nrelations; i++)
        if (q->tree->relations[i].table == table)
            return true;
    return false;
}

/* Every chosen index that a query of this table could use, but for `without`, and `with`. */
static size_t gather(const struct advice *a, size_t table, size_t with, size_t without,
                     const struct index_candidate **list)
{
    size_t n = 0;
    for (size_t i = 0; i < a->npool && n < SET_MAX; i++) {
        bool near = false;
        if (i == without || !(a->pool[i].chosen || i == with))
            continue;
        for (size_t q = 0; !near && q < a->nqueries; q++)
            near = advice_touches(&a->queries[q], table) &&
                   advice_touches(&a->queries[q], a->pool[i].c.table);
        if (near)
            list[n++] = &a->pool[i].c;
    }
    return n;
}

double advice_writes(const struct diagnosis *d, const struct index_candidate *c)
{
    const struct perf_table *t = &d->study->server.tables[c->table];
    bool sets_column = false;
    for (size_t i = 0; i < d->study->server.nstatements; i++) {
        const struct sql_tree *tree = d->trees[i];
        if (tree == NULL || tree->kind != SQL_UPDATE || tree->nrelations == 0 ||
            tree->relations[0].table != c->table)
            continue;
        for (size_t k = 0; k < tree->nset; k++)
            for (size_t m = 0; m < c->ncolumns; m++)
                sets_column = sets_column || strcmp(tree->set[k], c->columns[m].name) == 0;
    }
    /* An update of an indexed column is no longer heap-only: all of them pay. */
    return t->inserted + t->updated - (sets_column ? 0 : t->hot_updated);
}

static double write_cost(const struct advice *a, const struct index_candidate *c)
{
    return a->d->limits.index_write_cost * index_write_overhead(a->d, c) * advice_writes(a->d, c);
}

/* What the chosen ones with `with` and without `without` save over the run for the statements of
 * its table, against what they cost now. *ret_worth: one statement gets clearly cheaper. */
static int measure(struct advice *a, size_t index, bool add, double *ret_saved, bool *ret_worth,
                   struct error *err)
{
    const struct index_candidate *list[SET_MAX] = {NULL};
    struct imagined set;
    size_t table = a->pool[index].c.table;
    size_t n = gather(a, table, add ? index : SQL_NONE, add ? SQL_NONE : index, list);
    double limit = 1 - a->d->limits.index_second_saving;
    *ret_saved = 0;
    *ret_worth = false;
    TRY(imagine(a, list, n, &set, err));
    for (size_t i = 0; i < a->nqueries; i++) {
        struct advice_query *q = &a->queries[i];
        struct plan plan;
        if (!advice_touches(q, table))
            continue;
        TRY(cost_of(a, q, &plan, err));
        double saved = add ? q->cost - plan.cost : plan.cost - q->cost;
        *ret_saved += q->calls * fmax(0, saved);
        if (!add && a->pool[index].helps != NULL)
            a->pool[index].helps[i] = q->cost <= limit * plan.cost;
        *ret_worth =
            *ret_worth || (add ? plan.cost <= limit * q->cost : q->cost <= limit * plan.cost);
    }
    return 0;
}

/* Costs of the statements of a table with what is chosen. */
static int settle(struct advice *a, size_t table, struct error *err)
{
    const struct index_candidate *list[SET_MAX] = {NULL};
    struct imagined set;
    TRY(imagine(a, list, gather(a, table, SQL_NONE, SQL_NONE, list), &set, err));
    for (size_t i = 0; i < a->nqueries; i++) {
        struct plan plan;
        if (!advice_touches(&a->queries[i], table))
            continue;
        TRY(cost_of(a, &a->queries[i], &plan, err));
        a->queries[i].cost = plan.cost;
    }
    return 0;
}

/* Gains near a table that has changed are not what they were. */
static void mark_stale(struct advice *a, size_t table)
{
    for (size_t i = 0; i < a->npool; i++)
        for (size_t q = 0; q < a->nqueries; q++)
            if (advice_touches(&a->queries[q], table) &&
                advice_touches(&a->queries[q], a->pool[i].c.table))
                a->pool[i].stale = true;
}

static size_t chosen_of_table(const struct advice *a, size_t table)
{
    size_t n = 0;
    for (size_t i = 0; i < a->npool; i++)
        n += a->pool[i].chosen && a->pool[i].c.table == table;
    return n;
}

static bool is_over(struct advice *a)
{
    a->out_of_time = a->out_of_time || clock_monotonic_ms() > a->deadline_ms;
    return a->out_of_time || signals_pending() != 0;
}

static int refresh(struct advice *a, struct error *err)
{
    for (size_t i = 0; i < a->npool && !is_over(a); i++) {
        struct advice_index *x = &a->pool[i];
        double saved = 0;
        bool worth = false;
        if (x->chosen || !x->stale)
            continue;
        TRY(measure(a, i, true, &saved, &worth, err));
        x->gain = worth ? saved - write_cost(a, &x->c) : 0;
        x->stale = false;
    }
    return 0;
}

/* Greedy: the one that saves most over the run, until none saves more than it costs. */
static int choose_set(struct advice *a, struct error *err)
{
    while (!is_over(a)) {
        size_t best = SQL_NONE;
        TRY(refresh(a, err));
        for (size_t i = 0; i < a->npool; i++)
            if (!a->pool[i].chosen && a->pool[i].gain > 0 &&
                (double)chosen_of_table(a, a->pool[i].c.table) < a->d->limits.index_per_table &&
                (best == SQL_NONE || a->pool[i].gain > a->pool[best].gain))
                best = i;
        if (best == SQL_NONE)
            return 0;
        a->pool[best].chosen = true;
        TRY(settle(a, a->pool[best].c.table, err));
        mark_stale(a, a->pool[best].c.table);
    }
    return 0;
}

/* All together, and with each one left out: what no longer matters beside the others goes. */
static int verify_set(struct advice *a, struct error *err)
{
    for (size_t i = a->npool; i-- > 0;) {
        struct advice_index *x = &a->pool[i];
        bool worth = false;
        if (!x->chosen)
            continue;
        TRY(measure(a, i, false, &x->without, &worth, err));
        if (worth && x->without > write_cost(a, &x->c))
            continue;
        x->chosen = false;
        TRY(settle(a, x->c.table, err));
    }
    /* What was left out may have changed what the others are worth. */
    for (size_t i = 0; i < a->npool; i++) {
        bool worth = false;
        if (!a->pool[i].chosen)
            continue;
        a->pool[i].helps = arena_array(a->d->arena, a->nqueries + 1, sizeof(bool));
        TRY(measure(a, i, false, &a->pool[i].without, &worth, err));
    }
    return 0;
}

/* Two statements may share an index if the one's columns come first. */
static void add_merged(struct advice *a)
{
    size_t n = a->npool;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            struct index_candidate merged;
            if (i != k && index_candidate_merge(&a->pool[i].c, &a->pool[k].c, &merged) &&
                !index_exists(a->d, &merged))
                add_to_pool(a, &merged);
        }
}

/* ---- the statements -------------------------------------------------------------------------- */

static void tell_unprovable(struct diagnosis *d, size_t statement, const char *why)
{
    const struct perf_statement *s = &d->study->server.statements[statement];
    advice_guess(d, statement, why, PERF_PROOF_NONE);
    size_t told = 0;
    for (size_t i = 0; i < d->nmissing; i++)
        told += strncmp(d->missing[i].what, "index advice for ", 17) == 0;
    if (told >= UNPROVABLE_MAX)
        return;
    int shown = (int)strcspn(s->text, "\n");
    shown = shown > 60 ? 60 : shown;
    while (shown > 0 && ((unsigned char)s->text[shown] & 0xc0) == 0x80)
        shown--;
    diagnosis_miss(d, arena_printf(d->arena, "index advice for %s", s->fingerprint),
                   arena_printf(d->arena, "'%.*s...' cannot be planned: %s", shown, s->text, why),
                   arena_printf(d->arena, "“%.*s...” 无法生成计划：%s", shown, s->text, why));
}

static bool is_lost(const struct error *err)
{
    return err->code == ERR_CANCELLED || strncmp(err->sqlstate, "08", 2) == 0 ||
           strncmp(err->sqlstate, "57P", 3) == 0;
}

/* Costs as things are; statements too cheap to care are left out. */
static int add_query(struct advice *a, size_t statement, struct error *err)
{
    struct diagnosis *d = a->d;
    const struct perf_statement *s = &d->study->server.statements[statement];
    struct advice_query q = {
        statement, d->trees[statement], s->rows / fmax(1, s->calls), s->calls, 0, 0};
    struct plan plan;
    struct error refused = ERROR_INIT;
    if (s->truncated) {
        tell_unprovable(d, statement, "the server kept only the begin of its text");
        return 0;
    }
    if (q.tree == NULL) {
        tell_unprovable(d, statement, d->unparsed[statement]);
        return 0;
    }
    if (q.tree->kind > SQL_MERGE || q.tree->nrelations == 0)
        return 0;
    if (cost_of(a, &q, &plan, &refused) != 0) {
        if (is_lost(&refused)) {
            *err = refused;
            return err->code;
        }
        tell_unprovable(d, statement, arena_strdup(d->arena, refused.message));
        return 0;
    }
    q.cost0 = q.cost = plan.cost;
    if (q.cost0 >= d->limits.index_cost)
        a->queries[a->nqueries++] = q;
    return 0;
}

static const struct perf_statement *sorted_statements;
static int by_time(const void *x, const void *y)
{
    const struct perf_statement *a = &sorted_statements[*(const size_t *)x];
    const struct perf_statement *b = &sorted_statements[*(const size_t *)y];
    if (a->exec_ms > b->exec_ms || a->exec_ms < b->exec_ms)
        return a->exec_ms > b->exec_ms ? -1 : 1;
    return strcmp(a->fingerprint, b->fingerprint);
}

/* The statements to look at, the most expensive first; owned by the caller. */
static size_t *order_statements(const struct diagnosis *d, size_t *ret_count)
{
    const struct perf_server *s = &d->study->server;
    size_t *order = mem_array(s->nstatements + 1, sizeof *order), n = 0;
    for (size_t i = 0; i < s->nstatements; i++)
        if (!s->statements[i].utility && s->statements[i].calls > 0)
            order[n++] = i;
    sorted_statements = s->statements;
    qsort(order, n, sizeof *order, by_time);
    *ret_count = n;
    return order;
}

static int search(struct advice *a, const size_t *order, size_t n, struct error *err)
{
    int64_t none = 0;
    TRY(planner_imagine(a->planner, NULL, 0, &none, err));
    for (size_t i = 0; i < n && !is_over(a); i++)
        TRY(add_query(a, order[i], err));
    for (size_t i = 0; i < a->nqueries && !is_over(a); i++)
        TRY(choose(a, &a->queries[i], err));
    add_merged(a);
    TRY(choose_set(a, err));
    if (signals_pending() != 0)
        return error_set(err, ERR_CANCELLED, "stopped by a signal");
    TRY(verify_set(a, err));
    if (a->out_of_time)
        diagnosis_miss(a->d, "index advice for all statements",
                       "the time for it was over: what was found until then is shown",
                       "时间预算已用完，仅显示已得出的结果");
    return advice_report(a, err);
}

static void guess_all(struct diagnosis *d, const struct advice_options *o, const size_t *order,
                      size_t n)
{
    diagnosis_miss(d, "hypothetical indexes", o->why_en, o->why_zh);
    for (size_t i = 0; i < n; i++)
        advice_guess(d, order[i], o->why_en, PERF_PROOF_SUSPECTED);
}

int diagnose_missing_indexes(struct diagnosis *d, const struct advice_options *options,
                             struct error *err)
{
    struct advice a = {.d = d,
                       .planner = options->planner,
                       .deadline_ms = clock_monotonic_ms() + options->budget_ms};
    size_t n = 0;
    int code = 0;
    size_t *order = order_statements(d, &n);
    if (n > options->statements_max)
        n = options->statements_max;
    a.queries = mem_array(n + 1, sizeof *a.queries);
    if (options->planner != NULL && planner_why_not(options->planner, false) == NULL)
        code = search(&a, order, n, err);
    else if (n > 0)
        guess_all(d, options, order, n);
    free(a.queries);
    free(a.pool);
    free(order);
    return code;
}
