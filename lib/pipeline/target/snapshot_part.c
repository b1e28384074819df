#include "pipeline/target/snapshot_part.h"

#include "core/message.h"
#include "pipeline/column.h"

#include <string.h>

/* A look-up is read whole for its digest, but only in part when it is used. */
#define LOOKUP_FREE_BYTES "67108864"
#define LOOKUP_TIMES      "4"

static const char *check_reason(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->checks.count; i++) {
        const struct check_spec *c = check_at(s, i);
        if (c->expr == NULL)
            return message_text("a check looks at all rows together");
        if (c->on_fail == CHECK_WARN)
            return message_text("a check with on_fail: warn tells its findings in each run");
    }
    return NULL;
}

/* Within a pipeline that is seen before anything is kept: a row that the second changes would get
 * its hash back with the next run of the first, and be written for that alone. */
static bool shares_table(const struct stage_target *t)
{
    const struct pipeline *p = t->ctx->pipeline;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *other = (const struct stream_spec *)p->streams.items + i;
        if (strcmp(other->name, t->ctx->stream->name) != 0 && other->target == &target_postgres &&
            strcmp(ynode_text(other->target_node, "schema", "public"), t->schema) == 0 &&
            strcmp(ynode_text(other->target_node, "table", other->name), t->table) == 0)
            return true;
    }
    return false;
}

/* Hashes are of one stream: two that load one table would write each other's anew in every run. The
 * first that kept them goes on; the rows that another changes have none afterwards (has_old_hash).
 */
static int find_owner(const struct stage_target *t, const char **ret_reason, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(
        t->ctx->db,
        "select pipeline, stream, pipeline = $3 and stream = $4 from diner.state "
        "where name = '" SNAPSHOT_STATE
        "' and substr(value, $1::int) = $2 and to_regclass($2) is not null "
        "order by updated_at, pipeline, stream limit 1",
        DB_PARAMS(BEFORE_TABLE_CHARS, t->quoted, t->ctx->pipeline->name, t->ctx->stream->name),
        &res, err));
    if (db_result_rows(res) > 0 && !db_result_bool(res, 0, 2))
        *ret_reason = arena_printf(t->ctx->arena,
                                   "stream '%s' of pipeline '%s' loads the same table, and keeps "
                                   "its hashes",
                                   db_result_text(res, 0, 1), db_result_text(res, 0, 0));
    return 0;
}

/* The columns that say whose child a row is, as it was read: of its rows the hashes are asked. */
static bool is_of_child(const struct stream_context *ctx, size_t column)
{
    const struct column_spec *c = &ctx->stream->columns[column];
    return column_is_of_child(c) && !spec_is_set(ctx->stream, ctx->arena, c->name) &&
           stream_bound(ctx, column) != NULL;
}

static bool knows_its_children(const struct stream_context *ctx)
{
    for (size_t i = 0; i < ctx->stream->ncolumns; i++)
        if (is_of_child(ctx, i))
            return true;
    return false;
}

/* Why the stream cannot take part, or NULL. */
static const char *spec_reason(const struct stage_target *t)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    if (s->change_detection != 0)
        return message_text("change_detection is off");
    if (s->key.count == 0 || (s->mode != MODE_MERGE && s->mode != MODE_REPLACE))
        return message_text("it is for merge and replace with a key");
    if (t->is_rewritten)
        return message_text("load: swap writes every row");
    if (stage_takes_undeclared(s))
        return message_text("what nobody declared is looked for in every row");
    if (s->incremental != NULL)
        return message_text("the source does not come whole");
    if (s->for_each != NULL && !knows_its_children(ctx))
        return "no column says whose child a row is (from: $name, as text or int)";
    if (ctx->plan || ctx->dry_run)
        return message_text("a plan compares every row");
    if (!stream_can_read_again(ctx))
        return message_text("a pipe cannot be read twice");
    if (shares_table(t))
        return message_text("another stream of the pipeline loads the same table");
    if (stream_column(s, SNAPSHOT_COLUMN) >= 0)
        return "it has a column " SNAPSHOT_COLUMN " of its own";
    if (s->reconcile != NULL)
        return message_text("reconcile adds up all rows");
    return check_reason(s);
}

/* " and t.column = 'value'::type" of the child whose rows are read. */
const char *snapshot_child_condition(const struct stream_context *ctx)
{
    const struct stream_spec *s = ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    for (size_t i = 0; s->for_each != NULL && i < s->ncolumns; i++) {
        if (!is_of_child(ctx, i))
            continue;
        strbuf_adds(&sql, " and t.");
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_adds(&sql, " = ");
        db_quote_literal(&sql, stream_bound(ctx, i));
        strbuf_adds(&sql, "::");
        db_type_print(&s->columns[i].type, &sql);
    }
    return arena_strdup(ctx->arena, sql.data != NULL ? sql.data : "");
}

