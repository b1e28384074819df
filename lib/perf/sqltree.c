/* lib/perf/sqltree.c - see sqltree.h: statements, blocks, FROM. */
#include "perf/sqltree.h"

#include "perf/fingerprint.h"
#include "perf/sqltree_walk.h"

#include <stdlib.h>
#include <string.h>

#define VIEWS_MAX 32 /* read while one statement is */

static const struct sql_column NO_COLUMN = {SQL_NONE, NULL};

/* ---- nodes --------------------------------------------------------------------------------- */

const char *node_type(const struct jsonx *node)
{
    const char *type =
        jsonx_kind_of(node) == JSONX_OBJECT && jsonx_count(node) == 1 ? jsonx_key(node, 0) : NULL;
    return type == NULL ? "" : type;
}

const struct jsonx *node_body(const struct jsonx *node)
{
    return *node_type(node) == '\0' ? NULL : jsonx_value(node, 0);
}

const struct jsonx *node_as(const struct jsonx *node, const char *type)
{
    return strcmp(node_type(node), type) == 0 ? node_body(node) : NULL;
}

const char *node_string(const struct jsonx *node)
{
    return jsonx_text(jsonx_get(node_as(node, "String"), "sval"));
}

bool is_text(const struct jsonx *value, const char *text)
{
    const char *found = jsonx_text(value);
    return found != NULL && strcmp(found, text) == 0;
}

static const char *kept(struct sql_walk *w, const struct jsonx *value)
{
    return arena_strdup(w->arena, jsonx_text(value));
}

/* ---- relations ----------------------------------------------------------------------------- */

static size_t add_block(struct sql_walk *w, size_t parent)
{
    if (w->tree->nblocks == SQL_BLOCKS_MAX) {
        w->tree->partial = true;
        return SQL_BLOCKS_MAX - 1;
    }
    w->blocks[w->tree->nblocks] =
        (struct sql_block){.parent = parent, .limit_at = -1, .offset_at = -1};
    return w->tree->nblocks++;
}

/* A base table, in a scope of its own name. */
static size_t add_relation(struct sql_walk *w, const struct jsonx *range, struct sql_scope *scope,
                           bool written)
{
    const char *alias = kept(w, jsonx_get(jsonx_get(range, "alias"), "aliasname"));
    struct sql_relation r = {.schema = kept(w, jsonx_get(range, "schemaname")),
                             .name = kept(w, jsonx_get(range, "relname")),
                             .block = scope->block,
                             .written = written};
    if (r.name == NULL || w->tree->nrelations == SQL_RELATIONS_MAX) {
        w->tree->partial = true;
        return SQL_NONE;
    }
    r.alias = alias == NULL ? r.name : alias;
    r.table = sql_catalog_find(w->catalog, r.schema, r.name);
    w->relations[w->tree->nrelations] = r;
    sql_scope_add(scope, w->arena, (struct sql_entry){r.alias, w->tree->nrelations, NULL});
    return w->tree->nrelations++;
}

static const struct sql_view *find_view(const struct sql_walk *w, const struct jsonx *range)
{
    const char *schema = jsonx_text(jsonx_get(range, "schemaname"));
    const char *name = jsonx_text(jsonx_get(range, "relname"));
    for (size_t i = 0; w->catalog != NULL && name != NULL && i < w->catalog->nviews; i++) {
        const struct sql_view *v = &w->catalog->views[i];
        if (strcmp(v->name, name) == 0 && (schema == NULL || strcmp(v->schema, schema) == 0))
            return v;
    }
    return NULL;
}

/* A view is its SELECT. One that cannot be read is a table without columns. */
static const struct sql_outputs *read_view(struct sql_walk *w, const struct sql_view *view,
                                           size_t block)
{
    struct error ignored = ERROR_INIT;
    struct jsonx *doc = NULL;
    struct sql_scope outside = {.block = block};
    struct sql_outputs *outputs = arena_alloc(w->arena, sizeof *outputs);
    if (w->views >= VIEWS_MAX || perf_parse(view->definition, &doc, &ignored) != 0) {
        w->tree->partial = true;
        return outputs;
    }
    w->views++;
    /* Offsets in a view's text are not offsets in the statement's. */
    size_t first = w->tree->npredicates, blocks = w->tree->nblocks;
    walk_select(w, jsonx_pointer(doc, "/stmts/0/stmt/SelectStmt"), &outside, outputs);
    for (size_t i = first; i < w->tree->npredicates; i++)
        w->predicates[i].parameter_at = -1;
    for (size_t i = blocks; i < w->tree->nblocks; i++)
        w->blocks[i].limit_at = w->blocks[i].offset_at = -1;
    jsonx_free(doc);
    return outputs;
}

