/* What of the target a load replaces: all of it, a window of the cursor, or the partitions that
 * came; the guard over it, and the keys of it that are gone. */
#include "core/log.h"
#include "core/message.h"
#include "pipeline/reject.h"
#include "pipeline/target/snapshot_part.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the scope -------------------------------------------------------------------------- */

/* The window in the terms of the cursor; of for_each, of the child whose rows are read. */
static int window_scope(const struct stage_target *t, struct stage_scope *ret, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    const struct column_spec *cursor = &s->columns[stream_column(s, s->incremental->cursor)];
    struct stream_edges edges;
    TRY(stream_window(ctx, cursor->type.kind, cursor->zone, &edges, err));
    AUTO_STRBUF struct strbuf condition = {0};
    strbuf_init(&condition, STAGE_SQL_MAX);
    strbuf_adds(&condition, "t.");
    db_quote_identifier(&condition, s->incremental->cursor);
    strbuf_addf(&condition, " >= $1::%s and t.", edges.type);
    db_quote_identifier(&condition, s->incremental->cursor);
    strbuf_addf(&condition, " < $2::%s%s", edges.type, snapshot_child_condition(ctx));
    *ret = (struct stage_scope){.condition = arena_strdup(ctx->arena, condition.data),
                                .params = {edges.text[0], edges.text[1]},
                                .nparams = 2};
    return 0;
}

int stage_scope_of(const struct stage_target *t, struct stage_scope *ret, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    *ret = (struct stage_scope){.condition = "true"};
    if (s->mode != MODE_DELETE_INSERT)
        return 0;
    if (s->incremental != NULL)
        return window_scope(t, ret, err);
    AUTO_STRBUF struct strbuf condition = {0};
    strbuf_init(&condition, STAGE_SQL_MAX);
    strbuf_addf(&condition, "exists (select from %s p where ", t->staged);
    stage_match(&condition, &s->partition_by, "p.", "t.");
    strbuf_addf(&condition, ")%s", snapshot_child_condition(t->ctx));
    ret->condition = arena_strdup(t->ctx->arena, condition.data);
    return 0;
}

/* A row from before the window would be inserted again by each run; one from after it comes with
 * the next window. */
int stage_fit_window(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    struct arena *arena = t->ctx->arena;
    struct stage_scope scope;
    int64_t later = 0;
    AUTO_STRBUF struct strbuf cursor = {0};
    strbuf_init(&cursor, 4096);
    if (s->mode == MODE_DELETE_INSERT)
        for (size_t i = 0; i < s->partition_by.count; i++) {
            strbuf_clear(&cursor);
            db_quote_identifier(&cursor, s->partition_by.items[i]);
            struct stage_reject null = {.condition =
                                            arena_printf(arena, "s.%s is null", cursor.data),
                                        .reason = MESSAGE("null in a column of partition_by"),
                                        .column = s->partition_by.items[i]};
            TRY(stage_reject(t, &null, counts, err));
        }
    if (s->incremental == NULL || (s->mode != MODE_DELETE_INSERT && s->mode != MODE_SCD2))
        return 0;
    strbuf_clear(&cursor);
    db_quote_identifier(&cursor, s->incremental->cursor);
    struct stage_reject null = {.condition = arena_printf(arena, "s.%s is null", cursor.data),
                                .reason = MESSAGE("null in the cursor"),
                                .column = s->incremental->cursor};
    TRY(stage_reject(t, &null, counts, err));
    if (s->mode != MODE_DELETE_INSERT)
        return 0;
    TRY(stage_scope_of(t, &scope, err));
    const char *type = strchr(scope.condition, ':'); /* "::type" of the first edge */
    size_t ntype = strcspn(type, " ");
    struct stage_reject before = {
        .condition = arena_printf(arena, "s.%s < $1%.*s", cursor.data, (int)ntype, type),
        .params = scope.params,
        .nparams = 1,
        .reason = arena_printf(arena, "before the window, which begins at %s", scope.params[0]),
        .column = s->incremental->cursor};
    TRY(stage_reject(t, &before, counts, err));
    TRY(db_execute(t->ctx->db,
                   arena_printf(arena, "delete from %s s where s.%s >= $1%.*s", t->staged,
                                cursor.data, (int)ntype, type),
                   DB_PARAMS(scope.params[1]), &later, err));
    if (later > 0)
        log_notice("stream '%s': %" PRId64
                   " rows from after the window left to the next one (it ends at %s)",
                   s->name, later, scope.params[1]);
    counts->skipped += later;
    return 0;
}

/* ---- the guard -------------------------------------------------------------------------- */

enum stream_deletes stage_deletes(const struct stream_spec *s)
{
    if (s->mode == MODE_DELETE_INSERT || s->mode == MODE_APPEND)
        return s->mode == MODE_APPEND ? DELETES_KEEP : DELETES_HARD;
    if (s->deletes != DELETES_DEFAULT)
        return (enum stream_deletes)s->deletes;
    return s->mode == MODE_REPLACE ? DELETES_HARD : DELETES_KEEP;
}

