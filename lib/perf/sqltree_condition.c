/* lib/perf/sqltree_condition.c - conditions: which columns are compared, how, and with what. */
#include "perf/sqltree_walk.h"

#include <string.h>

static const struct sql_column NO_COLUMN = {SQL_NONE, NULL};

/* ---- columns ------------------------------------------------------------------------------- */

static bool is_text_type(const struct jsonx *type_name)
{
    const struct jsonx *names = jsonx_get(type_name, "names");
    const char *name = node_string(jsonx_at(names, jsonx_count(names) - 1));
    return name != NULL && (strcmp(name, "text") == 0 || strcmp(name, "varchar") == 0);
}

struct sql_column walk_column(struct sql_walk *w, const struct jsonx *node, struct sql_scope *scope)
{
    const struct jsonx *cast = node_as(node, "TypeCast"), *collate = node_as(node, "CollateClause");
    if (cast != NULL && is_text_type(jsonx_get(cast, "typeName")))
        node = jsonx_get(cast, "arg");
    else if (collate != NULL)
        node = jsonx_get(collate, "arg");
    const struct jsonx *fields = jsonx_get(node_as(node, "ColumnRef"), "fields");
    size_t n = jsonx_count(fields);
    const char *name = n > 0 ? node_string(jsonx_at(fields, n - 1)) : NULL;
    const char *qualifier = n > 1 ? node_string(jsonx_at(fields, n - 2)) : NULL;
    if (name == NULL || n > 3)
        return NO_COLUMN;
    struct sql_column found = sql_scope_find(scope, w->relations, w->catalog, qualifier, name);
    if (found.relation != SQL_NONE)
        found.name = arena_strdup(w->arena, found.name);
    return found;
}

/* The first column anywhere in an expression. */
static struct sql_column any_column(struct sql_walk *w, const struct jsonx *node,
                                    struct sql_scope *scope)
{
    struct sql_column found = NO_COLUMN;
    enum jsonx_kind kind = jsonx_kind_of(node);
    if (node_as(node, "ColumnRef") != NULL)
        return walk_column(w, node, scope);
    if (node_as(node, "SubLink") != NULL)
        return NO_COLUMN;
    for (size_t i = 0; found.relation == SQL_NONE && i < jsonx_count(node); i++)
        if (kind == JSONX_OBJECT)
            found = any_column(w, jsonx_value(node, i), scope);
        else if (kind == JSONX_ARRAY)
            found = any_column(w, jsonx_at(node, i), scope);
    return found;
}

void walk_add_join(struct sql_walk *w, struct sql_column a, struct sql_column b)
{
    if (a.relation == SQL_NONE || b.relation == SQL_NONE || a.relation == b.relation)
        return;
    if (w->tree->njoins == SQL_JOINS_MAX)
        w->tree->partial = true;
    else
        w->joins[w->tree->njoins++] = (struct sql_join){a, b};
}

static void add_predicate(struct sql_walk *w, struct sql_predicate p)
{
    if (p.column.relation == SQL_NONE)
        return;
    if (w->tree->npredicates == SQL_PREDICATES_MAX)
        w->tree->partial = true;
    else
        w->predicates[w->tree->npredicates++] = p;
}

/* ---- comparisons --------------------------------------------------------------------------- */

int parameter_at(const struct jsonx *node)
{
    int64_t at = -1;
    const struct jsonx *p = node_as(node, "ParamRef");
    return p != NULL && jsonx_integer(jsonx_get(p, "location"), &at) ? (int)at : -1;
}

static bool has_reference(const struct jsonx *node)
{
    enum jsonx_kind kind = jsonx_kind_of(node);
    bool found = node_as(node, "ColumnRef") != NULL || node_as(node, "SubLink") != NULL;
    for (size_t i = 0; !found && i < jsonx_count(node); i++)
        if (kind == JSONX_OBJECT)
            found = has_reference(jsonx_value(node, i));
        else if (kind == JSONX_ARRAY)
            found = has_reference(jsonx_at(node, i));
    return found;
}

