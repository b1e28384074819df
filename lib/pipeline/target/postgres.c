/* The PostgreSQL target: staged by binary COPY, merged by one set-based statement that touches only
 * rows that differ. `append` without transforms and checks goes straight into the table, inside the
 * committing transaction. */
#include "pipeline/source/postgres.h"
#include "pipeline/column.h"
#include "pipeline/reject.h"
#include "pipeline/state.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct postgres_target_spec {
    const char *connection, *schema, *table;
};
static const struct field postgres_fields[] = {
    {"connection", FIELD_STRING, offsetof(struct postgres_target_spec, connection),
     "name under `connections` of diner.yaml", .flags = FIELD_REQUIRED},
    {"schema", FIELD_STRING, offsetof(struct postgres_target_spec, schema), "schema of the table",
     .def = "public"},
    {"table", FIELD_STRING, offsetof(struct postgres_target_spec, table),
     "table; default: the stream's name"},
    {0}};
static const struct field_set postgres_set = {.name = "postgres target",
                                              .help = "Rows into a table, exactly once",
                                              .struct_size = sizeof(struct postgres_target_spec),
                                              .fields = postgres_fields};

struct target {
    const struct stream_context *ctx;
    struct stage_target stage;
    struct db_copy *copy;
    bool is_direct; /* COPY goes into the table itself */
    int64_t rows;
    char description[160];
};

static void close_target(struct target *t)
{
    if (t == NULL)
        return;
    db_copy_abort(t->copy);
    free(t);
}

static bool can_go_direct(const struct stream_context *ctx)
{
    const struct stream_spec *s = ctx->stream;
    return s->mode == MODE_APPEND && s->transforms.count == 0 && s->checks.count == 0 &&
           s->guard.min_rows == 0 && s->incremental == NULL && !ctx->plan && !ctx->dry_run;
}

static bool is_pushed_down(const struct stream_context *ctx)
{
    return ctx->stream->source == &source_postgres && postgres_source_is_local(ctx);
}

static int begin_copy(struct target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const char **names = arena_array(t->ctx->arena, s->ncolumns + 2, sizeof *names);
    for (size_t i = 0; i < s->ncolumns; i++)
        names[i] = s->columns[i].name;
    names[s->ncolumns] = "_row";
    names[s->ncolumns + 1] = "_seq";
    if (t->is_direct) {
        TRY(db_begin(t->ctx->db, err));
        TRY(stage_ensure_target(&t->stage, err));
        names[s->ncolumns] = "_run_id";
        return db_copy_in(t->ctx->db, t->stage.quoted, names,
                          s->ncolumns + (t->stage.has_run_id ? 1 : 0), &t->copy, err);
    }
    TRY(stage_create(&t->stage, err));
    return db_copy_in(t->ctx->db, t->stage.staged, names,
                      s->ncolumns + (stage_has_sequence(s) ? 2 : 1), &t->copy, err);
}

static int open_target(const struct stream_context *ctx, struct target **ret, struct error *err)
{
    const struct postgres_target_spec *spec = ctx->stream->target_spec;
    struct target *t = mem_alloc(sizeof *t);
    AUTO_STRBUF struct strbuf quoted = {0};
    t->ctx = ctx;
    t->stage = (struct stage_target){.ctx = ctx,
                                     .schema = spec->schema,
                                     .table = spec->table ? spec->table : ctx->stream->name,
                                     .staged = STAGE_TABLE};
    strbuf_init(&quoted, 512);
    db_quote_qualified(&quoted, t->stage.schema, t->stage.table);
    t->stage.quoted = arena_strdup(ctx->arena, quoted.data);
    snprintf(t->description, sizeof t->description, "%s.%s", t->stage.schema, t->stage.table);
    t->is_direct = can_go_direct(ctx) && !is_pushed_down(ctx);
    int code = 0;
    if (is_pushed_down(ctx)) {
        struct bound_sql query;
        code = postgres_source_sql(ctx, &query, err);
        if (code == 0)
            code = stage_from_query(&t->stage, &query, &t->rows, err);
    } else if (!ctx->dry_run) {
        code = begin_copy(t, err);
    }
    if (code != 0) {
        close_target(t);
        return code;
    }
    *ret = t;
    return 0;
}

