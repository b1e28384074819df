/* lib/perf/sqltree_scope.h - which base column a name in a statement means. Private to sqltree.
 *
 * Each block of a statement is a scope with entries (what stands in FROM) and a parent, whose
 * entries a correlated or lateral subquery sees too. An entry is a base relation, or a list of
 * outputs: of a subquery, a CTE or a view. */
#ifndef DINER_PERF_SQLTREE_SCOPE_H
#define DINER_PERF_SQLTREE_SCOPE_H

#include "perf/sqltree.h"

struct sql_output { /* name NULL: every column of the relation (SELECT * of an unknown table) */
    const char *name;
    struct sql_column column;
};
struct sql_outputs {
    struct sql_output *items;
    size_t count, capacity;
    bool limit; /* the block they come from has a LIMIT */
};
struct sql_entry {
    const char *name;                  /* alias, else the table's name */
    size_t relation;                   /* SQL_NONE: outputs */
    const struct sql_outputs *outputs; /* or NULL: nothing is known of it */
};
struct sql_cte {
    const char *name;
    const struct sql_outputs *outputs;
    struct sql_cte *next;
};
struct sql_scope {
    struct sql_scope *parent;
    struct sql_entry *entries;
    size_t count, capacity;
    struct sql_cte *ctes;
    size_t block;
};

void sql_scope_add(struct sql_scope *s, struct arena *arena, struct sql_entry entry);
const struct sql_cte *sql_scope_cte(const struct sql_scope *s, const char *name);
void sql_outputs_add(struct sql_outputs *o, struct arena *arena, const char *name,
                     struct sql_column column);
/* qualifier NULL: any entry. relation SQL_NONE when the name is not that of a base column. */
struct sql_column sql_scope_find(const struct sql_scope *s, const struct sql_relation *relations,
                                 const struct sql_catalog *catalog, const char *qualifier,
                                 const char *name);

#endif
