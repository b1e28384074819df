#include "pipeline/reject.h"

#include "core/hashmap.h"
#include "core/message.h"
#include "core/sha256.h"
#include "format/encoding.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "pipeline/column.h"
#include "pipeline/reject_scope.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_AFTER_ROWS   1000
#define RATE_FREE_REJECTS 10

struct rejects *rejects_new(void)
{
    struct rejects *r = mem_alloc(sizeof *r);
    r->arena = arena_new();
    return r;
}

void rejects_free(struct rejects *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    free(r->items);
    free(r);
}

/* PostgreSQL text takes neither NUL nor broken UTF-8: such bytes are kept as \xNN. */
static const char *storable(struct arena *arena, struct span s)
{
    if (memchr(s.ptr, 0, s.len) == NULL && utf8_is_valid(s.ptr, s.len))
        return arena_strndup(arena, s.ptr, s.len);
    struct strbuf out;
    strbuf_init(&out, s.len * 4 + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80 || c == 0)
            strbuf_addf(&out, "\\x%02X", c);
        else
            strbuf_addch(&out, (char)c);
    }
    const char *text = arena_strndup(arena, out.data, out.len);
    strbuf_release(&out);
    return text;
}

void rejects_add(struct rejects *r, const struct reject *reject)
{
    r->items = mem_grow(r->items, &r->capacity, r->count + 1, sizeof *r->items);
    struct reject *to = &r->items[r->count++];
    *to = *reject;
    to->origin = arena_strdup(r->arena, reject->origin);
    to->identity =
        arena_strdup(r->arena, reject->identity != NULL ? reject->identity : reject->origin);
    to->column = arena_strdup(r->arena, reject->column);
    to->reason = arena_strdup(r->arena, reject->reason);
    to->raw = storable(r->arena, span_of(reject->raw != NULL ? reject->raw : ""));
    to->value = reject->value != NULL ? storable(r->arena, span_of(reject->value)) : NULL;
    to->key = arena_strdup(r->arena, reject->key != NULL ? reject->key : "{}");
    to->cells = arena_strdup(r->arena, reject->is_staged ? reject->raw : reject->cells);
}

/* The cells as read, by column: what a replay reads. NULL when they are not texts that PostgreSQL
 * can keep. */
static const char *cells_json(struct rejects *r, const struct stream_context *ctx,
                              const struct source_row *row)
{
    const struct stream_spec *s = ctx->stream;
    AUTO_STRBUF struct strbuf out = {0};
    struct jwriter w;
    if (row->fault != NULL)
        return NULL;
    strbuf_init(&out, 64 << 20);
    jwriter_init(&w, &out);
    jwriter_object(&w);
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct cell *c = &row->cells[i];
        jwriter_key(&w, s->columns[i].name);
        if (c->form == CELL_NULL)
            jwriter_null(&w);
        else if (c->form == CELL_BINARY || memchr(c->text.ptr, 0, c->text.len) != NULL ||
                 !utf8_is_valid(c->text.ptr, c->text.len))
            return NULL;
        else
            jwriter_span(&w, c->text);
    }
    jwriter_end(&w);
    return out.overflow ? NULL : arena_strndup(r->arena, out.data, out.len);
}

/* The key columns that can be read, so that SQL can leave rejected keys alone; and those that tell
 * of which part of the table the row is. In a record that is damaged itself (a quote, a missing
 * field) they may be those of another row. */
static bool read_key(const struct stream_context *ctx, const struct source_row *row,
                     struct strbuf *out)
{
    const struct stream_spec *s = ctx->stream;
    struct jwriter w;
    bool whole = s->key.count > 0 && row->fault == NULL;
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < s->ncolumns; i++) {
        bool in_key = s->key.count == 0 && s->columns[i].required;
        for (size_t k = 0; k < s->key.count; k++)
            in_key |= strcmp(s->key.items[k], s->columns[i].name) == 0;
        const bool in_scope = reject_scope_has(s, ctx->arena, s->columns[i].name);
        if ((!in_key && !in_scope) || (in_scope && row->fault != NULL))
            continue;
        struct span text = SPAN("");
        bool is_null = true;
        if (column_canonical(ctx->reader, i, &row->cells[i], &text, &is_null) != NULL || is_null) {
            whole &= !in_key;
            continue;
        }
        jwriter_key(&w, s->columns[i].name);
        jwriter_span(&w, text);
    }
    jwriter_end(&w);
    return whole;
}

/* The columns `names` as far as they can be read: "PREFIXn": text. False when one cannot. */
static bool read_figures(const struct stream_context *ctx, const struct source_row *row,
                         const char *prefix, const char *const *names, size_t count,
                         struct jwriter *w)
{
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        struct span text = SPAN("");
        bool is_null = true;
        char key[24];
        int at = stream_column(ctx->stream, names[i]);
        if (at < 0 ||
            column_canonical(ctx->reader, (size_t)at, &row->cells[at], &text, &is_null) != NULL) {
            whole = false;
            continue;
        }
        snprintf(key, sizeof key, "%s%zu", prefix, i);
        jwriter_key(w, key);
        if (is_null)
            jwriter_null(w);
        else
            jwriter_span(w, text);
    }
    return whole;
}

