#include "pipeline/plan.h"

#include "core/log.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "pipeline/column.h"
#include "pipeline/guess/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_ROWS  "1000"
#define LOOKUPS_MAX 2000 /* versions that went and are looked up one by one */
#define SQL_MAX     ((size_t)4 << 20)

const char *const plan_kind_names[] = {"insert", "update", "delete", "send", NULL};

/* The shape of a table, as plan_catalogue.sql gives it. */
struct shape {
    struct shape_part {
        const char *kind, *name, *type, *rest;
    } * parts;
    size_t count;
};

/* What is known of the stream under way. */
struct watched {
    const char *schema, *table, *quoted;
    struct shape before;
    const char **columns; /* of the table, but those that diner keeps for itself */
    const char **types;
    size_t ncolumns;
    size_t identity[64];
    size_t nidentity;
    char boundary[24]; /* the first transaction id that the merge can have */
    bool is_looked_at; /* rows too */
};

struct plan {
    struct arena *arena;
    int64_t rows;
    bool raw;
    struct stream_watch watch;
    struct plan_stream *streams;
    size_t nstreams, capacity;
    struct watched now;
    /* identities of the versions that went */
    uint64_t *slots;
    size_t slots_count, slots_capacity;
};

/* ---- streams and their changes ---------------------------------------------------------- */

static struct plan_stream *stream_of(struct plan *p, const struct stream_context *ctx)
{
    for (size_t i = 0; i < p->nstreams; i++)
        if (strcmp(p->streams[i].pipeline, ctx->pipeline->name) == 0 &&
            strcmp(p->streams[i].stream, ctx->stream->name) == 0)
            return &p->streams[i];
    p->streams = mem_grow(p->streams, &p->capacity, p->nstreams + 1, sizeof *p->streams);
    p->streams[p->nstreams] =
        (struct plan_stream){.pipeline = arena_strdup(p->arena, ctx->pipeline->name),
                             .stream = arena_strdup(p->arena, ctx->stream->name)};
    return &p->streams[p->nstreams++];
}

static bool is_full(const struct plan *p, const struct plan_stream *s, enum plan_kind kind)
{
    return s->shown[kind] >= (size_t)p->rows;
}

/* Digits within, as of a phone or a card; of what is personal by its name all but the first
 * character. */
static const char *masked(const struct plan *p, const char *column, const char *value)
{
    if (value == NULL || p->raw)
        return arena_strdup(p->arena, value);
    bool is_personal = (name_hints(column) & NAME_PERSONAL) != 0;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    for (const char *c = value; *c != '\0';) {
        size_t digits = 0;
        while (isdigit((unsigned char)c[digits]))
            digits++;
        if (digits >= 11) {
            strbuf_addf(&out, "%.3s****%.4s", c, c + digits - 4);
            c += digits;
        } else if (is_personal && c != value && ((unsigned char)*c & 0xC0) != 0x80) {
            strbuf_adds(&out, "**");
            break;
        } else {
            strbuf_addch(&out, *c++);
        }
    }
    return arena_strdup(p->arena, out.data);
}

static void add_change(struct plan *p, struct plan_stream *s, enum plan_kind kind,
                       const struct plan_value *values, size_t n)
{
    s->changes = mem_grow(s->changes, &s->changes_capacity, s->nchanges + 1, sizeof *s->changes);
    s->changes[s->nchanges++] = (struct plan_change){kind, values, n};
    s->shown[kind]++;
    (void)p;
}

/* ---- DDL -------------------------------------------------------------------------------- */

static int read_shape(struct plan *p, const struct stream_context *ctx, struct shape *ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(ctx->db, sql_plan_catalogue, DB_PARAMS(p->now.quoted), &res, err));
    ret->count = db_result_rows(res);
    ret->parts = arena_array(p->arena, ret->count + 1, sizeof *ret->parts);
    for (size_t i = 0; i < ret->count; i++)
        ret->parts[i] = (struct shape_part){arena_strdup(p->arena, db_result_text(res, i, 0)),
                                            arena_strdup(p->arena, db_result_text(res, i, 1)),
                                            arena_strdup(p->arena, db_result_text(res, i, 2)),
                                            arena_strdup(p->arena, db_result_text(res, i, 3))};
    return 0;
}

static const struct shape_part *part_named(const struct shape *s, const struct shape_part *like)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->parts[i].kind, like->kind) == 0 && strcmp(s->parts[i].name, like->name) == 0)
            return &s->parts[i];
    return NULL;
}

