#include "pipeline/source/rest_figures.h"

#include "format/jpull.h"
#include "pipeline/column.h"

#include <stdlib.h>
#include <string.h>

#define SUMS_MAX 8

struct rest_figures {
    const struct stream_context *ctx;
    const struct reconcile_spec *spec;
    const char *rows;           /* text as stated; NULL: not yet */
    const char *sums[SUMS_MAX]; /* by spec->sum */
};

static const struct reconcile_spec *asked(const struct stream_context *ctx)
{
    const struct reconcile_spec *r = ctx->stream->reconcile;
    return r != NULL && r->against == NULL ? r : NULL;
}

struct rest_figures *rest_figures_new(const struct stream_context *ctx)
{
    if (asked(ctx) == NULL)
        return NULL;
    struct rest_figures *f = arena_alloc(ctx->arena, sizeof *f);
    *f = (struct rest_figures){.ctx = ctx, .spec = asked(ctx)};
    return f;
}

static int look_up(const struct rest_figures *f, struct span body, const char *pointer,
                   const char **text, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value value;
    strbuf_init(&scratch, 1 << 20);
    TRY(jpull_find(body, pointer, &value, &scratch, err));
    if (value.kind == JPULL_NONE || value.kind == JPULL_NULL)
        return 0;
    if (value.kind != JPULL_NUMBER && value.kind != JPULL_STRING)
        return error_set(err, ERR_CHECK, "reconcile: '%s' is neither a number nor a text", pointer);
    *text = arena_strndup(f->ctx->arena, value.text.ptr, value.text.len);
    return 0;
}

int rest_figures_page(struct rest_figures *f, struct span body, struct error *err)
{
    if (f == NULL)
        return 0;
    if (f->spec->rows != NULL)
        TRY(look_up(f, body, f->spec->rows, &f->rows, err));
    for (size_t i = 0; i < f->spec->sum.count && i < SUMS_MAX; i++)
        TRY(look_up(f, body, f->spec->sum.values[i], &f->sums[i], err));
    return 0;
}

static int stated(const char *text, const char *pointer, struct error *err)
{
    return text != NULL ? 0 : error_set(err, ERR_CHECK, "reconcile: no answer has '%s'", pointer);
}

int rest_figures_finish(const struct rest_figures *f, struct source_summary *ret, struct error *err)
{
    if (f == NULL)
        return 0;
    if (f->spec->rows != NULL) {
        char *end;
        TRY(stated(f->rows, f->spec->rows, err));
        ret->expect_rows = strtoll(f->rows, &end, 10);
        ret->rows_are_exact = true;
        if (end == f->rows || *end != '\0' || ret->expect_rows < 0)
            return error_set(err, ERR_CHECK, "reconcile: '%s' is no number of rows: '%s'",
                             f->spec->rows, f->rows);
    }
    for (size_t i = 0; i < f->spec->sum.count && i < SUMS_MAX; i++) {
        struct span text = SPAN("");
        bool is_null = true;
        TRY(stated(f->sums[i], f->spec->sum.values[i], err));
        int column = stream_column(f->ctx->stream, f->spec->sum.keys[i]);
        /* Read as the column's values are: a total in cents is one. */
        const struct cell cell = {CELL_CLEAN, span_of(f->sums[i])};
        if (column_clean(f->ctx->reader, (size_t)column, &cell, &text, &is_null) != NULL ||
            is_null || !decimal_parse(text.ptr, text.len, &ret->sums[i]))
            return error_set(err, ERR_CHECK, "reconcile: '%s' is no amount: '%s'",
                             f->spec->sum.values[i], f->sums[i]);
        ret->sum_columns[i] = f->spec->sum.keys[i];
        ret->nsums = i + 1;
    }
    return 0;
}

size_t rest_figures_columns(const struct stream_context *ctx, const char **ret_columns)
{
    const struct reconcile_spec *r = asked(ctx);
    size_t n = 0;
    for (; r != NULL && n < r->sum.count && n < SUMS_MAX; n++)
        ret_columns[n] = r->sum.keys[n];
    return n;
}