/* ---- FROM ---------------------------------------------------------------------------------- */

/* s(a, b): the outputs under other names. */
static const struct sql_outputs *renamed(struct sql_walk *w, const struct sql_outputs *outputs,
                                         const struct jsonx *names)
{
    if (jsonx_count(names) == 0 || outputs == NULL)
        return outputs;
    struct sql_outputs *copy = arena_alloc(w->arena, sizeof *copy);
    copy->limit = outputs->limit;
    for (size_t i = 0; i < outputs->count; i++) {
        const char *name = node_string(jsonx_at(names, i));
        name = name == NULL ? outputs->items[i].name : arena_strdup(w->arena, name);
        sql_outputs_add(copy, w->arena, name, outputs->items[i].column);
    }
    return copy;
}

static void add_outputs(struct sql_walk *w, struct sql_scope *scope, const char *name,
                        const struct jsonx *alias, const struct sql_outputs *outputs)
{
    const char *given = kept(w, jsonx_get(alias, "aliasname"));
    outputs = renamed(w, outputs, jsonx_get(alias, "colnames"));
    if (outputs != NULL && outputs->limit)
        w->blocks[scope->block].bounded_input = true;
    name = given != NULL ? given : name == NULL ? "" : arena_strdup(w->arena, name);
    sql_scope_add(scope, w->arena, (struct sql_entry){name, SQL_NONE, outputs});
}

static void walk_range(struct sql_walk *w, const struct jsonx *range, struct sql_scope *scope)
{
    const char *name = jsonx_text(jsonx_get(range, "relname"));
    const struct jsonx *alias = jsonx_get(range, "alias");
    const struct sql_cte *cte = NULL;
    const struct sql_view *view = find_view(w, range);
    if (name != NULL && jsonx_get(range, "schemaname") == NULL)
        cte = sql_scope_cte(scope, name);
    if (cte != NULL)
        add_outputs(w, scope, name, alias, cte->outputs);
    else if (view != NULL)
        add_outputs(w, scope, name, alias, read_view(w, view, scope->block));
    else
        (void)add_relation(w, range, scope, false);
}

static void walk_from(struct sql_walk *w, const struct jsonx *item, struct sql_scope *scope);

/* The column of that name in the entries from..to. */
static struct sql_column shared_column(struct sql_walk *w, const struct sql_scope *scope,
                                       size_t from, size_t to, const char *name)
{
    struct sql_scope part = {.entries = scope->entries + from, .count = to - from};
    struct sql_column found = sql_scope_find(&part, w->relations, w->catalog, NULL, name);
    if (found.relation != SQL_NONE)
        found.name = arena_strdup(w->arena, name);
    return found;
}

static void walk_join(struct sql_walk *w, const struct jsonx *join, struct sql_scope *scope)
{
    size_t left = scope->count;
    walk_from(w, jsonx_get(join, "larg"), scope);
    size_t right = scope->count;
    walk_from(w, jsonx_get(join, "rarg"), scope);
    const struct jsonx *shared = jsonx_get(join, "usingClause");
    for (size_t i = 0; i < jsonx_count(shared); i++) {
        const char *name = node_string(jsonx_at(shared, i));
        if (name != NULL)
            walk_add_join(w, shared_column(w, scope, left, right, name),
                          shared_column(w, scope, right, scope->count, name));
    }
    walk_condition(w, jsonx_get(join, "quals"), scope, false);
}