static void add_ddl(struct plan *p, struct plan_stream *s, const struct strbuf *sql)
{
    s->ddl = mem_grow((void *)s->ddl, &s->ddl_capacity, s->nddl + 1, sizeof *s->ddl);
    s->ddl[s->nddl++] = arena_strdup(p->arena, sql->data);
}

static void add_create(struct plan *p, struct plan_stream *s, const struct shape *after)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "create table %s (", p->now.quoted);
    for (size_t i = 0; i < after->count; i++) {
        const struct shape_part *part = &after->parts[i];
        if (strcmp(part->kind, "index") == 0)
            continue;
        strbuf_adds(&sql, i > 0 ? ",\n  " : "\n  ");
        if (strcmp(part->kind, "column") == 0) {
            db_quote_identifier(&sql, part->name);
            strbuf_addf(&sql, " %s%s", part->type, part->rest);
        } else {
            strbuf_adds(&sql, part->type);
        }
    }
    strbuf_adds(&sql, "\n)");
    add_ddl(p, s, &sql);
}

static void add_alter(struct plan *p, struct plan_stream *s, const struct shape_part *part,
                      const struct shape_part *was)
{
    AUTO_STRBUF struct strbuf sql = {0};
    bool is_column = strcmp(part->kind, "column") == 0;
    strbuf_init(&sql, SQL_MAX);
    if (was != NULL && strcmp(was->type, part->type) == 0)
        return;
    if (strcmp(part->kind, "index") == 0) {
        strbuf_adds(&sql, part->type);
    } else if (is_column) {
        strbuf_addf(&sql, "alter table %s %s column ", p->now.quoted,
                    was != NULL ? "alter" : "add");
        db_quote_identifier(&sql, part->name);
        strbuf_addf(&sql, "%s %s%s", was != NULL ? " type" : "", part->type,
                    was != NULL ? "" : part->rest);
    } else {
        strbuf_addf(&sql, "alter table %s add ", p->now.quoted);
        strbuf_adds(&sql, part->type);
    }
    add_ddl(p, s, &sql);
}

