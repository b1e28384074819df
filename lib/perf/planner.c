/* lib/perf/planner.c - see planner.h. */
#include "perf/planner.h"

#include "format/jsonx.h"
#include "gen/embed.h"
#include "perf/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct planner {
    struct db_conn *conn;
    char *reset, *create, *size; /* hypopg's functions, qualified; NULL without it */
    bool available;              /* its files are there, CREATE EXTENSION is not done */
    bool prepared;
    bool imagined;
};

/* ---- the session --------------------------------------------------------------------------- */

static char *qualified_call(const char *schema, const char *format_before, const char *after)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4096);
    strbuf_adds(&out, format_before);
    db_quote_identifier(&out, schema);
    strbuf_adds(&out, after);
    return strbuf_detach(&out, NULL);
}

static int look_around(struct planner *p, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(p->conn, sql_perf_plan_session, DB_NO_PARAMS, &r, err));
    const char *schema = db_result_text(r, 0, 2);
    p->available = db_result_text(r, 0, 3) != NULL;
    if (schema == NULL)
        return 0;
    p->reset = qualified_call(schema, "select ", ".hypopg_reset()");
    p->create = qualified_call(schema,
                               "select x.indexrelid from jsonb_array_elements_text($1::jsonb)"
                               " with ordinality c(text, n), lateral ",
                               ".hypopg_create_index(c.text) x order by c.n");
    p->size = qualified_call(schema, "select ", ".hypopg_relation_size($1::oid)");
    return 0;
}

int planner_open(const char *dsn, struct planner **ret, struct error *err)
{
    struct planner *p = mem_alloc(sizeof *p);
    if (perf_session_open(dsn, &p->conn, err) != 0 || look_around(p, err) != 0) {
        planner_close(p);
        return err->code;
    }
    *ret = p;
    return 0;
}

void planner_close(struct planner *p)
{
    if (p == NULL)
        return;
    db_close(p->conn);
    free(p->reset);
    free(p->create);
    free(p->size);
    free(p);
}

const char *planner_why_not(const struct planner *p, bool chinese)
{
    if (p->create != NULL)
        return NULL;
    if (p->available)
        return chinese ? "本库未创建扩展 hypopg：超级用户执行一次 CREATE EXTENSION hypopg 即可"
                       : "the extension hypopg is not created in this database: a superuser runs "
                         "CREATE EXTENSION hypopg once";
    return chinese ? "服务器未安装扩展 hypopg（Debian 软件包 postgresql-15-hypopg），"
                     "安装后由超级用户执行一次 CREATE EXTENSION hypopg"
                   : "the extension hypopg is not installed on the server (Debian: "
                     "postgresql-15-hypopg); then a superuser runs CREATE EXTENSION hypopg once";
}

struct db_conn *planner_connection(struct planner *p)
{
    return p->conn;
}

int planner_views(struct planner *p, struct arena *arena, struct sql_catalog *catalog,
                  struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(p->conn, sql_perf_views, DB_NO_PARAMS, &r, err));
    size_t n = db_result_rows(r);
    struct sql_view *views = arena_array(arena, n + 1, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct sql_view){arena_strdup(arena, db_result_text(r, i, 0)),
                                     arena_strdup(arena, db_result_text(r, i, 1)),
                                     arena_strdup(arena, db_result_text(r, i, 2))};
    catalog->views = views;
    catalog->nviews = n;
    return 0;
}

/* ---- imagining ------------------------------------------------------------------------------- */

int planner_imagine(struct planner *p, const char *const *create, size_t n, int64_t *ret_ids,
                    struct error *err)
{
    AUTO_STRBUF struct strbuf list = {0};
    AUTO_RESULT struct db_result *r = NULL;
    struct jwriter w;
    if (p->create == NULL)
        return error_set(err, ERR_CONFIG, "there are no hypothetical indexes here");
    if (p->imagined)
        TRY(db_execute(p->conn, p->reset, DB_NO_PARAMS, NULL, err));
    p->imagined = false;
    if (n == 0)
        return 0;
    strbuf_init(&list, 0);
    jwriter_init(&w, &list);
    jwriter_array(&w);
    for (size_t i = 0; i < n; i++)
        jwriter_string(&w, create[i]);
    jwriter_end(&w);
    p->imagined = true;
    TRY(db_query(p->conn, p->create, DB_PARAMS(list.data), &r, err));
    if (db_result_rows(r) != n)
        return error_set(err, ERR_DATABASE, "hypopg made %zu of %zu indexes", db_result_rows(r), n);
    for (size_t i = 0; i < n; i++)
        ret_ids[i] = db_result_int(r, i, 0);
    return 0;
}

int planner_size(struct planner *p, int64_t id, double *ret, struct error *err)
{
    char number[32];
    int64_t bytes = 0;
    (void)snprintf(number, sizeof number, "%lld", (long long)id);
    TRY(db_query_int(p->conn, p->size, DB_PARAMS(number), &bytes, err));
    *ret = (double)bytes;
    return 0;
}

/* ---- planning -------------------------------------------------------------------------------- */

