/* lib/perf/sqltree_scope.c - see sqltree_scope.h; and look-ups in the catalog. */
#include "perf/sqltree_scope.h"

#include <string.h>

/* ---- the catalog --------------------------------------------------------------------------- */

size_t sql_catalog_find(const struct sql_catalog *catalog, const char *schema, const char *name)
{
    size_t found = SQL_NONE;
    for (size_t i = 0; catalog != NULL && i < catalog->ntables; i++) {
        const struct perf_table *t = &catalog->tables[i];
        if (strcmp(t->name, name) != 0 || (schema != NULL && strcmp(t->schema, schema) != 0))
            continue;
        /* Not qualified: public, else the only one of that name; two others are ambiguous. */
        if (schema != NULL || strcmp(t->schema, "public") == 0)
            return i;
        if (found != SQL_NONE)
            return SQL_NONE;
        found = i;
    }
    return found;
}

const struct perf_column *sql_table_column(const struct perf_table *t, const char *name)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

struct span sql_list_at(const char *list, size_t i)
{
    for (const char *p = list; p != NULL && *p != '\0'; i--) {
        const char *end = strstr(p, ", ");
        if (i == 0)
            return (struct span){p, end == NULL ? strlen(p) : (size_t)(end - p)};
        p = end == NULL ? NULL : end + 2;
    }
    return (struct span){NULL, 0};
}

bool sql_list_has(const char *list, const char *name)
{
    struct span item;
    for (size_t i = 0; (item = sql_list_at(list, i)).len > 0; i++)
        if (span_equal(item, span_of(name)))
            return true;
    return false;
}

/* ---- scopes -------------------------------------------------------------------------------- */

/* Arena arrays grow by doubling; what they leave behind goes with the arena. */
static void *grown(struct arena *arena, void *items, size_t count, size_t *capacity, size_t each)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 8 : *capacity * 2;
    void *bigger = arena_array(arena, *capacity, each);
    if (count > 0)
        memcpy(bigger, items, count * each);
    return bigger;
}

void sql_scope_add(struct sql_scope *s, struct arena *arena, struct sql_entry entry)
{
    s->entries = grown(arena, s->entries, s->count, &s->capacity, sizeof *s->entries);
    s->entries[s->count++] = entry;
}

void sql_outputs_add(struct sql_outputs *o, struct arena *arena, const char *name,
                     struct sql_column column)
{
    o->items = grown(arena, o->items, o->count, &o->capacity, sizeof *o->items);
    o->items[o->count++] = (struct sql_output){name, column};
}

const struct sql_cte *sql_scope_cte(const struct sql_scope *s, const char *name)
{
    for (; s != NULL; s = s->parent)
        for (const struct sql_cte *c = s->ctes; c != NULL; c = c->next)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

static const struct sql_column NO_COLUMN = {SQL_NONE, NULL};

static bool find_output(const struct sql_outputs *o, const char *name, struct sql_column *ret)
{
    for (size_t i = 0; o != NULL && i < o->count; i++)
        if (o->items[i].name != NULL && strcmp(o->items[i].name, name) == 0) {
            *ret = o->items[i].column;
            return true;
        }
    for (size_t i = 0; o != NULL && i < o->count; i++)
        if (o->items[i].name == NULL) {
            *ret = (struct sql_column){o->items[i].column.relation, name};
            return true;
        }
    return false;
}

/* The columns of a table that the catalog has are known; one it has not may hold any name, which is
 * believed when the name is qualified or nothing else is there. */
static bool find_in_entry(const struct sql_entry *e, const struct sql_relation *relations,
                          const struct sql_catalog *catalog, bool believe, const char *name,
                          struct sql_column *ret)
{
    if (e->relation == SQL_NONE)
        return find_output(e->outputs, name, ret);
    size_t table = relations[e->relation].table;
    const struct perf_table *known = table == SQL_NONE ? NULL : &catalog->tables[table];
    if (known != NULL && known->ncolumns > 0 ? sql_table_column(known, name) == NULL : !believe)
        return false;
    *ret = (struct sql_column){e->relation, name};
    return true;
}

struct sql_column sql_scope_find(const struct sql_scope *s, const struct sql_relation *relations,
                                 const struct sql_catalog *catalog, const char *qualifier,
                                 const char *name)
{
    struct sql_column found = NO_COLUMN;
    for (; s != NULL; s = s->parent)
        for (size_t i = 0; i < s->count; i++) {
            const struct sql_entry *e = &s->entries[i];
            if (qualifier != NULL && strcmp(e->name, qualifier) != 0)
                continue;
            if (find_in_entry(e, relations, catalog, qualifier != NULL || s->count == 1, name,
                              &found))
                return found;
            if (qualifier != NULL) /* the name is there, and has no such base column */
                return NO_COLUMN;
        }
    return NO_COLUMN;
}