static int compare_shapes(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    struct plan_stream *s = stream_of(p, ctx);
    struct shape after;
    TRY(read_shape(p, ctx, &after, err));
    if (p->now.before.count == 0 && after.count > 0)
        add_create(p, s, &after);
    for (size_t i = 0; i < after.count; i++)
        if (p->now.before.count > 0 || strcmp(after.parts[i].kind, "index") == 0)
            add_alter(p, s, &after.parts[i], part_named(&p->now.before, &after.parts[i]));
    p->now.before = after; /* the next slice finds it so */
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

static bool is_own_column(const char *name)
{
    return strcmp(name, "_run_id") == 0 || strcmp(name, "_loaded_at") == 0 ||
           strcmp(name, "_row_hash") == 0;
}

static size_t column_named(const struct watched *w, const char *name)
{
    size_t i = 0;
    while (i < w->ncolumns && strcmp(w->columns[i], name) != 0)
        i++;
    return i;
}

static int find_columns(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    struct watched *w = &p->now;
    const struct stream_spec *s = ctx->stream;
    struct shape shape;
    TRY(read_shape(p, ctx, &shape, err));
    w->columns = arena_array(p->arena, shape.count + 1, sizeof(char *));
    w->types = arena_array(p->arena, shape.count + 1, sizeof(char *));
    w->ncolumns = w->nidentity = 0;
    for (size_t i = 0; i < shape.count; i++) {
        if (strcmp(shape.parts[i].kind, "column") != 0 || is_own_column(shape.parts[i].name))
            continue;
        w->types[w->ncolumns] = shape.parts[i].type;
        w->columns[w->ncolumns++] = shape.parts[i].name;
    }
    for (size_t i = 0; i < s->key.count && i < 62; i++)
        if (column_named(w, s->key.items[i]) < w->ncolumns)
            w->identity[w->nidentity++] = column_named(w, s->key.items[i]);
    if (s->mode == MODE_SCD2 && w->nidentity > 0 &&
        column_named(w, s->scd2.valid_from) < w->ncolumns)
        w->identity[w->nidentity++] = column_named(w, s->scd2.valid_from);
    return 0;
}

static void add_columns(const struct watched *w, struct strbuf *sql)
{
    for (size_t i = 0; i < w->ncolumns; i++) {
        strbuf_adds(sql, i > 0 ? ", t." : "t.");
        db_quote_identifier(sql, w->columns[i]);
        strbuf_adds(sql, "::text");
    }
}

/* What the merge writes has ids given out after this; what DDL rewrote has earlier ones. */
static int mark_boundary(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    AUTOFREE char *boundary = NULL;
    TRY(db_execute(ctx->db, "savepoint diner_watch", DB_NO_PARAMS, NULL, err));
    TRY(db_query_text(ctx->db,
                      "select (txid_snapshot_xmax(txid_current_snapshot()) % 4294967296)::text",
                      DB_NO_PARAMS, &boundary, err));
    snprintf(p->now.boundary, sizeof p->now.boundary, "%s", boundary);
    return 0;
}

/* A cursor's snapshot is that of its opening, its scan that of its fetching: what it gives after
 * the merge are the versions that the merge replaced or deleted, as they were. */
static int open_before(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_adds(&sql, "declare diner_before no scroll cursor for select ");
    add_columns(&p->now, &sql);
    strbuf_addf(&sql, " from %s t where t.xmax::text <> '0' and age(t.xmax) <= age('%s'::xid)",
                p->now.quoted, p->now.boundary);
    p->now.is_looked_at = db_execute(ctx->db, sql.data, DB_NO_PARAMS, NULL, err) == 0;
    if (p->now.is_looked_at)
        return 0;
    /* A view, or a table of another server: its versions cannot be told apart. */
    log_notice("stream '%s': rows of %s are not shown: %s", ctx->stream->name, p->now.quoted,
               err->message);
    error_clear(err);
    return db_execute(ctx->db, "rollback to savepoint diner_watch", DB_NO_PARAMS, NULL, err);
}

static uint64_t identity_hash(const struct watched *w, const struct db_result *res, size_t row)
{
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < w->nidentity; i++) {
        const char *text = db_result_text(res, row, w->identity[i]);
        for (const char *c = text != NULL ? text : ""; *c != '\0'; c++)
            h = (h ^ (unsigned char)*c) * 1099511628211U;
        h = (h ^ 0x1F) * 1099511628211U;
    }
    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9U;
    return (h ^ (h >> 32)) | 1;
}

static bool has_slot(const struct plan *p, uint64_t hash)
{
    if (p->slots_capacity == 0)
        return false;
    size_t at = hash & (p->slots_capacity - 1);
    for (; p->slots[at] != 0; at = (at + 1) & (p->slots_capacity - 1))
        if (p->slots[at] == hash)
            return true;
    return false;
}

static void put_slot(struct plan *p, uint64_t hash)
{
    if ((p->slots_count + 1) * 2 > p->slots_capacity) {
        size_t capacity = p->slots_capacity == 0 ? 1024 : p->slots_capacity * 2;
        uint64_t *old = p->slots;
        size_t n = p->slots_capacity;
        p->slots = mem_array(capacity, sizeof *p->slots);
        p->slots_capacity = capacity;
        p->slots_count = 0;
        for (size_t i = 0; i < n; i++)
            if (old[i] != 0)
                put_slot(p, old[i]);
        free(old);
    }
    size_t at = hash & (p->slots_capacity - 1);
    for (; p->slots[at] != 0; at = (at + 1) & (p->slots_capacity - 1))
        if (p->slots[at] == hash)
            return;
    p->slots[at] = hash;
    p->slots_count++;
}

static bool is_identity(const struct watched *w, size_t column)
{
    for (size_t i = 0; i < w->nidentity; i++)
        if (w->identity[i] == column)
            return true;
    return false;
}

