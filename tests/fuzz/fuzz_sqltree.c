/* SQL texts: no input crashes the walk over the parse tree, what it gives is within its bounds, and
 * candidates for indexes come of it. */
#include "perf/fingerprint.h"
#include "perf/index_candidates.h"
#include "perf/n_plus_one.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct perf_column columns[] = {{"a", "bigint", true, 0, -1, 8},
                                       {"b", "text", false, 0.1, 50, 20},
                                       {"c", "timestamp with time zone", true, 0, 1000, 8}};
static struct perf_table tables[] = {
    {.schema = "public", .name = "t", .rows = 1e6, .columns = columns, .ncolumns = 3},
    {.schema = "public", .name = "u", .rows = 1e5, .columns = columns, .ncolumns = 2}};
static const struct sql_view views[] = {{"public", "v", "select a, b as x from t where c > now()"},
                                        {"public", "w", "select * from w"}};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void use(const struct sql_tree *t, struct arena *arena)
{
    size_t length = strlen(t->text);
    for (size_t i = 0; i < t->nrelations; i++)
        must(t->relations[i].block < t->nblocks && t->relations[i].alias != NULL);
    for (size_t i = 0; i < t->npredicates; i++) {
        const struct sql_predicate *p = &t->predicates[i];
        must(p->column.relation < t->nrelations && p->column.name != NULL && p->block < t->nblocks);
        must(p->parameter_at < 0 || (size_t)p->parameter_at < length);
        (void)rewrite_any(t, p, arena);
    }
    for (size_t i = 0; i < t->njoins; i++)
        must(t->joins[i].a.relation < t->nrelations && t->joins[i].b.relation < t->nrelations);
    for (size_t i = 0; i < t->nsorts; i++)
        must(t->sorts[i].block < t->nblocks);
    struct perf_study study = {.server = {.tables = tables, .ntables = 2}};
    struct diagnosis d = {.study = &study, .arena = arena};
    struct index_candidates candidates;
    struct index_candidate guess;
    perf_thresholds_default(&d.limits);
    index_candidates_of(&d, t, &candidates);
    must(candidates.count <= INDEX_CANDIDATES_MAX);
    (void)index_candidate_guess(&d, t, &guess);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sql_catalog catalog = {tables, 2, views, 2};
    struct arena *arena = arena_new();
    struct sql_tree *tree = NULL;
    struct error err = ERROR_INIT;
    char hex[17];
    char *text = mem_alloc(size + 1);
    memcpy(text, data, size);
    if (sql_tree_read(text, &catalog, arena, &tree, &err) == 0)
        use(tree, arena);
    else
        must(err.message[0] != '\0');
    if (perf_fingerprint(text, hex, &err) == 0)
        must(strlen(hex) == 16);
    free(text);
    arena_free(arena);
    return 0;
}
