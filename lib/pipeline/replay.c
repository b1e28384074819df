#include "pipeline/replay.h"

#include "core/fileio.h"
#include "core/hashmap.h"
#include "core/message.h"
#include "format/jpull.h"
#include "gen/embed.h"
#include "pipeline/column.h"
#include "pipeline/reject_scope.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MENDED_MAX_BYTES ((size_t)256 << 20)

struct replay_row {
    int64_t id;
    const char *cells; /* JSON object */
    bool is_staged; /* the cells are values of the columns' types, not what a source has for them */
};

struct replay {
    struct arena *arena;
    const struct stream_spec *spec;
    struct stream_spec stream; /* as it is, without what only a reading of the source has */
    struct replay_row *rows;   /* the oldest first */
    size_t count, capacity;
    size_t from, to; /* of this pass: is_staged is the same for all */
    bool is_staged;
};

/* ---- the source of a replay ------------------------------------------------------------- */

struct source {
    const struct stream_context *ctx;
    const struct replay *replay;
    size_t at;
    struct cell *cells;
    struct strbuf *texts; /* by column: what was unescaped */
};

static int replay_source_open(const struct stream_context *ctx, struct source **ret,
                              struct error *err)
{
    struct source *s = mem_alloc(sizeof *s);
    const size_t n = ctx->stream->ncolumns;
    (void)err;
    s->ctx = ctx;
    s->replay = ctx->replay;
    s->at = s->replay->from;
    s->cells = arena_array(ctx->arena, n + 1, sizeof *s->cells);
    s->texts = arena_array(ctx->arena, n + 1, sizeof *s->texts);
    for (size_t i = 0; i < n; i++)
        strbuf_init(&s->texts[i], 64 << 20);
    *ret = s;
    return 0;
}

static void replay_source_close(struct source *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->ctx->stream->ncolumns; i++)
        strbuf_release(&s->texts[i]);
    free(s);
}

/* A text of a file is read as in the file, anything else is already clean. */
static int set_cell(struct source *s, size_t i, struct span raw, struct error *err)
{
    struct jpull_value v;
    bool as_in_file = !s->replay->is_staged && source_reads_text(s->replay->spec->source);
    strbuf_clear(&s->texts[i]);
    TRY(jpull_value_of(raw, &v, &s->texts[i], err));
    if (v.kind == JPULL_NULL)
        s->cells[i] = (struct cell){CELL_NULL, SPAN("")};
    else if (v.kind == JPULL_TRUE || v.kind == JPULL_FALSE)
        s->cells[i] =
            (struct cell){CELL_CLEAN, v.kind == JPULL_TRUE ? SPAN("true") : SPAN("false")};
    else
        s->cells[i] = (struct cell){as_in_file ? CELL_TEXT : CELL_CLEAN, v.text};
    return 0;
}

static int read_cells(struct source *s, const struct replay_row *row, const char **ret_fault,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const struct stream_spec *stream = s->ctx->stream;
    struct jpull_array members;
    struct span key, value;
    size_t found = 0;
    bool end;
    strbuf_init(&scratch, 1 << 20);
    for (size_t i = 0; i < stream->ncolumns; i++)
        s->cells[i].form = CELL_BINARY; /* not seen yet */
    TRY(jpull_object_begin(span_of(row->cells), &members, err));
    for (;;) {
        strbuf_clear(&scratch);
        TRY(jpull_object_next(&members, &key, &value, &end, &scratch, err));
        if (end)
            break;
        for (size_t i = 0; i < stream->ncolumns; i++) {
            if (!span_equal(key, span_of(stream->columns[i].name)))
                continue;
            TRY(set_cell(s, i, value, err));
            found++;
        }
    }
    for (size_t i = 0; i < stream->ncolumns && found < stream->ncolumns; i++) {
        if (s->cells[i].form != CELL_BINARY)
            continue;
        s->cells[i] = (struct cell){CELL_NULL, SPAN("")};
        *ret_fault = arena_printf(s->ctx->arena, message_text("no value of column '%s' was kept"),
                                  stream->columns[i].name);
    }
    return 0;
}

static int replay_source_next(struct source *s, struct source_row *ret, bool *ret_end,
                              struct error *err)
{
    *ret_end = s->at == s->replay->to;
    if (*ret_end)
        return 0;
    const struct replay_row *row = &s->replay->rows[s->at++];
    *ret = (struct source_row){.cells = s->cells,
                               .origin = "reject",
                               .position = (uint64_t)row->id,
                               .raw = span_of(row->cells)};
    if (read_cells(s, row, &ret->fault, err) != 0)
        return error_context(err, "reject %" PRId64, row->id);
    return 0;
}