static void walk_from(struct sql_walk *w, const struct jsonx *item, struct sql_scope *scope)
{
    const char *type = node_type(item);
    const struct jsonx *body = node_body(item);
    if (strcmp(type, "RangeVar") == 0) {
        walk_range(w, body, scope);
    } else if (strcmp(type, "JoinExpr") == 0) {
        walk_join(w, body, scope);
    } else if (strcmp(type, "RangeSubselect") == 0) {
        struct sql_outputs *outputs = arena_alloc(w->arena, sizeof *outputs);
        walk_select(w, node_as(jsonx_get(body, "subquery"), "SelectStmt"), scope, outputs);
        add_outputs(w, scope, NULL, jsonx_get(body, "alias"), outputs);
    } else if (body != NULL) { /* a function, VALUES: columns of nothing */
        add_outputs(w, scope, NULL, jsonx_get(body, "alias"), NULL);
        walk_expression(w, body, scope);
    }
}

/* ---- the outputs and their order ----------------------------------------------------------- */

static void add_star(struct sql_walk *w, const struct sql_entry *e, struct sql_outputs *outputs)
{
    if (e->relation == SQL_NONE) {
        for (size_t i = 0; e->outputs != NULL && i < e->outputs->count; i++)
            sql_outputs_add(outputs, w->arena, e->outputs->items[i].name,
                            e->outputs->items[i].column);
        return;
    }
    size_t table = w->relations[e->relation].table;
    const struct perf_table *t = table == SQL_NONE ? NULL : &w->catalog->tables[table];
    for (size_t i = 0; t != NULL && i < t->ncolumns; i++)
        sql_outputs_add(outputs, w->arena, t->columns[i].name,
                        (struct sql_column){e->relation, t->columns[i].name});
    if (t == NULL || t->ncolumns == 0)
        sql_outputs_add(outputs, w->arena, NULL, (struct sql_column){e->relation, NULL});
}

/* Is it `*` or `t.*`? Then with the qualifier, or NULL. */
static bool is_star(const struct jsonx *value, const char **ret_qualifier)
{
    const struct jsonx *fields = jsonx_get(node_as(value, "ColumnRef"), "fields");
    size_t n = jsonx_count(fields);
    if (n == 0 || strcmp(node_type(jsonx_at(fields, n - 1)), "A_Star") != 0)
        return false;
    *ret_qualifier = n > 1 ? node_string(jsonx_at(fields, n - 2)) : NULL;
    return true;
}

static void walk_targets(struct sql_walk *w, const struct jsonx *list, struct sql_scope *scope,
                         struct sql_outputs *outputs)
{
    bool aggregate = false;
    for (size_t i = 0; i < jsonx_count(list); i++) {
        const struct jsonx *target = node_as(jsonx_at(list, i), "ResTarget");
        const struct jsonx *value = jsonx_get(target, "val");
        const char *qualifier = NULL, *name = kept(w, jsonx_get(target, "name"));
        if (is_star(value, &qualifier)) {
            w->blocks[scope->block].star = true;
            for (size_t k = 0; k < scope->count; k++)
                if (qualifier == NULL || strcmp(scope->entries[k].name, qualifier) == 0)
                    add_star(w, &scope->entries[k], outputs);
            continue;
        }
        struct sql_column column = walk_column(w, value, scope);
        if (name == NULL && column.relation != SQL_NONE)
            name = column.name;
        sql_outputs_add(outputs, w->arena, name == NULL ? "" : name, column);
        aggregate = aggregate || has_aggregate(value);
        walk_expression(w, value, scope);
    }
    w->blocks[scope->block].one_row = aggregate;
}

/* What ORDER BY, GROUP BY and DISTINCT ON name: an output by number or name, or a column. */
static struct sql_column sorted_column(struct sql_walk *w, const struct jsonx *node,
                                       struct sql_scope *scope, const struct sql_outputs *outputs)
{
    int64_t number = 0;
    const struct jsonx *constant = node_as(node, "A_Const");
    if (constant != NULL) {
        if (jsonx_integer(jsonx_get(jsonx_get(constant, "ival"), "ival"), &number) && number >= 1 &&
            number <= (int64_t)outputs->count)
            return outputs->items[number - 1].column;
        return NO_COLUMN;
    }
    const struct jsonx *fields = jsonx_get(node_as(node, "ColumnRef"), "fields");
    const char *name = jsonx_count(fields) == 1 ? node_string(jsonx_at(fields, 0)) : NULL;
    for (size_t i = 0; name != NULL && i < outputs->count; i++)
        if (outputs->items[i].name != NULL && strcmp(outputs->items[i].name, name) == 0)
            return outputs->items[i].column;
    return walk_column(w, node, scope);
}