/* Rows that the server staged by itself; -1 when rows come one by one. */
int64_t target_postgres_staged(const struct stream_context *ctx, const struct target *t)
{
    return is_pushed_down(ctx) ? t->rows : -1;
}

static int take_row(struct target *t, const struct source_row *row, const char **ret_reason,
                    int *ret_column, struct error *err)
{
    const size_t n = t->ctx->stream->ncolumns;
    struct strbuf scratch = {0}, *out = &scratch;
    if (t->copy != NULL) {
        db_copy_row(t->copy);
        out = db_copy_buffer(t->copy);
    } else {
        strbuf_init(&scratch, STRBUF_DEFAULT_MAX); /* a dry run: validated, not sent */
    }
    *ret_reason = NULL;
    for (size_t i = 0; i < n && *ret_reason == NULL; i++) {
        *ret_column = (int)i;
        if (row->cells[i].form == CELL_NULL && !t->ctx->stream->columns[i].required)
            db_encode_null(out);
        else
            *ret_reason = column_encode(t->ctx->reader, i, &row->cells[i], out);
    }
    if (t->copy == NULL) {
        strbuf_release(&scratch);
        return 0;
    }
    if (*ret_reason != NULL) {
        db_copy_drop(t->copy);
        return 0;
    }
    t->rows++;
    if (t->is_direct && t->stage.has_run_id)
        db_encode_int8(out, t->ctx->run_id);
    if (!t->is_direct)
        db_encode_int8(out, (int64_t)row->position);
    if (!t->is_direct && stage_has_sequence(t->ctx->stream))
        db_encode_int8(out, t->rows);
    return db_copy_keep(t->copy, err);
}

static int save_cursor(const struct target *t, struct error *err)
{
    const char *cursor, *stored;
    if (t->ctx->stream->incremental == NULL || t->ctx->plan || t->ctx->backfill)
        return 0;
    TRY(stage_cursor(&t->stage, &cursor, err));
    TRY(state_get(t->ctx, "cursor", &stored, err));
    /* A replay of older rows never takes a newer cursor back: text order is time order here. */
    if (cursor == NULL ||
        (stored != NULL && strlen(stored) == strlen(cursor) && strcmp(stored, cursor) >= 0))
        return 0;
    return state_set(t->ctx, "cursor", cursor, err);
}

static int finish_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    uint64_t sent = 0;
    if (t->copy != NULL) {
        struct db_copy *copy = t->copy;
        t->copy = NULL;
        TRY(db_copy_end(copy, &sent, err));
        if (sent != (uint64_t)t->rows)
            return error_set(err, ERR_BUG, "sent %" PRId64 " rows, the server took %" PRIu64,
                             t->rows, sent);
    }
    if (t->is_direct) {
        counts->inserted += t->rows;
        return 0;
    }
    if (!db_in_transaction(t->ctx->db))
        TRY(db_begin(t->ctx->db, err));
    TRY(stage_ensure_target(&t->stage, err));
    TRY(stage_transform(&t->stage, counts, err));
    TRY(stage_check(&t->stage, counts, err));
    TRY(stage_supersede(&t->stage, counts, err));
    TRY(stage_guard(&t->stage, err));
    TRY(save_cursor(t, err));
    return stage_merge(&t->stage, counts, err);
}

static int commit_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    (void)t;
    (void)counts;
    (void)err;
    return 0;
}

static const char *describe_target(struct target *t)
{
    return t->description;
}

const struct target_ops target_postgres = {.name = "postgres",
                                           .marker = "connection",
                                           .fields = &postgres_set,
                                           .open = open_target,
                                           .row = take_row,
                                           .finish = finish_target,
                                           .commit = commit_target,
                                           .close = close_target,
                                           .description = describe_target};