/* One side of a comparison as a predicate, the other being what it is compared with. */
static void compare_side(struct sql_walk *w, const struct jsonx *side, const struct jsonx *other,
                         struct sql_scope *scope, enum sql_comparison how, bool alternative)
{
    struct sql_column column = walk_column(w, side, scope);
    struct sql_column there = any_column(w, other, scope);
    if (column.relation == SQL_NONE) {
        /* A function or a cast around the column: no index on the column serves it. */
        column = any_column(w, side, scope);
        how = SQL_OTHER;
    }
    if (there.relation == column.relation && column.relation != SQL_NONE)
        how = SQL_OTHER;
    add_predicate(w, (struct sql_predicate){.column = column,
                                            .how = how,
                                            .alternative = alternative,
                                            .join = has_reference(other),
                                            .parameter_at = parameter_at(other),
                                            .block = scope->block});
}

static void compare(struct sql_walk *w, const struct jsonx *left, const struct jsonx *right,
                    struct sql_scope *scope, enum sql_comparison how, bool alternative)
{
    const struct jsonx *row = jsonx_get(node_as(left, "RowExpr"), "args");
    const struct jsonx *other = jsonx_get(node_as(right, "RowExpr"), "args");
    if (row != NULL && other != NULL) { /* (a, b) < ($1, $2) */
        for (size_t i = 0; i < jsonx_count(row) && i < jsonx_count(other); i++)
            compare(w, jsonx_at(row, i), jsonx_at(other, i), scope, how, alternative);
        return;
    }
    if (how == SQL_EQUAL && !alternative)
        walk_add_join(w, walk_column(w, left, scope), walk_column(w, right, scope));
    compare_side(w, left, right, scope, how, alternative);
    compare_side(w, right, left, scope, how, alternative);
}

static enum sql_comparison operator_of(const struct jsonx *expression)
{
    static const char *const ranges[] = {"<", ">", "<=", ">="};
    const struct jsonx *names = jsonx_get(expression, "name");
    const char *name = node_string(jsonx_at(names, jsonx_count(names) - 1));
    if (name == NULL)
        return SQL_OTHER;
    if (strcmp(name, "=") == 0)
        return SQL_EQUAL;
    if (strcmp(name, "~~") == 0)
        return SQL_LIKE;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (strcmp(name, ranges[i]) == 0)
            return SQL_RANGE;
    return SQL_OTHER;
}

static void walk_operator(struct sql_walk *w, const struct jsonx *e, struct sql_scope *scope,
                          bool alternative)
{
    const struct jsonx *kind = jsonx_get(e, "kind");
    const struct jsonx *left = jsonx_get(e, "lexpr"), *right = jsonx_get(e, "rexpr");
    enum sql_comparison how = operator_of(e);
    if (is_text(kind, "AEXPR_OP")) {
        compare(w, left, right, scope, how, alternative);
    } else if (is_text(kind, "AEXPR_IN") || is_text(kind, "AEXPR_OP_ANY")) {
        compare_side(w, left, right, scope, how == SQL_EQUAL ? SQL_IN : SQL_OTHER, alternative);
        if (is_text(kind, "AEXPR_OP_ANY")) /* $1 = any(column) */
            compare_side(w, right, left, scope, SQL_OTHER, alternative);
    } else if (is_text(kind, "AEXPR_BETWEEN")) {
        compare_side(w, left, right, scope, SQL_RANGE, alternative);
    } else if (is_text(kind, "AEXPR_LIKE")) {
        compare_side(w, left, right, scope, how, alternative);
    } else {
        compare_side(w, left, right, scope, SQL_OTHER, alternative);
    }
    walk_expression(w, left, scope);
    walk_expression(w, right, scope);
}

