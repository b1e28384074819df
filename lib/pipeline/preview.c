/* `diner pipeline preview`: the first rows of a stream as they would be loaded. */
#include "core/clock.h"
#include "core/secret.h"
#include "pipeline/column.h"
#include "pipeline/run_private.h"
#include "pipeline/slice.h"

typedef int (*preview_row)(void *self, const struct stream_spec *s, const char *const *values,
                           const char *fault, struct error *err);

static int show_row(const struct stream_context *ctx, const struct source_row *row,
                    preview_row callback, void *self, struct error *err)
{
    const size_t n = ctx->stream->ncolumns;
    const char **values = arena_array(ctx->arena, n + 1, sizeof *values);
    const char *fault = row->fault;
    for (size_t i = 0; i < n; i++) {
        struct span text = SPAN("");
        bool is_null = false;
        const char *bound = stream_bound(ctx, i);
        const struct cell cell =
            bound != NULL ? (struct cell){CELL_CLEAN, span_of(bound)} : row->cells[i];
        const char *reason = column_canonical(ctx->reader, i, &cell, &text, &is_null);
        if (reason != NULL && fault == NULL)
            fault = arena_printf(ctx->arena, "%s: %s", ctx->stream->columns[i].name, reason);
        if (reason != NULL)
            text = cell.text;
        values[i] = is_null ? NULL : arena_strndup(ctx->arena, text.ptr, text.len);
    }
    return callback(self, ctx->stream, values, fault, err);
}

static int read_some(struct stream_context *ctx, preview_row callback, void *self,
                     struct error *err)
{
    const struct source_ops *ops = ctx->stream->source;
    struct column_habits habits = {0};
    struct source *source;
    struct source_row row;
    bool end = false;
    if (ops->habits != NULL)
        ops->habits(ctx, &habits);
    TRY(ops->open(ctx, &source, err));
    int keys = column_keys_resolve(ctx->stream->columns, ctx->stream->ncolumns, err);
    if (keys != 0) {
        ops->close(source);
        return keys;
    }
    ctx->reader = column_reader_new(ctx->stream->columns, ctx->stream->ncolumns, &habits);
    int code = 0;
    for (int64_t i = 0; i < ctx->preview_rows && code == 0 && !end; i++) {
        code = ops->next(source, &row, &end, err);
        if (code == 0 && !end)
            code = show_row(ctx, &row, callback, self, err);
    }
    column_reader_free(ctx->reader);
    ops->close(source);
    return code;
}

/* The first child stands for all. */
static int take_child(struct run *run, struct stream_context *ctx, struct slices **ret,
                      struct error *err)
{
    const struct for_each_spec *each = ctx->stream->for_each;
    struct slice slice;
    bool end;
    *ret = NULL;
    if (each == NULL)
        return 0;
    TRY(run_choose_connection(run, err));
    TRY(run_open_connection(run, err));
    if (slices_open(run, ctx->stream, ret, err) != 0) {
        if (each->stream != NULL)
            error_hint(err, "its children are rows of '%s': load them by  diner run %s --only %s",
                       each->stream, run->pipeline->name, each->stream);
        return err->code;
    }
    if (slices_units(*ret) == 0)
        return error_set(err, ERR_NOT_FOUND, "stream '%s': for_each gives no children",
                         ctx->stream->name);
    TRY(slices_begin(*ret, 0, err));
    TRY(slices_next(*ret, &slice, &end, err));
    if (end)
        return error_set(err, ERR_NOT_FOUND, "stream '%s': there is nothing to read yet",
                         ctx->stream->name);
    ctx->child = arena_strdup(ctx->arena, slice.child);
    struct field_string_map *items = arena_alloc(ctx->arena, sizeof *items);
    *items = slice.items;
    ctx->items = items;
    ctx->window_days = slice.days;
    return 0;
}

int run_preview(const char *name, const char *stream, int64_t rows,
                const struct run_options *options, preview_row callback, void *self,
                struct error *err)
{
    struct pipeline *p;
    struct pipeline_options load = {.params = options->params, .now_us = clock_wall_us()};
    TRY(pipeline_load(name, options->config, &load, &p, NULL, err));
    struct stream_context ctx = {.pipeline = p,
                                 .config = options->config,
                                 .builtins = options->builtins,
                                 .arena = arena_new(),
                                 .dry_run = true,
                                 .window_start = options->from,
                                 .window_end = options->to,
                                 .preview_rows = rows};
    int code = pipeline_stream(p, stream, &ctx.stream, err);
    if (code == 0) {
        ctx.var_values = arena_array(ctx.arena, ctx.stream->vars.count + 1, sizeof(char *));
        if (ctx.window_start == NULL && ctx.stream->incremental != NULL)
            ctx.window_start = ctx.stream->incremental->start;
        char *now = arena_alloc(ctx.arena, DATETIME_ISO_MAX);
        datetime_print(load.now_us, NULL, now);
        if (ctx.window_end == NULL)
            ctx.window_end = now;
        struct run_options own = *options;
        own.full_refresh = true; /* from `start`, whatever was loaded */
        struct run run = {.options = &own, .pipeline = p, .started_us = load.now_us};
        struct slices *slices = NULL;
        code = take_child(&run, &ctx, &slices, err);
        if (code == 0)
            code = read_some(&ctx, callback, self, err);
        slices_close(slices);
        db_close(run.db);
    }
    arena_free(ctx.arena);
    pipeline_free(p);
    return code;
}