/* One image, as an insert or a delete. */
static void add_image(struct plan *p, struct plan_stream *s, enum plan_kind kind,
                      const struct db_result *res, size_t row)
{
    const struct watched *w = &p->now;
    struct plan_value *values = arena_array(p->arena, w->ncolumns + 1, sizeof *values);
    for (size_t i = 0; i < w->ncolumns; i++) {
        const char *text = masked(p, w->columns[i], db_result_text(res, row, i));
        values[i] = (struct plan_value){.column = w->columns[i],
                                        .before = kind == PLAN_DELETE ? text : NULL,
                                        .after = kind == PLAN_DELETE ? NULL : text,
                                        .is_key = is_identity(w, i)};
    }
    add_change(p, s, kind, values, w->ncolumns);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Of an update the key and what changes; none when a row was only written again. */
static void add_update(struct plan *p, struct plan_stream *s, const struct db_result *before,
                       size_t row, const struct db_result *after)
{
    const struct watched *w = &p->now;
    struct plan_value *values = arena_array(p->arena, w->ncolumns + 1, sizeof *values);
    size_t n = 0, changed = 0;
    for (size_t i = 0; i < w->ncolumns; i++) {
        const char *was = db_result_text(before, row, i), *is = db_result_text(after, 0, i);
        bool same = same_text(was, is);
        if (same && !is_identity(w, i))
            continue;
        changed += !same;
        values[n++] = (struct plan_value){w->columns[i], masked(p, w->columns[i], was),
                                          masked(p, w->columns[i], is), is_identity(w, i)};
    }
    if (changed > 0)
        add_change(p, s, PLAN_UPDATE, values, n);
}

/* The version that came for one that went. */
static int look_up(const struct plan *p, const struct stream_context *ctx,
                   const struct db_result *before, size_t row, struct db_result **ret,
                   struct error *err)
{
    const struct watched *w = &p->now;
    const char *params[64];
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_adds(&sql, "select ");
    add_columns(w, &sql);
    strbuf_addf(&sql, " from %s t where ", w->quoted);
    for (size_t i = 0; i < w->nidentity; i++) {
        params[i] = db_result_text(before, row, w->identity[i]);
        strbuf_addf(&sql, "%st.", i > 0 ? " and " : "");
        db_quote_identifier(&sql, w->columns[w->identity[i]]);
        strbuf_addf(&sql, " = $%zu::text::%s", i + 1, w->types[w->identity[i]]);
    }
    strbuf_adds(&sql, " limit 1");
    return db_query(ctx->db, sql.data, params, w->nidentity, ret, err);
}

static int take_before(struct plan *p, struct plan_stream *s, const struct stream_context *ctx,
                       const struct db_result *res, size_t row, size_t *lookups, struct error *err)
{
    const struct watched *w = &p->now;
    if (w->nidentity > 0)
        put_slot(p, identity_hash(w, res, row));
    if (w->nidentity == 0) {
        if (!is_full(p, s, PLAN_DELETE))
            add_image(p, s, PLAN_DELETE, res, row);
        return 0;
    }
    if ((is_full(p, s, PLAN_DELETE) && is_full(p, s, PLAN_UPDATE)) || *lookups == LOOKUPS_MAX)
        return 0;
    AUTO_RESULT struct db_result *after = NULL;
    (*lookups)++;
    TRY(look_up(p, ctx, res, row, &after, err));
    if (db_result_rows(after) == 0 && !is_full(p, s, PLAN_DELETE))
        add_image(p, s, PLAN_DELETE, res, row);
    else if (db_result_rows(after) > 0 && !is_full(p, s, PLAN_UPDATE))
        add_update(p, s, res, row, after);
    return 0;
}

static int read_before(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    struct plan_stream *s = stream_of(p, ctx);
    size_t lookups = 0;
    for (;;) {
        AUTO_RESULT struct db_result *res = NULL;
        TRY(db_query(ctx->db, "fetch " FETCH_ROWS " from diner_before", DB_NO_PARAMS, &res, err));
        size_t n = db_result_rows(res);
        if (n == 0)
            break;
        for (size_t i = 0; i < n; i++)
            TRY(take_before(p, s, ctx, res, i, &lookups, err));
    }
    return db_execute(ctx->db, "close diner_before", DB_NO_PARAMS, NULL, err);
}

/* Versions that came and had none before. */
static int read_after(struct plan *p, const struct stream_context *ctx, struct error *err)
{
    struct plan_stream *s = stream_of(p, ctx);
    const struct watched *w = &p->now;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_adds(&sql, "declare diner_after no scroll cursor for select ");
    add_columns(w, &sql);
    strbuf_addf(&sql, " from %s t where age(t.xmin) <= age('%s'::xid)", w->quoted, w->boundary);
    TRY(db_execute(ctx->db, sql.data, DB_NO_PARAMS, NULL, err));
    while (!is_full(p, s, PLAN_INSERT)) {
        AUTO_RESULT struct db_result *res = NULL;
        TRY(db_query(ctx->db, "fetch " FETCH_ROWS " from diner_after", DB_NO_PARAMS, &res, err));
        size_t n = db_result_rows(res);
        if (n == 0)
            break;
        for (size_t i = 0; i < n && !is_full(p, s, PLAN_INSERT); i++)
            if (w->nidentity == 0 || !has_slot(p, identity_hash(w, res, i)))
                add_image(p, s, PLAN_INSERT, res, i);
    }
    return db_execute(ctx->db, "close diner_after", DB_NO_PARAMS, NULL, err);
}

/* Rows are shown as they differ; how they get there is another matter. */
static void add_swap(struct plan *p, const struct stream_context *ctx)
{
    AUTO_STRBUF struct strbuf sql = {0};
    if (strcmp(ynode_text(ctx->stream->target_node, "load", ""), "swap") != 0)
        return;
    strbuf_init(&sql, 4096);
    strbuf_addf(&sql, "-- load: swap: a new table with all rows takes the place of %s",
                p->now.quoted);
    add_ddl(p, stream_of(p, ctx), &sql);
}

/* ---- watching --------------------------------------------------------------------------- */

static int before_target(void *self, const struct stream_context *ctx, struct error *err)
{
    struct plan *p = self;
    AUTO_STRBUF struct strbuf quoted = {0};
    if (ctx->stream->target != &target_postgres)
        return 0;
    strbuf_init(&quoted, 1024);
    p->now =
        (struct watched){.schema = ynode_text(ctx->stream->target_node, "schema", "public"),
                         .table = ynode_text(ctx->stream->target_node, "table", ctx->stream->name)};
    db_quote_qualified(&quoted, p->now.schema, p->now.table);
    p->now.quoted = arena_strdup(p->arena, quoted.data);
    return read_shape(p, ctx, &p->now.before, err);
}

static int before_merge(void *self, const struct stream_context *ctx, const char *staged,
                        const struct stream_counts *counts, struct error *err)
{
    struct plan *p = self;
    (void)staged;
    (void)counts;
    if (p->rows == 0)
        return 0;
    p->slots_count = p->slots_capacity = 0;
    free(p->slots);
    p->slots = NULL;
    TRY(find_columns(p, ctx, err));
    TRY(mark_boundary(p, ctx, err));
    p->now.is_looked_at = true;
    return p->now.before.count > 0 ? open_before(p, ctx, err) : 0;
}

static int after_merge(void *self, const struct stream_context *ctx,
                       const struct stream_counts *counts, struct error *err)
{
    struct plan *p = self;
    bool is_new = p->now.before.count == 0;
    (void)counts;
    if (ctx->stream->target != &target_postgres)
        return 0;
    TRY(compare_shapes(p, ctx, err));
    if (!is_new)
        add_swap(p, ctx);
    if (!p->now.is_looked_at)
        return 0;
    if (!is_new)
        TRY(read_before(p, ctx, err));
    return read_after(p, ctx, err);
}

/* What an API would be sent. */
static int see_row(void *self, const struct stream_context *ctx, const struct cell *cells,
                   struct error *err)
{
    struct plan *p = self;
    const struct stream_spec *s = ctx->stream;
    (void)err;
    if (s->target != &target_rest || p->rows == 0)
        return 0;
    struct plan_stream *seen = stream_of(p, ctx);
    if (is_full(p, seen, PLAN_SEND))
        return 0;
    struct plan_value *values = arena_array(p->arena, s->ncolumns + 1, sizeof *values);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct span text = SPAN("");
        bool is_null = false;
        bool known = column_canonical(ctx->reader, i, &cells[i], &text, &is_null) == NULL;
        const char *value = known && !is_null ? arena_strndup(p->arena, text.ptr, text.len) : NULL;
        values[i] = (struct plan_value){.column = arena_strdup(p->arena, s->columns[i].name),
                                        .after = masked(p, s->columns[i].name, value)};
    }
    add_change(p, seen, PLAN_SEND, values, s->ncolumns);
    return 0;
}

