/* Texts and SQL of a stream with their ${...} filled in, and the sum that must hold. */
#include "pipeline/stream.h"

#include "core/message.h"
#include "schema/interpolate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *stream_item(const struct stream_context *ctx, const char *name)
{
    for (size_t i = 0; ctx->items != NULL && i < ctx->items->count; i++)
        if (strcmp(ctx->items->keys[i], name) == 0)
            return ctx->items->values[i];
    return NULL;
}

const char *stream_bound(const struct stream_context *ctx, size_t column)
{
    const char *from = ctx->stream->columns[column].from;
    return from[0] == '$' ? stream_item(ctx, from + 1) : NULL;
}

struct bizday stream_days(const struct stream_context *ctx)
{
    return ctx->window_days.zone != NULL ? ctx->window_days : ctx->pipeline->bizday;
}

/* An edge of the window as APIs want it: RFC 3339, _s and _ms since 1970, _local in the zone of the
 * window without saying so. */
static const char *edge_as(const struct stream_context *ctx, const char *edge, const char *form,
                           bool *ret_known)
{
    struct datetime t;
    if (form[0] == '\0')
        return edge;
    *ret_known = datetime_parse_iso(edge, strlen(edge), &t);
    if (!*ret_known)
        return NULL;
    if (strcmp(form, "_s") == 0)
        return arena_printf(ctx->arena, "%" PRId64, t.us / 1000000);
    if (strcmp(form, "_ms") == 0)
        return arena_printf(ctx->arena, "%" PRId64, t.us / 1000);
    *ret_known = strcmp(form, "_local") == 0;
    const struct bizday days = stream_days(ctx);
    struct civil c;
    civil_from_us(zone_utc_to_local(days.zone, t.us), &c);
    return arena_printf(ctx->arena, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                        c.minute, c.second);
}

int stream_window(const struct stream_context *ctx, enum db_kind kind, const struct zone *zone,
                  struct stream_edges *ret, struct error *err)
{
    const struct bizday days = stream_days(ctx);
    const char *const edges[2] = {ctx->window_start, ctx->window_end};
    if (zone == NULL)
        zone = days.zone;
    ret->type = kind == DB_DATE ? "date" : kind == DB_TIMESTAMP ? "timestamp" : "timestamptz";
    for (int i = 0; i < 2; i++) {
        char *text = arena_alloc(ctx->arena, DATETIME_ISO_MAX);
        struct datetime t;
        if (edges[i] == NULL || !datetime_parse_iso(edges[i], strlen(edges[i]), &t))
            return error_set(err, ERR_SPEC, "the window's edge '%s' is not a time",
                             edges[i] != NULL ? edges[i] : "");
        int64_t us = t.has_zone ? t.us : zone_local_to_utc(zone, t.us);
        if (kind == DB_DATE && !t.has_zone && !t.has_time)
            snprintf(text, DATETIME_ISO_MAX, "%s", edges[i]);
        else if (kind == DB_DATE) /* the day after the last that is touched */
            date_print(bizday_of(&days, us - i) + i, text);
        else if (kind != DB_TIMESTAMP)
            datetime_print(us, NULL, text);
        else /* there and back, a local time that clocks skip would be another one */
            datetime_print(t.has_zone ? zone_utc_to_local(zone, us) : t.us, NULL, text);
        ret->us[i] = us;
        ret->text[i] = text;
        ret->start_is_local = i == 0 ? !t.has_zone : ret->start_is_local;
    }
    return 0;
}

/* The value of params.x, vars.x, window.start, run.id; NULL for an unknown name. *ret_known tells
 * a known name without a value from an unknown one. */
static const char *value_of(const struct stream_context *ctx, const char *name, bool *ret_known)
{
    *ret_known = true;
    if (strncmp(name, "params.", 7) == 0) {
        for (size_t i = 0; i < ctx->pipeline->params.count; i++)
            if (strcmp(ctx->pipeline->params.names[i], name + 7) == 0)
                return ctx->pipeline->param_values[i];
    } else if (strncmp(name, "vars.", 5) == 0 && ctx->stream != NULL && ctx->var_values != NULL) {
        for (size_t i = 0; i < ctx->stream->vars.count; i++)
            if (strcmp(ctx->stream->vars.keys[i], name + 5) == 0)
                return ctx->var_values[i];
    } else if (strncmp(name, "item.", 5) == 0 && ctx->items != NULL) {
        return stream_item(ctx, name + 5);
    } else if (strncmp(name, "split.", 6) == 0 && ctx->split != NULL) {
        for (size_t i = 0; i < ctx->split->count; i++)
            if (strcmp(ctx->split->keys[i], name + 6) == 0)
                return ctx->split->values[i];
    } else if (strcmp(name, "window.day") == 0 && ctx->window_day != NULL) {
        return ctx->window_day;
    } else if (strncmp(name, "window.start", 12) == 0 && ctx->window_start != NULL) {
        return edge_as(ctx, ctx->window_start, name + 12, ret_known);
    } else if (strncmp(name, "window.end", 10) == 0 && ctx->window_end != NULL) {
        return edge_as(ctx, ctx->window_end, name + 10, ret_known);
    } else if (strcmp(name, "run.id") == 0) {
        return arena_printf(ctx->arena, "%" PRId64, ctx->run_id);
    }
    *ret_known = false;
    return NULL;
}

struct text_binding {
    const struct stream_context *ctx;
};