/* A rejected row was read as well: its group, and its amounts where they can be read. */
static const char *figures_json(struct rejects *r, const struct stream_context *ctx,
                                const struct source_row *row)
{
    const struct reconcile_spec *spec = ctx->stream->reconcile;
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    if (spec == NULL || spec->against == NULL || row->fault != NULL)
        return NULL;
    strbuf_init(&text, 1 << 20);
    jwriter_init(&w, &text);
    jwriter_object(&w);
    bool is_placed =
        read_figures(ctx, row, "b", (const char *const *)spec->by.items, spec->by.count, &w);
    (void)read_figures(ctx, row, "s", (const char *const *)spec->sum.keys, spec->sum.count, &w);
    jwriter_end(&w);
    return is_placed ? arena_strdup(r->arena, text.data) : NULL;
}

void rejects_add_row(struct rejects *r, const struct stream_context *ctx,
                     const struct source_row *row, int column, const char *reason)
{
    AUTO_STRBUF struct strbuf key = {0}, place = {0};
    strbuf_init(&key, 1 << 20);
    strbuf_init(&place, 4096);
    struct reject item = {
        .origin = row->origin, .identity = row->identity, .position = row->position};
    strbuf_adds(&place, reason);
    if (row->fault != NULL && row->fault_column > 0)
        strbuf_addf(&place, " (line %" PRIu64 ", byte %" PRIu64 ")", row->fault_line,
                    row->fault_column);
    item.reason = place.data;
    item.key_is_whole = read_key(ctx, row, &key);
    item.key = key.data;
    item.raw = storable(r->arena, row->raw);
    item.cells = cells_json(r, ctx, row);
    item.figures = figures_json(r, ctx, row);
    if (column >= 0) {
        item.column = ctx->stream->columns[column].name;
        item.value = storable(r->arena, row->cells[column].text);
    }
    rejects_add(r, &item);
}

int rejects_check_budget(const struct rejects *r, const struct stream_context *ctx, int64_t read,
                         bool at_end, struct error *err)
{
    const struct settings *settings = config_settings(ctx->config);
    const struct on_error_spec *spec = &ctx->stream->on_error;
    int64_t max = spec->max_rejects >= 0 ? spec->max_rejects : settings->reject_max_rows;
    int64_t rate = spec->max_reject_rate >= 0 ? spec->max_reject_rate : settings->reject_max_rate;
    int64_t count = (int64_t)r->count;
    bool over_count = count > max;
    bool over_rate = count > RATE_FREE_REJECTS && (at_end || read >= RATE_AFTER_ROWS) &&
                     (double)count * 1e6 > (double)read * (double)rate;
    if (!over_count && !over_rate)
        return 0;
    const struct reject *first = &r->items[0];
    if (over_count)
        error_set(err, ERR_DATA, "%" PRId64 " rows rejected, max_rejects is %" PRId64, count, max);
    else
        error_set(err, ERR_DATA,
                  "%" PRId64 " of %" PRId64 " rows rejected, max_reject_rate is %g%%", count, read,
                  (double)rate / 10000);
    error_hint(
        err, "nothing of it was committed; first: %s:%" PRIu64 ": %s%s%s; see 'diner rejects list'",
        first->origin, first->position, first->column ? first->column : "",
        first->column ? ": " : "", message_text(first->reason));
    return ERR_DATA;
}

/* Hash of origin, record and its occurrence among equals. */
static void identity_of(const struct reject *item, struct hashmap *occurrences, char ret[65])
{
    struct sha256 *h = sha256_new();
    sha256_add(h, item->identity, strlen(item->identity) + 1);
    sha256_add(h, item->raw, strlen(item->raw) + 1);
    sha256_finish(h, ret);
    uintptr_t seen = (uintptr_t)hashmap_gets(occurrences, ret);
    hashmap_puts(occurrences, ret, (void *)(seen + 1)); /* NOLINT: a counter, not an address */
    if (seen > 0)
        snprintf(ret + 48, 17, "-%u", (unsigned)seen);
}

/* Of a replay, the position is the number of the reject. */
static int save_again(const struct rejects *r, const struct stream_context *ctx, struct error *err)
{
    char run[24], id[24];
    snprintf(run, sizeof run, "%" PRId64, ctx->run_id);
    for (size_t i = 0; i < r->count; i++) {
        const struct reject *item = &r->items[i];
        snprintf(id, sizeof id, "%" PRIu64, item->position);
        TRY(db_execute(ctx->db, sql_reject_again,
                       DB_PARAMS(id, run, item->column, item->value, item->reason,
                                 item->is_staged ? NULL : item->cells),
                       NULL, err));
    }
    return 0;
}

int rejects_save(const struct rejects *r, const struct stream_context *ctx, bool run_failed,
                 struct error *err)
{
    char run[24], position[24];
    if (ctx->replay != NULL)
        return save_again(r, ctx, err);
    struct hashmap *occurrences = hashmap_new();
    int code = 0;
    snprintf(run, sizeof run, "%" PRId64, ctx->run_id);
    for (size_t i = 0; i < r->count && code == 0; i++) {
        const struct reject *item = &r->items[i];
        char identity[65];
        identity_of(item, occurrences, identity);
        snprintf(position, sizeof position, "%" PRIu64, item->position);
        code = db_execute(ctx->db, sql_reject_add,
                          DB_PARAMS(ctx->pipeline->name, ctx->stream->name, identity, run,
                                    item->origin, position, item->column, item->value, item->reason,
                                    item->raw, item->key, run_failed ? "true" : "false",
                                    item->cells, item->is_staged ? "true" : "false"),
                          NULL, err);
    }
    hashmap_free(occurrences);
    return code;
}