struct plan *plan_new(int64_t rows, bool raw)
{
    struct plan *p = mem_alloc(sizeof *p);
    p->arena = arena_new();
    p->rows = rows;
    p->raw = raw;
    p->watch = (struct stream_watch){.self = p,
                                     .row = see_row,
                                     .begin = before_target,
                                     .staged = before_merge,
                                     .merged = after_merge};
    return p;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->nstreams; i++) {
        free((void *)p->streams[i].ddl);
        free(p->streams[i].changes);
    }
    free(p->streams);
    free(p->slots);
    arena_free(p->arena);
    free(p);
}

const struct stream_watch *plan_watch(struct plan *p)
{
    return &p->watch;
}

const struct plan_stream *plan_of(const struct plan *p, const char *pipeline, const char *stream)
{
    for (size_t i = 0; i < p->nstreams; i++)
        if (strcmp(p->streams[i].pipeline, pipeline) == 0 &&
            strcmp(p->streams[i].stream, stream) == 0)
            return &p->streams[i];
    return NULL;
}

/* ---- printing --------------------------------------------------------------------------- */

void plan_ddl_json(const struct plan_stream *s, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_array(&w);
    for (size_t i = 0; s != NULL && i < s->nddl; i++)
        jwriter_string(&w, s->ddl[i]);
    jwriter_end(&w);
}