static int replay_source_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    (void)s;
    (void)err;
    *ret = (struct source_summary){.expect_rows = -1, .sha256 = ""};
    return 0;
}

static void replay_source_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = s->at;
    *ret_total = s->replay->to;
}

static void replay_habits(const struct stream_context *ctx, struct column_habits *ret)
{
    if (ctx->replay->spec->source->habits != NULL)
        ctx->replay->spec->source->habits(ctx, ret);
}

static const struct source_ops source_replay = {.name = "rejects",
                                                .habits = replay_habits,
                                                .open = replay_source_open,
                                                .next = replay_source_next,
                                                .finish = replay_source_finish,
                                                .progress = replay_source_progress,
                                                .close = replay_source_close};

/* ---- what is read ----------------------------------------------------------------------- */

static void add_row(struct replay *r, int64_t id, const char *cells, bool is_staged)
{
    r->rows = mem_grow(r->rows, &r->capacity, r->count + 1, sizeof *r->rows);
    r->rows[r->count++] = (struct replay_row){id, arena_strdup(r->arena, cells), is_staged};
}

/* Without a key nothing but its scope tells whether the table has the row by now. Of a run that
 * failed nothing was loaded: what it read is read again, the rejected rows among it. */
static bool is_to_stay(const struct stream_spec *s, const struct db_result *res, size_t i)
{
    const bool has_failed = db_result_bool(res, i, 3), is_passed = db_result_bool(res, i, 4);
    const bool is_told = db_result_bool(res, i, 5); /* a load of its scope would have closed it */
    if (s->key.count > 0)
        return false;
    return has_failed || (s->mode == MODE_REPLACE && is_passed) ||
           (s->mode == MODE_DELETE_INSERT && is_passed && !is_told);
}

static int read_rejects(struct run *run, struct replay *r, const char *ids, struct hashmap *mended,
                        struct replay_left *ret_left, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf scope = {0};
    struct field_strings names;
    strbuf_init(&scope, 1 << 20);
    bool is_told = reject_scope(r->spec, r->arena, &names);
    reject_scope_json(&names, &scope);
    TRY(db_query(run->db, sql_reject_replay,
                 DB_PARAMS(run->pipeline->name, r->spec->name, ids, is_told ? scope.data : NULL),
                 &res, err));
    for (size_t i = 0; i < db_result_rows(res); i++) {
        const char *given = mended != NULL ? hashmap_gets(mended, db_result_text(res, i, 0)) : NULL;
        const char *cells = given != NULL ? given : db_result_text(res, i, 1);
        if (is_to_stay(r->spec, res, i))
            ret_left->untold++;
        else if (cells == NULL)
            ret_left->without_cells++;
        else
            add_row(r, db_result_int(res, i, 0), cells, db_result_bool(res, i, 2));
    }
    return 0;
}

/* {"id": 14, "cells": {...}} */
static int take_mended(struct replay *r, struct span line, uint64_t number, struct hashmap *mended,
                       struct strbuf *ids, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value id, cells;
    strbuf_init(&scratch, MENDED_MAX_BYTES);
    if (jpull_check_storable(line, err) != 0 || jpull_find(line, "/id", &id, &scratch, err) != 0 ||
        jpull_find(line, "/cells", &cells, &scratch, err) != 0)
        return error_context(err, "line %" PRIu64, number);
    if (id.kind != JPULL_NUMBER || cells.kind != JPULL_OBJECT) {
        error_set(err, ERR_DATA, "line %" PRIu64 ": expected {\"id\": N, \"cells\": {...}}",
                  number);
        return error_hint(err, "as 'diner rejects export --raw' writes them");
    }
    strbuf_addf(ids, "%s%.*s", ids->len > 1 ? "," : "", (int)id.text.len, id.text.ptr);
    hashmap_put(mended, id.text.ptr, id.text.len,
                arena_strndup(r->arena, cells.text.ptr, cells.text.len));
    return 0;
}

static int read_mended(const char *path, struct replay *r, struct hashmap *mended,
                       struct strbuf *ids, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    uint64_t number = 0;
    strbuf_init(&text, MENDED_MAX_BYTES + 1);
    TRY(file_read(path, MENDED_MAX_BYTES, &text, err));
    strbuf_addch(ids, '{');
    for (const char *line = text.data; *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t n = end != NULL ? (size_t)(end - line) : strlen(line);
        number++;
        if (n > 0 && take_mended(r, (struct span){line, n}, number, mended, ids, err) != 0)
            return error_context(err, "'%s'", path);
        line += n + (end != NULL ? 1 : 0);
    }
    strbuf_addch(ids, '}');
    return 0;
}

/* ---- the stream of a replay ------------------------------------------------------------- */