static void add_sort(struct sql_walk *w, struct sql_sort sort)
{
    if (w->tree->nsorts == SQL_SORTS_MAX)
        w->tree->partial = true;
    else
        w->sorts[w->tree->nsorts++] = sort;
}

static void walk_sorts(struct sql_walk *w, const struct jsonx *select, struct sql_scope *scope,
                       const struct sql_outputs *outputs)
{
    const struct jsonx *sorts = jsonx_get(select, "sortClause");
    const struct jsonx *groups = jsonx_get(select, "groupClause");
    const struct jsonx *distinct = jsonx_get(select, "distinctClause");
    for (size_t i = 0; i < jsonx_count(sorts); i++) {
        const struct jsonx *by = node_as(jsonx_at(sorts, i), "SortBy");
        bool descending = is_text(jsonx_get(by, "sortby_dir"), "SORTBY_DESC");
        const struct jsonx *nulls = jsonx_get(by, "sortby_nulls");
        bool first = descending ? !is_text(nulls, "SORTBY_NULLS_LAST")
                                : is_text(nulls, "SORTBY_NULLS_FIRST");
        add_sort(w, (struct sql_sort){sorted_column(w, jsonx_get(by, "node"), scope, outputs),
                                      false, descending, first, scope->block});
    }
    for (size_t i = 0; i < jsonx_count(groups); i++)
        add_sort(w, (struct sql_sort){sorted_column(w, jsonx_at(groups, i), scope, outputs), true,
                                      false, false, scope->block});
    for (size_t i = 0; i < jsonx_count(distinct); i++)
        if (*node_type(jsonx_at(distinct, i)) != '\0')
            add_sort(w, (struct sql_sort){sorted_column(w, jsonx_at(distinct, i), scope, outputs),
                                          true, false, false, scope->block});
    struct sql_block *b = &w->blocks[scope->block];
    b->ordered = jsonx_count(sorts) > 0;
    b->grouped = jsonx_count(groups) > 0 || distinct != NULL;
    if (b->grouped)
        b->one_row = false;
}

/* ---- statements ---------------------------------------------------------------------------- */

static void walk_statement(struct sql_walk *w, const struct jsonx *statement,
                           struct sql_scope *parent, struct sql_outputs *outputs);

/* WITH: each CTE is known to those after it, and, in WITH RECURSIVE, to itself by name only. */
static void walk_with(struct sql_walk *w, const struct jsonx *with, struct sql_scope *scope)
{
    const struct jsonx *list = jsonx_get(with, "ctes");
    for (size_t i = 0; i < jsonx_count(list); i++) {
        const struct jsonx *cte = node_as(jsonx_at(list, i), "CommonTableExpr");
        struct sql_cte *known = arena_alloc(w->arena, sizeof *known);
        struct sql_outputs *outputs = arena_alloc(w->arena, sizeof *outputs);
        const char *name = kept(w, jsonx_get(cte, "ctename"));
        *known = (struct sql_cte){name == NULL ? "" : name, NULL, scope->ctes};
        if (jsonx_is_true(jsonx_get(with, "recursive")))
            scope->ctes = known;
        walk_statement(w, jsonx_get(cte, "ctequery"), scope, outputs);
        known->outputs = renamed(w, outputs, jsonx_get(cte, "aliascolnames"));
        scope->ctes = known;
    }
}

static void walk_set_operation(struct sql_walk *w, const struct jsonx *select,
                               struct sql_scope *scope, struct sql_outputs *outputs)
{
    w->blocks[scope->block].set_operation = true;
    w->blocks[scope->block].ordered = jsonx_count(jsonx_get(select, "sortClause")) > 0;
    walk_select(w, jsonx_get(select, "larg"), scope, outputs);
    walk_select(w, jsonx_get(select, "rarg"), scope, NULL);
    outputs->limit = false;
}