enum side { SIDE_KEY, SIDE_BEFORE, SIDE_AFTER };

static void write_side(struct jwriter *w, const struct plan_change *c, enum side side)
{
    static const char *const names[] = {"key", "before", "after"};
    jwriter_key(w, names[side]);
    jwriter_object(w);
    for (size_t i = 0; i < c->nvalues; i++) {
        const struct plan_value *v = &c->values[i];
        if ((side == SIDE_KEY) == v->is_key)
            jwriter_kstring(w, v->column,
                            side == SIDE_BEFORE || (side == SIDE_KEY && v->after == NULL)
                                ? v->before
                                : v->after);
    }
    jwriter_end(w);
}

void plan_changes_json(const struct plan_stream *s, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_array(&w);
    for (size_t i = 0; s != NULL && i < s->nchanges; i++) {
        const struct plan_change *c = &s->changes[i];
        jwriter_object(&w);
        jwriter_kstring(&w, "kind", plan_kind_names[c->kind]);
        write_side(&w, c, SIDE_KEY);
        if (c->kind == PLAN_UPDATE || c->kind == PLAN_DELETE)
            write_side(&w, c, SIDE_BEFORE);
        if (c->kind != PLAN_DELETE)
            write_side(&w, c, SIDE_AFTER);
        jwriter_end(&w);
    }
    jwriter_end(&w);
}

static void print_value(struct strbuf *out, const char *value)
{
    static const size_t shown = 60;
    size_t n = value != NULL ? strlen(value) : 0;
    for (size_t i = 0; i < n && i < shown; i++)
        strbuf_addch(out, (unsigned char)value[i] < 0x20 || value[i] == 0x7F ? ' ' : value[i]);
    strbuf_adds(out, value == NULL ? "null" : n > shown ? "..." : n == 0 ? "''" : "");
}

static void print_change(const struct plan_change *c, struct strbuf *out)
{
    static const char marks[] = {'+', '~', '-', '>'};
    strbuf_addf(out, "  %c ", marks[c->kind]);
    for (size_t i = 0; i < c->nvalues; i++) {
        const struct plan_value *v = &c->values[i];
        strbuf_addf(out, "%s%s: ", i > 0 ? "  " : "", v->column);
        if (c->kind == PLAN_UPDATE && !v->is_key) {
            print_value(out, v->before);
            strbuf_adds(out, " -> ");
        }
        print_value(out, c->kind == PLAN_DELETE ? v->before : v->after);
    }
    strbuf_addch(out, '\n');
}

static void print_statement(const char *sql, struct strbuf *out)
{
    strbuf_adds(out, "  ");
    for (const char *c = sql; *c != '\0'; c++) {
        strbuf_addch(out, *c);
        if (*c == '\n')
            strbuf_adds(out, "  ");
    }
    strbuf_adds(out, ";\n");
}

static void print_stream(const struct plan_stream *s, struct strbuf *out)
{
    if (s->nddl + s->nchanges == 0)
        return;
    strbuf_addf(out, "\n%s.%s\n", s->pipeline, s->stream);
    for (size_t i = 0; i < s->nddl; i++)
        print_statement(s->ddl[i], out);
    for (int kind = 0; kind < PLAN_KINDS; kind++)
        for (size_t i = 0; i < s->nchanges; i++)
            if ((int)s->changes[i].kind == kind)
                print_change(&s->changes[i], out);
}

void plan_print(const struct plan *p, struct strbuf *out)
{
    for (size_t i = 0; i < p->nstreams; i++)
        print_stream(&p->streams[i], out);
}