/* On rows t of the table: a later run wrote it. What a replay wrote, this one or an earlier, is as
 * old as the reject that it is from. */
static void written_later(const struct replay *r, struct strbuf *sql)
{
    strbuf_adds(sql, "t._run_id > r.run_id and not (exists (select from diner.run u where u.id = "
                     "t._run_id and u.options ? "
                     "'replay') and not exists (select from diner.reject d where d.pipeline = "
                     "r.pipeline and d.stream = r.stream and d.replayed_run_id = t._run_id and "
                     "(d.run_id, d.id) > (r.run_id, r.id)");
    for (size_t i = 0; i < r->spec->key.count; i++) {
        strbuf_adds(sql, " and d.key->>");
        db_quote_literal(sql, r->spec->key.items[i]);
        strbuf_adds(sql, " = r.key->>");
        db_quote_literal(sql, r->spec->key.items[i]);
    }
    strbuf_adds(sql, "))");
}

static void add_filter(struct replay *r, const char *sql)
{
    struct stream_spec *s = &r->stream;
    struct transform_spec *steps = arena_array(r->arena, s->transforms.count + 1, sizeof *steps);
    if (s->transforms.count > 0)
        memcpy(steps + 1, s->transforms.items, s->transforms.count * sizeof *steps);
    steps[0] = (struct transform_spec){.filter = arena_strdup(r->arena, sql)};
    s->transforms.items = steps;
    s->transforms.count++;
}

/* "(t.at > s.at or ...)": a newer cursor; of two that are equal, as days are, the later run tells.
 */
static void add_newer(const struct replay *r, const struct incremental_spec *inc, bool has_run_id,
                      struct strbuf *sql)
{
    if (inc == NULL) {
        written_later(r, sql);
        return;
    }
    strbuf_adds(sql, "(t.");
    db_quote_identifier(sql, inc->cursor);
    strbuf_adds(sql, " > s.");
    db_quote_identifier(sql, inc->cursor);
    if (has_run_id) {
        strbuf_adds(sql, " or t.");
        db_quote_identifier(sql, inc->cursor);
        strbuf_adds(sql, " is not distinct from s.");
        db_quote_identifier(sql, inc->cursor);
        strbuf_adds(sql, " and ");
        written_later(r, sql);
    }
    strbuf_addch(sql, ')');
}

/* A row of the table that a later run wrote, or with a newer cursor, is not taken back. */
static int keep_newer(struct run *run, struct replay *r, const struct incremental_spec *inc,
                      struct error *err)
{
    const struct stream_spec *s = &r->stream;
    AUTO_STRBUF struct strbuf sql = {0}, table = {0};
    bool has_run_id = false;
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, 1 << 20);
    strbuf_init(&table, 4096);
    db_quote_qualified(&table, ynode_text(s->target_node, "schema", "public"),
                       ynode_text(s->target_node, "table", s->name));
    TRY(db_query(run->db,
                 "select count(*) > 0, bool_or(attname = '_run_id') from pg_attribute "
                 "where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
                 DB_PARAMS(table.data), &res, err));
    has_run_id = db_result_bool(res, 0, 1);
    if (s->key.count == 0 || !db_result_bool(res, 0, 0) || (inc == NULL && !has_run_id))
        return 0;
    strbuf_addf(&sql, "not exists (select from %s t join diner.reject r on r.id = s._row where ",
                table.data);
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_adds(&sql, "t.");
        db_quote_identifier(&sql, s->key.items[i]);
        strbuf_adds(&sql, " = s.");
        db_quote_identifier(&sql, s->key.items[i]);
        strbuf_adds(&sql, " and ");
    }
    add_newer(r, inc, has_run_id, &sql);
    strbuf_addch(&sql, ')');
    add_filter(r, sql.data);
    return 0;
}

/* Checks of the whole snapshot say nothing of a few rows of it. */
static void drop_snapshot_checks(struct replay *r)
{
    struct stream_spec *s = &r->stream;
    struct check_spec *kept = arena_array(r->arena, s->checks.count + 1, sizeof *kept);
    size_t n = 0;
    for (size_t i = 0; i < s->checks.count; i++) {
        const struct check_spec *c = (const struct check_spec *)s->checks.items + i;
        if (c->expr != NULL || c->unique.count > 0)
            kept[n++] = *c;
    }
    s->checks.items = kept;
    s->checks.count = n;
}

/* In which window or partition a row is no later load could tell without these: it would never be
 * replaced. */