/* Rows of the scope that are there now. */
static int count_present(const struct stage_target *t, int64_t *ret, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    struct stage_scope scope;
    AUTO_STRBUF struct strbuf sql = {0};
    TRY(stage_scope_of(t, &scope, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "select count(*) from %s t where %s", t->quoted, scope.condition);
    if (s->mode == MODE_SCD2) {
        strbuf_adds(&sql, " and t.");
        db_quote_identifier(&sql, s->scd2.current);
    } else if (stage_deletes(s) == DELETES_SOFT) {
        strbuf_adds(&sql, " and t._deleted_at is null");
    }
    return db_query_int(t->ctx->db, sql.data, scope.params, scope.nparams, ret, err);
}

int stage_guard_rows(const struct stage_target *t, int64_t staged, int64_t present,
                     struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int64_t max_shrink = s->guard.max_shrink >= 0
                             ? s->guard.max_shrink
                             : config_settings(t->ctx->config)->guard_max_shrink;
    if (staged < s->guard.min_rows) {
        error_set(err, ERR_CHECK, "stream '%s' has %" PRId64 " rows, guard.min_rows is %" PRId64,
                  s->name, staged, s->guard.min_rows);
        return error_hint(err, "the old data stays; look at the source");
    }
    if (stage_deletes(s) == DELETES_KEEP ||
        (double)staged * 1e6 >= (double)present * (double)(1000000 - max_shrink))
        return 0;
    error_set(err, ERR_CHECK,
              "stream '%s' would shrink from %" PRId64 " to %" PRId64
              " rows%s, guard.max_shrink is %g%%",
              s->name, present, staged,
              s->mode != MODE_DELETE_INSERT ? ""
              : s->incremental != NULL      ? message_text(" in the window")
                                            : message_text(" in the partitions that came"),
              (double)max_shrink / 10000);
    return error_hint(err, "the old data stays; if the source is right, raise guard.max_shrink");
}

int stage_guard(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int64_t staged = 0, present = 0;
    if (s->guard.min_rows == 0 && stage_deletes(s) == DELETES_KEEP)
        return 0;
    TRY(stage_count(t, t->staged, &staged, err));
    if (stage_deletes(s) != DELETES_KEEP && !t->is_new)
        TRY(count_present(t, &present, err));
    return stage_guard_rows(t, staged, present, err);
}

/* ---- keys that are gone ----------------------------------------------------------------- */

bool stage_rejected_keys(const struct stage_target *t, size_t n, struct strbuf *condition,
                         struct strbuf *json)
{
    const struct stream_spec *s = t->ctx->stream;
    const struct rejects *rejects = t->ctx->rejects;
    strbuf_addch(json, '[');
    for (size_t i = 0; i < rejects->count; i++) {
        if (!rejects->items[i].key_is_whole) {
            log_event(LOG_WARN, LOG_FIELDS(LOG_STR("stream", s->name)),
                      "a rejected row has no readable key: nothing is deleted from %s in this run",
                      t->shown);
            return false;
        }
        strbuf_addf(json, "%s%s", i > 0 ? "," : "", rejects->items[i].key);
    }
    strbuf_addch(json, ']');
    strbuf_addf(condition,
                " and not exists (select from jsonb_array_elements($%zu::jsonb) r where ", n);
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_addf(condition, "%st.", i > 0 ? " and " : "");
        db_quote_identifier(condition, s->key.items[i]);
        strbuf_adds(condition, " = (r->>");
        db_quote_literal(condition, s->key.items[i]);
        strbuf_adds(condition, ")::");
        db_type_print(&s->columns[stream_column(s, s->key.items[i])].type, condition);
    }
    strbuf_addch(condition, ')');
    return true;
}

int stage_delete_missing(const struct stage_target *t, struct stream_counts *counts,
                         struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    enum stream_deletes deletes = stage_deletes(s);
    struct stage_scope scope;
    int64_t deleted = 0;
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0};
    if (deletes == DELETES_KEEP || t->is_partial)
        return 0;
    TRY(stage_scope_of(t, &scope, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&keys, 64 << 20);
    if (deletes == DELETES_SOFT)
        strbuf_addf(&sql, "update %s t set _deleted_at = now() where t._deleted_at is null and ",
                    t->quoted);
    else
        strbuf_addf(&sql, "delete from %s t where ", t->quoted);
    strbuf_addf(&sql, "%s and not exists (select from %s s where ", scope.condition, t->staged);
    stage_match(&sql, &s->key, "s.", "t.");
    strbuf_addch(&sql, ')');
    if (!stage_rejected_keys(t, scope.nparams + 1, &sql, &keys))
        return 0;
    const char *params[3] = {scope.params[0], scope.params[1], keys.data};
    params[scope.nparams] = keys.data;
    if (db_execute(t->ctx->db, sql.data, params, scope.nparams + 1, &deleted, err) != 0)
        return error_context(err, "while deleting what the source no longer has");
    counts->deleted += deleted;
    return 0;
}
