/* lib/perf/sqltree_walk.h - the state of one walk over a parse tree, and its two halves: statements
 * and FROM (sqltree.c), conditions and expressions (sqltree_condition.c). Private to sqltree. */
#ifndef DINER_PERF_SQLTREE_WALK_H
#define DINER_PERF_SQLTREE_WALK_H

#include "format/jsonx.h"
#include "perf/sqltree_scope.h"

/* What is found on the way, in arrays of the greatest size; copied when the walk is over. */
struct sql_walk {
    struct arena *arena;
    const struct sql_catalog *catalog;
    struct sql_tree *tree;
    int depth, views;
    struct sql_relation relations[SQL_RELATIONS_MAX];
    struct sql_predicate predicates[SQL_PREDICATES_MAX];
    struct sql_join joins[SQL_JOINS_MAX];
    struct sql_sort sorts[SQL_SORTS_MAX];
    struct sql_block blocks[SQL_BLOCKS_MAX];
    const char *set[SQL_SET_MAX];
};

/* A node is an object of one member: its type and its body. "" and NULL for what is none. */
const char *node_type(const struct jsonx *node);
const struct jsonx *node_body(const struct jsonx *node);
/* The body when the node is of that type, else NULL. */
const struct jsonx *node_as(const struct jsonx *node, const char *type);
/* The text of a {"String": {"sval": ..}} node, or NULL. Borrowed. */
const char *node_string(const struct jsonx *node);
/* Where a bare $n stands in the text, else -1. */
int parameter_at(const struct jsonx *node);
bool is_text(const struct jsonx *value, const char *text);

/* sqltree.c: a SELECT (its body) as a block inside another scope; its outputs are filled when not
 * NULL. */
void walk_select(struct sql_walk *w, const struct jsonx *select, struct sql_scope *parent,
                 struct sql_outputs *outputs);

/* sqltree_condition.c */
void walk_condition(struct sql_walk *w, const struct jsonx *node, struct sql_scope *scope,
                    bool alternative);
/* Looks for subqueries anywhere in an expression, at any depth. */
void walk_expression(struct sql_walk *w, const struct jsonx *node, struct sql_scope *scope);
/* The base column a plain reference means, through a cast to text and a COLLATE. */
struct sql_column walk_column(struct sql_walk *w, const struct jsonx *node,
                              struct sql_scope *scope);
bool has_aggregate(const struct jsonx *node);
void walk_add_join(struct sql_walk *w, struct sql_column a, struct sql_column b);

#endif