static void walk_plain_select(struct sql_walk *w, const struct jsonx *select,
                              struct sql_scope *scope, struct sql_outputs *outputs)
{
    const struct jsonx *from = jsonx_get(select, "fromClause");
    for (size_t i = 0; i < jsonx_count(from); i++)
        walk_from(w, jsonx_at(from, i), scope);
    walk_condition(w, jsonx_get(select, "whereClause"), scope, false);
    walk_targets(w, jsonx_get(select, "targetList"), scope, outputs);
    walk_sorts(w, select, scope, outputs);
    walk_expression(w, jsonx_get(select, "havingClause"), scope);
    walk_expression(w, jsonx_get(select, "valuesLists"), scope);
    if (jsonx_count(from) == 0 && jsonx_count(jsonx_get(select, "valuesLists")) == 0)
        w->blocks[scope->block].one_row = true;
}

void walk_select(struct sql_walk *w, const struct jsonx *select, struct sql_scope *parent,
                 struct sql_outputs *outputs)
{
    struct sql_outputs nobody = {0};
    struct sql_scope scope = {.parent = parent};
    if (select == NULL)
        return;
    if (w->depth == SQL_DEPTH_MAX) {
        w->tree->partial = true;
        return;
    }
    w->depth++;
    if (outputs == NULL)
        outputs = &nobody;
    scope.block = add_block(w, parent == NULL ? SQL_NONE : parent->block);
    walk_with(w, jsonx_get(select, "withClause"), &scope);
    if (jsonx_get(select, "larg") != NULL)
        walk_set_operation(w, select, &scope, outputs);
    else
        walk_plain_select(w, select, &scope, outputs);
    struct sql_block *b = &w->blocks[scope.block];
    b->limit = jsonx_get(select, "limitCount") != NULL;
    b->offset = jsonx_get(select, "limitOffset") != NULL;
    b->locking = jsonx_get(select, "lockingClause") != NULL;
    b->limit_at = parameter_at(jsonx_get(select, "limitCount"));
    b->offset_at = parameter_at(jsonx_get(select, "limitOffset"));
    outputs->limit = b->limit || b->one_row || b->bounded_input;
    w->depth--;
}

static void add_set(struct sql_walk *w, const struct jsonx *list)
{
    for (size_t i = 0; i < jsonx_count(list); i++) {
        const char *name = kept(w, jsonx_get(node_as(jsonx_at(list, i), "ResTarget"), "name"));
        if (name != NULL && w->tree->nset < SQL_SET_MAX)
            w->set[w->tree->nset++] = name;
    }
}

/* INSERT, UPDATE, DELETE, MERGE: the table written is the block's first relation. */
static void walk_write(struct sql_walk *w, const struct jsonx *body, struct sql_scope *parent,
                       struct sql_outputs *outputs)
{
    static const char *const sources[] = {"fromClause", "usingClause"};
    const struct jsonx *values =
        jsonx_get(node_as(jsonx_get(body, "selectStmt"), "SelectStmt"), "valuesLists");
    struct sql_scope scope = {.parent = parent,
                              .block = add_block(w, parent == NULL ? SQL_NONE : parent->block)};
    walk_with(w, jsonx_get(body, "withClause"), &scope);
    (void)add_relation(w, jsonx_get(body, "relation"), &scope, true);
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < jsonx_count(jsonx_get(body, sources[s])); i++)
            walk_from(w, jsonx_at(jsonx_get(body, sources[s]), i), &scope);
    walk_from(w, jsonx_get(body, "sourceRelation"), &scope);
    walk_condition(w, jsonx_get(body, "joinCondition"), &scope, false);
    walk_condition(w, jsonx_get(body, "whereClause"), &scope, false);
    walk_expression(w, jsonx_get(body, "targetList"), &scope);
    walk_select(w, node_as(jsonx_get(body, "selectStmt"), "SelectStmt"), &scope, NULL);
    walk_targets(w, jsonx_get(body, "returningList"), &scope, outputs);
    if (parent != NULL)
        return;
    add_set(w, jsonx_get(body, "cols"));
    add_set(w, jsonx_get(body, "targetList"));
    w->tree->value_rows = jsonx_count(values);
    w->tree->returning = jsonx_get(body, "returningList") != NULL;
    w->tree->on_conflict = jsonx_get(body, "onConflictClause") != NULL;
}

static enum sql_kind kind_of(const char *type)
{
    static const struct {
        const char *type;
        enum sql_kind kind;
    } kinds[] = {{"SelectStmt", SQL_SELECT}, {"InsertStmt", SQL_INSERT},
                 {"UpdateStmt", SQL_UPDATE}, {"DeleteStmt", SQL_DELETE},
                 {"MergeStmt", SQL_MERGE},   {"TransactionStmt", SQL_TRANSACTION}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].kind;
    return SQL_UTILITY;
}