void walk_condition(struct sql_walk *w, const struct jsonx *node, struct sql_scope *scope,
                    bool alternative)
{
    const struct jsonx *body = node_body(node), *args;
    const char *type = node_type(node);
    if (strcmp(type, "BoolExpr") == 0) {
        bool all = is_text(jsonx_get(body, "boolop"), "AND_EXPR");
        args = jsonx_get(body, "args");
        for (size_t i = 0; i < jsonx_count(args); i++)
            walk_condition(w, jsonx_at(args, i), scope, alternative || !all);
    } else if (strcmp(type, "A_Expr") == 0) {
        walk_operator(w, body, scope, alternative);
    } else if (strcmp(type, "NullTest") == 0) {
        bool is_null = is_text(jsonx_get(body, "nulltesttype"), "IS_NULL");
        compare_side(w, jsonx_get(body, "arg"), NULL, scope, is_null ? SQL_IS_NULL : SQL_OTHER,
                     alternative);
    } else if (strcmp(type, "ColumnRef") == 0) { /* where active */
        compare_side(w, node, NULL, scope, SQL_EQUAL, alternative);
    } else {
        walk_expression(w, node, scope);
    }
}

/* ---- expressions --------------------------------------------------------------------------- */

static void walk_sublink(struct sql_walk *w, const struct jsonx *link, struct sql_scope *scope)
{
    struct sql_outputs outputs = {0};
    const struct jsonx *test = jsonx_get(link, "testexpr");
    walk_select(w, node_as(jsonx_get(link, "subselect"), "SelectStmt"), scope, &outputs);
    if (test == NULL)
        return;
    struct sql_column column = walk_column(w, test, scope);
    if (!is_text(jsonx_get(link, "subLinkType"), "ANY_SUBLINK") || outputs.count == 0)
        return;
    walk_add_join(w, column, outputs.items[0].column);
    add_predicate(w, (struct sql_predicate){column, SQL_EQUAL, false, true, -1, scope->block});
}

void walk_expression(struct sql_walk *w, const struct jsonx *node, struct sql_scope *scope)
{
    enum jsonx_kind kind = jsonx_kind_of(node);
    const struct jsonx *link = node_as(node, "SubLink");
    if (link != NULL) {
        walk_sublink(w, link, scope);
        return;
    }
    for (size_t i = 0; i < jsonx_count(node); i++)
        if (kind == JSONX_OBJECT)
            walk_expression(w, jsonx_value(node, i), scope);
        else if (kind == JSONX_ARRAY)
            walk_expression(w, jsonx_at(node, i), scope);
}

static bool is_aggregate(const struct jsonx *call)
{
    static const char *const names[] = {"count",
                                        "sum",
                                        "avg",
                                        "min",
                                        "max",
                                        "array_agg",
                                        "json_agg",
                                        "jsonb_agg",
                                        "string_agg",
                                        "bool_and",
                                        "bool_or",
                                        "every",
                                        "bit_and",
                                        "bit_or",
                                        "stddev",
                                        "variance",
                                        "mode",
                                        "json_object_agg",
                                        "var_pop",
                                        "var_samp",
                                        "stddev_pop",
                                        "stddev_samp",
                                        "corr",
                                        "jsonb_object_agg",
                                        "percentile_cont",
                                        "percentile_disc"};
    const struct jsonx *path = jsonx_get(call, "funcname");
    const char *name = node_string(jsonx_at(path, jsonx_count(path) - 1));
    if (jsonx_get(call, "over") != NULL || name == NULL)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return jsonx_get(call, "agg_star") != NULL || jsonx_get(call, "agg_filter") != NULL;
}

bool has_aggregate(const struct jsonx *node)
{
    enum jsonx_kind kind = jsonx_kind_of(node);
    const struct jsonx *call = node_as(node, "FuncCall");
    bool found = call != NULL && is_aggregate(call);
    if (node_as(node, "SubLink") != NULL)
        return false;
    for (size_t i = 0; !found && i < jsonx_count(node); i++)
        if (kind == JSONX_OBJECT)
            found = has_aggregate(jsonx_value(node, i));
        else if (kind == JSONX_ARRAY)
            found = has_aggregate(jsonx_at(node, i));
    return found;
}