static void refuse_no_scope(struct replay *r)
{
    struct stream_spec *s = &r->stream;
    const bool has_cursor = s->incremental != NULL;
    const size_t count = has_cursor ? 1 : s->partition_by.count;
    struct check_spec *checks = arena_array(r->arena, s->checks.count + count + 1, sizeof *checks);
    if (s->checks.count > 0)
        memcpy(checks, s->checks.items, s->checks.count * sizeof *checks);
    for (size_t i = 0; i < count; i++) {
        const char *column = has_cursor ? s->incremental->cursor : s->partition_by.items[i];
        AUTO_STRBUF struct strbuf expr = {0};
        strbuf_init(&expr, 4096);
        db_quote_identifier(&expr, column);
        strbuf_adds(&expr, " is not null");
        const char *text = arena_strdup(r->arena, expr.data);
        checks[s->checks.count++] =
            (struct check_spec){.expr = text, .on_fail = CHECK_REJECT, .name = text};
    }
    s->checks.items = checks;
}

/* Values that were read already: no unit, format, mask or hash is applied a second time. */
static void read_as_values(struct replay *r)
{
    struct stream_spec *s = &r->stream;
    struct column_spec *columns = arena_array(r->arena, s->ncolumns + 1, sizeof *columns);
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct column_spec *c = &s->columns[i];
        columns[i] = (struct column_spec){.name = c->name,
                                          .type_text = c->type_text,
                                          .from = c->from,
                                          .required = c->required,
                                          .code = CODE_NO,
                                          .is_computed = c->is_computed,
                                          .type = c->type,
                                          .node = c->node};
    }
    s->columns = columns;
}

static int change_stream(struct run *run, struct replay *r, struct error *err)
{
    struct stream_spec *s = &r->stream;
    if (r->is_staged)
        read_as_values(r);
    const struct incremental_spec *inc = s->incremental;
    drop_snapshot_checks(r);
    if (s->mode == MODE_DELETE_INSERT)
        refuse_no_scope(r);
    s->source = &source_replay;
    if (s->mode != MODE_SCD2)
        s->mode = s->key.count > 0 ? MODE_MERGE : MODE_APPEND;
    s->deletes = DELETES_KEEP;
    s->schema.undeclared = CONTRACT_DISCARD_VALUE; /* rejects have cells of columns only */
    s->guard = (struct guard_spec){0};
    s->on_error = (struct on_error_spec){INT64_MAX, 1000000};
    s->incremental = NULL;
    s->for_each = NULL;
    s->reconcile = NULL;
    s->change_detection = 1;
    return keep_newer(run, r, inc, err);
}

int replay_open(struct run *run, struct stream_spec *s, struct replay **ret,
                struct replay_left *ret_left, struct error *err)
{
    AUTO_STRBUF struct strbuf ids = {0};
    const char *mended = run->options->mended;
    struct hashmap *given = mended != NULL ? hashmap_new() : NULL;
    *ret = NULL;
    if (s->target != &target_postgres)
        return 0; /* it keeps no rejects that could be loaded later */
    struct replay *r = mem_alloc(sizeof *r);
    r->arena = arena_new();
    r->spec = s;
    strbuf_init(&ids, MENDED_MAX_BYTES);
    int code = mended != NULL ? read_mended(mended, r, given, &ids, err) : 0;
    if (code == 0)
        code = read_rejects(run, r, mended != NULL ? ids.data : NULL, given, ret_left, err);
    hashmap_free(given);
    if (code != 0) {
        replay_close(r);
        return code;
    }
    *ret = r;
    return 0;
}

void replay_close(struct replay *r)
{
    if (r == NULL)
        return;
    free(r->rows);
    arena_free(r->arena);
    free(r);
}

bool replay_next(struct replay *r)
{
    if (r == NULL || r->to == r->count)
        return false;
    r->from = r->to;
    r->is_staged = r->rows[r->from].is_staged;
    while (r->to < r->count && r->rows[r->to].is_staged == r->is_staged)
        r->to++;
    return true;
}

int replay_run(struct run *run, struct replay *r, struct slice_result *ret, struct error *err)
{
    const struct slice slice = {.child = ""};
    r->stream = *r->spec;
    TRY(change_stream(run, r, err));
    run->replay = r;
    int code = slice_run(run, &r->stream, &slice, ret, err);
    run->replay = NULL;
    return code;
}

int replay_settle(const struct stream_context *ctx, const struct replay *r, struct error *err)
{
    AUTO_STRBUF struct strbuf ids = {0};
    char run[24];
    strbuf_init(&ids, MENDED_MAX_BYTES);
    for (size_t i = r->from; i < r->to; i++)
        strbuf_addf(&ids, "%c%" PRId64, i == r->from ? '{' : ',', r->rows[i].id);
    strbuf_addch(&ids, '}');
    snprintf(run, sizeof run, "%" PRId64, ctx->run_id);
    return db_execute(ctx->db, sql_reject_replayed, DB_PARAMS(ids.data, run), NULL, err);
}