static void walk_statement(struct sql_walk *w, const struct jsonx *statement,
                           struct sql_scope *parent, struct sql_outputs *outputs)
{
    enum sql_kind kind = kind_of(node_type(statement));
    if (kind == SQL_SELECT)
        walk_select(w, node_body(statement), parent, outputs);
    else if (kind <= SQL_MERGE)
        walk_write(w, node_body(statement), parent, outputs);
}

/* ---- the tree ------------------------------------------------------------------------------ */

static int highest_parameter(const struct jsonx *node)
{
    int64_t number = 0;
    int highest = 0;
    enum jsonx_kind kind = jsonx_kind_of(node);
    if (jsonx_integer(jsonx_get(node_as(node, "ParamRef"), "number"), &number))
        return number > 0 && number <= UINT16_MAX ? (int)number : 0;
    for (size_t i = 0; i < jsonx_count(node); i++) {
        int inner = kind == JSONX_OBJECT  ? highest_parameter(jsonx_value(node, i))
                    : kind == JSONX_ARRAY ? highest_parameter(jsonx_at(node, i))
                                          : 0;
        highest = inner > highest ? inner : highest;
    }
    return highest;
}

static void *copied(struct arena *arena, const void *items, size_t count, size_t each)
{
    void *copy = arena_array(arena, count == 0 ? 1 : count, each);
    if (count > 0)
        memcpy(copy, items, count * each);
    return copy;
}

int sql_tree_read(const char *text, const struct sql_catalog *catalog, struct arena *arena,
                  struct sql_tree **ret, struct error *err)
{
    struct jsonx *doc = NULL;
    struct sql_outputs outputs = {0};
    TRY(perf_parse(text, &doc, err));
    const struct jsonx *stmts = jsonx_get(doc, "stmts");
    const struct jsonx *first = jsonx_get(jsonx_at(stmts, 0), "stmt");
    struct sql_walk *w = mem_alloc(sizeof *w);
    struct sql_tree *t = arena_alloc(arena, sizeof *t);
    *t = (struct sql_tree){.text = text,
                           .kind = kind_of(node_type(first)),
                           .statements = jsonx_count(stmts),
                           .parameters = highest_parameter(first)};
    w->arena = arena;
    w->catalog = catalog;
    w->tree = t;
    walk_statement(w, first, NULL, &outputs);
    if (t->nblocks == 0)
        (void)add_block(w, SQL_NONE);
    t->relations = copied(arena, w->relations, t->nrelations, sizeof *t->relations);
    t->predicates = copied(arena, w->predicates, t->npredicates, sizeof *t->predicates);
    t->joins = copied(arena, w->joins, t->njoins, sizeof *t->joins);
    t->sorts = copied(arena, w->sorts, t->nsorts, sizeof *t->sorts);
    t->blocks = copied(arena, w->blocks, t->nblocks, sizeof *t->blocks);
    t->set = copied(arena, w->set, t->nset, sizeof *t->set);
    jsonx_free(doc);
    free(w);
    *ret = t;
    return 0;
}

/* ---- questions ----------------------------------------------------------------------------- */

const struct perf_table *sql_table_of(const struct sql_tree *tree,
                                      const struct sql_catalog *catalog, struct sql_column column)
{
    size_t table = column.relation == SQL_NONE ? SQL_NONE : tree->relations[column.relation].table;
    return table == SQL_NONE ? NULL : &catalog->tables[table];
}

static bool is_given(const struct sql_tree *tree, size_t relation, struct span name)
{
    for (size_t i = 0; i < tree->npredicates; i++) {
        const struct sql_predicate *p = &tree->predicates[i];
        if (p->how == SQL_EQUAL && !p->alternative && !p->join && p->block == 0 &&
            p->column.relation == relation && span_equal(name, span_of(p->column.name)))
            return true;
    }
    return false;
}

bool sql_equals_all(const struct sql_tree *tree, size_t relation, const char *columns)
{
    struct span name;
    size_t i = 0;
    for (; (name = sql_list_at(columns, i)).len > 0; i++)
        if (!is_given(tree, relation, name))
            return false;
    return i > 0;
}