static enum interpolate_result resolve_text(void *self, const char *name, const char **ret_value)
{
    const struct text_binding *b = self;
    bool known;
    const char *value = value_of(b->ctx, name, &known);
    if (!known)
        return INTERPOLATE_UNDEFINED;
    *ret_value = value != NULL ? value : "";
    return INTERPOLATE_VALUE;
}

int stream_text(const struct stream_context *ctx, const char *text, const char **ret,
                struct error *err)
{
    if (text == NULL || strstr(text, "${") == NULL) {
        *ret = text;
        return 0;
    }
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    struct text_binding binding = {ctx};
    TRY(interpolate_text(text, resolve_text, &binding, &out, err));
    *ret = arena_strndup(ctx->arena, out.data, out.len);
    return 0;
}

struct sql_binding {
    const struct stream_context *ctx;
    struct bound_sql *sql;
    const char **names; /* NULL: values are put in as literals */
};

/* ${params.x} becomes $n, the same n for the same name; ${staged} is put in as it is. */
static enum interpolate_result resolve_sql(void *self, const char *name, const char **ret_value)
{
    struct sql_binding *b = self;
    bool known;
    if (strcmp(name, "staged") == 0) {
        *ret_value = b->ctx->staged != NULL ? b->ctx->staged : "pg_temp.diner_stage";
        return INTERPOLATE_VALUE;
    }
    const char *value = value_of(b->ctx, name, &known);
    if (!known)
        return INTERPOLATE_UNDEFINED;
    if (b->names == NULL) {
        AUTO_STRBUF struct strbuf literal = {0};
        strbuf_init(&literal, 4 << 20);
        if (value != NULL)
            db_quote_literal(&literal, value);
        *ret_value = value != NULL ? arena_strdup(b->ctx->arena, literal.data) : "null";
        return INTERPOLATE_VALUE;
    }
    size_t i = 0;
    while (i < b->sql->nparams && strcmp(b->names[i], name) != 0)
        i++;
    if (i == 32)
        return INTERPOLATE_UNDEFINED;
    if (i == b->sql->nparams) {
        b->names[i] = arena_strdup(b->ctx->arena, name);
        b->sql->params[i] = value;
        b->sql->nparams++;
    }
    *ret_value = arena_printf(b->ctx->arena, "$%zu", i + 1);
    return INTERPOLATE_VALUE;
}

int stream_sql(const struct stream_context *ctx, const char *sql, struct bound_sql *ret,
               struct error *err)
{
    struct bound_sql bound = {.params = arena_array(ctx->arena, 32, sizeof(char *))};
    struct sql_binding binding = {ctx, &bound, arena_array(ctx->arena, 32, sizeof(char *))};
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4 << 20);
    TRY(interpolate_text(sql, resolve_sql, &binding, &out, err));
    bound.sql = arena_strndup(ctx->arena, out.data, out.len);
    *ret = bound;
    return 0;
}

int stream_sql_text(const struct stream_context *ctx, const char *sql, const char **ret,
                    struct error *err)
{
    struct bound_sql bound = {0};
    struct sql_binding binding = {ctx, &bound, NULL};
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4 << 20);
    TRY(interpolate_text(sql, resolve_sql, &binding, &out, err));
    *ret = arena_strndup(ctx->arena, out.data, out.len);
    return 0;
}

void stream_blame_sql(struct error *err)
{
    bool is_own = strncmp(err->sqlstate, "42", 2) == 0 && strcmp(err->sqlstate, "42501") != 0 &&
                  err->code != ERR_DATABASE_TRANSIENT; /* of stage_not_created */
    if (is_own || strcmp(err->sqlstate, "3F000") == 0)
        err->code = ERR_SPEC;
}

bool stream_fell_back(const struct stream_context *ctx)
{
    return ctx->fallback == NULL || ctx->fallback->is_on;
}

bool stream_can_read_again(const struct stream_context *ctx)
{
    const struct ynode *file = ynode_get(ctx->stream->source_node, "file");
    const char *text;
    struct error ignored = ERROR_INIT;
    struct stat st;
    if (ctx->stream->source != &source_file || file == NULL)
        return true;
    if (stream_text(ctx, file->text, &text, &ignored) != 0 || strcmp(text, "-") == 0)
        return false;
    if (*text != '/')
        text = arena_printf(ctx->arena, "%s/%s", ctx->pipeline->directory, text);
    return stat(text, &st) != 0 || S_ISREG(st.st_mode); /* a glob is of files */
}

int stream_fall_back(const struct stream_context *ctx, struct error *err, const char *format, ...)
{
    AUTO_STRBUF struct strbuf why = {0};
    va_list args;
    strbuf_init(&why, 4096);
    va_start(args, format);
    strbuf_addv(&why, message_text(format), args);
    va_end(args);
    if (stream_fell_back(ctx))
        return error_set(err, ERR_BUG, "%s", why.data);
    ctx->fallback->is_wanted = true;
    return error_set(err, ERR_CONFLICT, "%s", why.data);
}

int stream_counts_check(const struct stream_counts *c, struct error *err)
{
    int64_t accounted = c->inserted + c->updated + c->unchanged + c->superseded + c->rejected +
                        c->skipped + c->accepted;
    if (c->read == accounted)
        return 0;
    return error_set(err, ERR_BUG,
                     "%" PRId64 " rows read but %" PRId64 " accounted for (inserted %" PRId64
                     ", updated %" PRId64 ", unchanged %" PRId64 ", superseded %" PRId64
                     ", rejected %" PRId64 ", skipped %" PRId64 ", accepted %" PRId64 ")",
                     c->read, accounted, c->inserted, c->updated, c->unchanged, c->superseded,
                     c->rejected, c->skipped, c->accepted);
}
