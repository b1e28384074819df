/* Older rejects whose rows a load has read again: it has loaded them, or rejects them anew, and a
 * replay would bring back what they were. Which they are says the scope that was replaced. */
#include "core/log.h"
#include "gen/embed.h"
#include "pipeline/reject_scope.h"
#include "pipeline/state.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A source that came whole, and of which the table keeps nothing else. */
static bool takes_all(const struct stage_target *t)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    const bool left_files_out = ctx->ledger != NULL && state_ledger_seen(ctx->ledger) > 0;
    return (s->mode == MODE_REPLACE || s->mode == MODE_MERGE) && s->incremental == NULL &&
           s->for_each == NULL && stage_deletes(s) != DELETES_KEEP && !left_files_out;
}

/* with ... t as (the rejects as rows of the target, as far as their scope goes) */
static void rejects_as_rows(const struct stage_target *t, const struct field_strings *names,
                            size_t n, struct strbuf *sql)
{
    const struct stream_spec *s = t->ctx->stream;
    strbuf_addf(sql,
                "with open as materialized (select id, key from diner.reject where pipeline = $%zu "
                "and stream = $%zu and run_id < $%zu::bigint and closed_at is null and "
                "key ?& array(select jsonb_array_elements_text($%zu::jsonb))), t as materialized "
                "(select id as _diner_reject",
                n + 1, n + 2, n + 3, n + 4);
    for (size_t i = 0; i < names->count; i++) {
        strbuf_adds(sql, ", (key->>");
        db_quote_literal(sql, names->items[i]);
        strbuf_adds(sql, ")::");
        db_type_print(&s->columns[stream_column(s, names->items[i])].type, sql);
        strbuf_adds(sql, " as ");
        db_quote_identifier(sql, names->items[i]);
    }
    strbuf_adds(sql, " from open)");
}

static int close_scope(const struct stage_target *t, const struct field_strings *names,
                       const char *run, const char *json, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    struct stage_scope scope;
    AUTO_STRBUF struct strbuf sql = {0};
    const char *params[6] = {0};
    TRY(stage_scope_of(t, &scope, err));
    const size_t n = scope.nparams;
    const char *const own[4] = {ctx->pipeline->name, ctx->stream->name, run, json};
    memcpy(params, scope.params, n * sizeof *params);
    memcpy(params + n, own, sizeof own);
    strbuf_init(&sql, STAGE_SQL_MAX);
    rejects_as_rows(t, names, n, &sql);
    strbuf_addf(&sql,
                " update diner.reject r set replayed_run_id = $%zu::bigint, closed_at = "
                "clock_timestamp() from t where r.id = t._diner_reject and %s",
                n + 3, scope.condition);
    return db_execute(ctx->db, sql.data, params, n + 4, NULL, err);
}

/* A key that was kept under another type may not be one of the column as it is now: then it tells
 * nothing any more. */
static int forget_scope(const struct stage_target *t, const char *run, const char *json,
                        struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    log_info("stream '%s': the keys of older rejects are not of the columns' types any more: %s",
             ctx->stream->name, err->message);
    error_clear(err);
    TRY(db_execute(ctx->db, "rollback to savepoint diner_rejects", DB_NO_PARAMS, NULL, err));
    return db_execute(ctx->db,
                      "update diner.reject set key = key - array(select "
                      "jsonb_array_elements_text($4::jsonb)) where pipeline = $1 and stream = $2 "
                      "and run_id < $3::bigint and closed_at is null",
                      DB_PARAMS(ctx->pipeline->name, ctx->stream->name, run, json), NULL, err);
}

static int close_of_scope(const struct stage_target *t, const char *run, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    struct field_strings names;
    int64_t open = 0;
    AUTO_STRBUF struct strbuf json = {0};
    if (!reject_scope(ctx->stream, ctx->arena, &names))
        return 0;
    TRY(db_query_int(ctx->db,
                     "select count(*) from diner.reject where pipeline = $1 and stream = $2 and "
                     "run_id < $3::bigint and closed_at is null",
                     DB_PARAMS(ctx->pipeline->name, ctx->stream->name, run), &open, err));
    if (open == 0)
        return 0;
    strbuf_init(&json, 1 << 20);
    reject_scope_json(&names, &json);
    TRY(db_execute(ctx->db, "savepoint diner_rejects", DB_NO_PARAMS, NULL, err));
    if (close_scope(t, &names, run, json.data, err) == 0)
        return 0;
    return strncmp(err->sqlstate, "22", 2) == 0 ? forget_scope(t, run, json.data, err)
                                                : (int)err->code;
}

int stage_close_rejects(const struct stage_target *t, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    char run[24];
    snprintf(run, sizeof run, "%" PRId64, ctx->run_id);
    if (ctx->stream->mode == MODE_DELETE_INSERT)
        return close_of_scope(t, run, err);
    if (!takes_all(t))
        return 0;
    return db_execute(ctx->db, sql_reject_close,
                      DB_PARAMS(ctx->pipeline->name, ctx->stream->name, run), NULL, err);
}