/* The text with the number in place of the $n at `at`; *ret_parameter is n, which then has no type
 * of its own. Without a place: the text as it is. */
static void put_number(struct strbuf *text, int at, long long number, int *ret_parameter)
{
    AUTO_STRBUF struct strbuf rest = {0};
    if (at < 0 || (size_t)at >= text->len || text->data[at] != '$')
        return;
    size_t digits = strspn(text->data + at + 1, "0123456789");
    *ret_parameter = atoi(text->data + at + 1);
    strbuf_init(&rest, 0);
    strbuf_adds(&rest, text->data + at + 1 + digits);
    strbuf_truncate(text, (size_t)at);
    strbuf_addf(text, "%lld%s", number, rest.data);
}

static bool uses_parameter(const char *text, int number)
{
    for (const char *p = strchr(text, '$'); p != NULL; p = strchr(p + 1, '$'))
        if (p[1] >= '0' && p[1] <= '9' && atoi(p + 1) == number)
            return true;
    return false;
}

/* PREPARE diner_plan (unknown, bigint) AS ...: what lost its place needs a type. */
static void build_prepare(const struct sql_tree *tree, double rows_per_call, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};
    int gone[2] = {0, 0};
    const struct sql_block *b = &tree->blocks[0];
    strbuf_init(&text, 0);
    strbuf_adds(&text, tree->text);
    /* The later place first: the other one stays where it is. */
    bool limit_first = b->limit_at > b->offset_at;
    long long rows = (long long)ceil(fmin(rows_per_call, 1e9));
    for (int turn = 0; turn < 2 && rows_per_call >= 1; turn++) {
        if ((turn == 0) == limit_first)
            put_number(&text, b->limit_at, rows, &gone[0]);
        else
            put_number(&text, b->offset_at, 0, &gone[1]);
    }
    strbuf_adds(out, "prepare diner_plan");
    for (int i = 1; i <= tree->parameters; i++)
        strbuf_addf(out, "%s%s", i == 1 ? " (" : ", ",
                    (i == gone[0] || i == gone[1]) && !uses_parameter(text.data, i) ? "bigint"
                                                                                    : "unknown");
    strbuf_addf(out, "%s as %s", tree->parameters > 0 ? ")" : "", text.data);
}

static void build_explain(const struct sql_tree *tree, struct strbuf *out)
{
    strbuf_adds(out, "explain (format json) execute diner_plan");
    for (int i = 0; i < tree->parameters; i++)
        strbuf_adds(out, i == 0 ? " (null" : ", null");
    if (tree->parameters > 0)
        strbuf_addch(out, ')');
}

/* Imagined indexes are called <oid>btree_table_columns. */
static void add_used(struct plan *plan, const char *name)
{
    char *end = NULL;
    if (name == NULL || name[0] != '<' || plan->nused == PLAN_INDEXES_MAX)
        return;
    int64_t id = strtoll(name + 1, &end, 10);
    if (*end != '>')
        return;
    for (size_t i = 0; i < plan->nused; i++)
        if (plan->used[i] == id)
            return;
    plan->used[plan->nused++] = id;
}

static void walk_plan(const struct jsonx *node, struct plan *plan)
{
    const struct jsonx *below = jsonx_get(node, "Plans");
    add_used(plan, jsonx_text(jsonx_get(node, "Index Name")));
    for (size_t i = 0; i < jsonx_count(below); i++)
        walk_plan(jsonx_at(below, i), plan);
}

static int read_plan(const char *json, struct plan *ret, struct error *err)
{
    struct jsonx *doc = NULL;
    struct plan plan = {0};
    TRY(jsonx_parse_deep(json, strlen(json), "plan", &doc, err));
    const struct jsonx *top = jsonx_get(jsonx_at(doc, 0), "Plan");
    bool known = jsonx_real(jsonx_get(top, "Total Cost"), &plan.cost);
    walk_plan(top, &plan);
    jsonx_free(doc);
    if (!known)
        return error_set(err, ERR_DATABASE, "the plan has no cost");
    *ret = plan;
    return 0;
}

int planner_cost(struct planner *p, const struct sql_tree *tree, double rows_per_call,
                 struct plan *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf prepare = {0}, explain = {0};
    char *json = NULL;
    if (tree->statements != 1 || tree->kind > SQL_MERGE)
        return error_set(err, ERR_DATA, "it is no single SELECT, INSERT, UPDATE or DELETE");
    strbuf_init(&prepare, 0);
    strbuf_init(&explain, 0);
    build_prepare(tree, rows_per_call, &prepare);
    build_explain(tree, &explain);
    if (p->prepared)
        TRY(db_execute(p->conn, "deallocate diner_plan", DB_NO_PARAMS, NULL, err));
    p->prepared = false;
    TRY(db_execute(p->conn, prepare.data, DB_NO_PARAMS, NULL, err));
    p->prepared = true;
    TRY(db_query_text(p->conn, explain.data, DB_NO_PARAMS, &json, err));
    int code =
        json == NULL ? error_set(err, ERR_DATABASE, "there is no plan") : read_plan(json, ret, err);
    free(json);
    return code;
}