/* ---- of the row alone ------------------------------------------------------------------- */

/* An expression that can be indexed is immutable, and has neither subquery nor aggregate. */
static int probe(const struct stage_target *t, const char *expr, bool *ret_pure, struct error *err)
{
    const char *sql;
    struct db_conn *db = t->ctx->db;
    TRY(stream_sql_text(t->ctx, expr, &sql, err));
    TRY(db_execute(db, "savepoint diner_probe", DB_NO_PARAMS, NULL, err));
    sql = arena_printf(t->ctx->arena, "create index on pg_temp.s (((%s\n) is null))", sql);
    if (db_execute(db, sql, DB_NO_PARAMS, NULL, err) == 0)
        return 0;
    if (err->sqlstate[0] == '\0' || err->code == ERR_DATABASE_TRANSIENT ||
        err->code == ERR_CANCELLED)
        return (int)err->code;
    *ret_pure = false; /* what is wrong with it is told when it is used */
    error_clear(err);
    return db_execute(db, "rollback to savepoint diner_probe", DB_NO_PARAMS, NULL, err);
}

/* Statements know the staged rows as `s`. */
static int make_probe_table(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "create temp table s (");
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_addch(&sql, ' ');
        db_type_print(&s->columns[i].type, &sql);
    }
    strbuf_addch(&sql, ')');
    TRY(db_execute(t->ctx->db, "drop table if exists pg_temp.s", DB_NO_PARAMS, NULL, err));
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

static int probe_all(const struct stage_target *t, bool *ret_pure, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    TRY(make_probe_table(t, err));
    for (size_t i = 0; i < s->transforms.count && *ret_pure; i++) {
        const struct transform_spec *step = transform_at(s, i);
        if (step->filter != NULL)
            TRY(probe(t, step->filter, ret_pure, err));
        for (size_t k = 0; k < step->set.count && *ret_pure; k++)
            if (step->set.values[k] != NULL)
                TRY(probe(t, step->set.values[k], ret_pure, err));
    }
    for (size_t i = 0; i < s->checks.count && *ret_pure; i++)
        if (check_at(s, i)->expr != NULL)
            TRY(probe(t, check_at(s, i)->expr, ret_pure, err));
    return 0;
}

/* ---- look-ups --------------------------------------------------------------------------- */

static int lookup_reason(const struct stage_target *t, const struct lookup_spec *l,
                         const char **ret_reason, struct error *err)
{
    struct bound_sql rows;
    AUTO_RESULT struct db_result *res = NULL;
    TRY(stage_lookup_rows(t, l, &rows, err));
    if (strstr(rows.sql, t->staged) != NULL)
        *ret_reason = message_text("a look-up reads the staged rows");
    if (l->table == NULL)
        return 0;
    TRY(db_query(t->ctx->db,
                 "select pg_relation_size(to_regclass($1)) > " LOOKUP_FREE_BYTES " + " LOOKUP_TIMES
                 " * coalesce(pg_relation_size(to_regclass($2)), 0)",
                 DB_PARAMS(l->table, t->quoted), &res, err));
    if (db_result_bool(res, 0, 0))
        *ret_reason = "to see whether a look-up changed takes longer than to compare the rows";
    return 0;
}

static int sql_reason(const struct stage_target *t, const char **ret_reason, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    bool is_pure = true;
    if (s->transforms.count + s->checks.count == 0)
        return 0;
    TRY(db_begin(t->ctx->db, err));
    int code = probe_all(t, &is_pure, err);
    db_rollback(t->ctx->db);
    TRY(code);
    if (!is_pure)
        *ret_reason =
            "its SQL looks at more than the row: only what PostgreSQL calls immutable can "
            "be known to give the same again";
    for (size_t i = 0; i < s->transforms.count && *ret_reason == NULL; i++)
        if (transform_at(s, i)->lookup != NULL)
            TRY(lookup_reason(t, transform_at(s, i)->lookup, ret_reason, err));
    return 0;
}

int snapshot_reason(const struct stage_target *t, const char **ret, struct error *err)
{
    *ret = spec_reason(t);
    if (*ret == NULL)
        TRY(find_owner(t, ret, err));
    return *ret == NULL ? sql_reason(t, ret, err) : 0;
}
