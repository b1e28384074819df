/* lib/perf/sqltree.h - what the rules need to know of a statement, read off its parse tree: which
 * tables, which columns are compared how, joined, sorted and grouped, what bounds its answer.
 *
 * Columns are followed through aliases, subqueries, CTEs and views to the base table they come
 * from, as far as a plain column reference leads; what is computed has no column. Names are as
 * PostgreSQL folds them. Without a catalog an unqualified column belongs to the only table of its
 * block, or to none. Sizes are bounded (SQL_*_MAX): what is over is left out and `partial` says so.
 */
#ifndef DINER_PERF_SQLTREE_H
#define DINER_PERF_SQLTREE_H

#include "perf/study.h"

#define SQL_RELATIONS_MAX  64
#define SQL_PREDICATES_MAX 256
#define SQL_JOINS_MAX      128
#define SQL_SORTS_MAX      64
#define SQL_BLOCKS_MAX     64
#define SQL_SET_MAX        256
#define SQL_DEPTH_MAX      64 /* of blocks in blocks */
#define SQL_NONE           ((size_t)-1)

/* What the columns of a statement can be looked up in. */
struct sql_view {
    const char *schema, *name, *definition; /* a SELECT */
};
struct sql_catalog {
    const struct perf_table *tables;
    size_t ntables;
    const struct sql_view *views;
    size_t nviews;
};

enum sql_kind {
    SQL_SELECT,
    SQL_INSERT,
    SQL_UPDATE,
    SQL_DELETE,
    SQL_MERGE,
    SQL_TRANSACTION, /* BEGIN, COMMIT, SAVEPOINT, ... */
    SQL_UTILITY,     /* all the rest */
};
struct sql_relation {
    const char *schema, *name, *alias; /* schema NULL: not written; alias: never NULL */
    size_t table;                      /* in the catalog, or SQL_NONE */
    size_t block;
    bool written;
};
struct sql_column {
    size_t relation; /* SQL_NONE: not a column of a base table */
    const char *name;
};
enum sql_comparison {
    SQL_EQUAL,
    SQL_IN, /* IN (...), = ANY(...) */
    SQL_RANGE,
    SQL_LIKE,
    SQL_IS_NULL,
    SQL_OTHER, /* no btree serves it: <>, a function or a cast around the column, @> */
};
struct sql_predicate {
    struct sql_column column;
    enum sql_comparison how;
    bool alternative; /* inside OR or NOT: does not bound the answer by itself */
    bool join;        /* the other side is not a value: it has columns, or is a subquery */
    int parameter_at; /* byte offset of the other side when it is a bare $n; else -1 */
    size_t block;
};
struct sql_join { /* a = b */
    struct sql_column a, b;
};
struct sql_sort {
    struct sql_column column;
    bool group; /* of GROUP BY or DISTINCT, else of ORDER BY */
    bool descending, nulls_first;
    size_t block;
};
struct sql_block { /* a SELECT, or the begin of a writing statement */
    size_t parent; /* SQL_NONE: the statement itself */
    bool limit, offset, ordered, grouped, locking, set_operation;
    bool one_row;            /* an aggregate without GROUP BY, or no FROM at all */
    bool bounded_input;      /* reads from a subquery or CTE that has a LIMIT */
    bool star;               /* SELECT * */
    int limit_at, offset_at; /* byte offset in the text where they are a bare $n; else -1 */
};
struct sql_tree {
    enum sql_kind kind;
    const char *text;
    size_t statements; /* in the text; more than one is never planned */
    int parameters;    /* the highest $n */
    bool partial;
    struct sql_relation *relations;
    struct sql_predicate *predicates;
    struct sql_join *joins;
    struct sql_sort *sorts;
    struct sql_block *blocks; /* blocks[0] is the statement */
    const char **set;         /* columns an INSERT names or an UPDATE sets */
    size_t nrelations, npredicates, njoins, nsorts, nblocks, nset;
    size_t value_rows; /* of INSERT ... VALUES */
    bool returning, on_conflict;
};

/* Parses and walks. text is borrowed by the tree, which lives in the arena. catalog: may be NULL.
 * Errors are perf_parse's (fingerprint.h). */
int sql_tree_read(const char *text, const struct sql_catalog *catalog, struct arena *arena,
                  struct sql_tree **ret, struct error *err);

/* The table a column belongs to in the catalog, or NULL. */
const struct perf_table *sql_table_of(const struct sql_tree *tree,
                                      const struct sql_catalog *catalog, struct sql_column column);
/* Every column of `columns` (joined by ", ") is compared by = with a value outside its table, in
 * the statement's own block and not inside OR: with a unique key, at most one row of it answers. */
bool sql_equals_all(const struct sql_tree *tree, size_t relation, const char *columns);

/* Is `name` one of a list joined by ", "? */
bool sql_list_has(const char *list, const char *name);
/* The i-th name of such a list as a span, empty after the last. */
struct span sql_list_at(const char *list, size_t i);
size_t sql_catalog_find(const struct sql_catalog *catalog, const char *schema, const char *name);
const struct perf_column *sql_table_column(const struct perf_table *t, const char *name);

#endif
