/* A draft held against its source, read and converted as a run would do it; no database. */
#include "core/clock.h"
#include "pipeline/guess/draft.h"

#include <string.h>

struct verification {
    struct draft *draft;
    struct stream_context ctx;
    struct key_check *checks[KEYS_MAX];
    struct strbuf scratch;
};

static void count_reject(struct verification *v, uint64_t line, const char *column,
                         const char *reason)
{
    struct draft_check *c = &v->draft->check;
    if (c->rejected < DRAFT_REJECTS_SHOWN)
        c->shown[c->rejected] =
            (struct draft_reject){line, column, arena_strdup(v->draft->arena, reason)};
    c->rejected++;
}

static bool convert_row(struct verification *v, const struct source_row *row)
{
    const struct stream_spec *s = v->ctx.stream;
    if (row->fault != NULL) {
        count_reject(v, row->fault_line != 0 ? row->fault_line : row->position, NULL, row->fault);
        return false;
    }
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_clear(&v->scratch);
        const char *reason = column_encode(v->ctx.reader, i, &row->cells[i], &v->scratch);
        if (reason != NULL) {
            count_reject(v, row->position, arena_strdup(v->draft->arena, s->columns[i].name),
                         reason);
            return false;
        }
    }
    return true;
}

static void check_keys(struct verification *v, const struct source_row *row)
{
    for (size_t k = 0; k < v->draft->nkeys; k++) {
        struct key_candidate *key = &v->draft->keys[k];
        struct span texts[2] = {SPAN(""), SPAN("")};
        for (size_t i = 0; i < key->ncolumns; i++) {
            bool is_null = false;
            (void)column_canonical(v->ctx.reader, key->columns[i], &row->cells[key->columns[i]],
                                   &texts[i], &is_null);
            if (is_null)
                texts[i] = SPAN("");
        }
        key_check_row(v->checks[k], key, texts);
    }
}

static int read_all(struct verification *v, struct source *source, struct error *err)
{
    const struct source_ops *ops = v->ctx.stream->source;
    struct draft_check *c = &v->draft->check;
    struct source_row row;
    bool end = false;
    for (;;) {
        TRY(ops->next(source, &row, &end, err));
        if (end)
            return 0;
        if (c->rows == (uint64_t)v->draft->options->rows_max) {
            c->is_partial = true;
            return 0;
        }
        c->rows++;
        if (convert_row(v, &row))
            check_keys(v, &row);
    }
}

static int read_source(struct verification *v, struct error *err)
{
    const struct source_ops *ops = v->ctx.stream->source;
    struct column_habits habits = {0};
    struct source_summary summary = {0};
    struct source *source;
    if (ops->habits != NULL)
        ops->habits(&v->ctx, &habits);
    TRY(ops->open(&v->ctx, &source, err));
    v->ctx.reader = column_reader_new(v->ctx.stream->columns, v->ctx.stream->ncolumns, &habits);
    int code = read_all(v, source, err);
    if (code == 0)
        code = ops->finish(source, &summary, err);
    v->draft->check.skipped = summary.skipped;
    v->draft->check.rows += summary.skipped;
    column_reader_free(v->ctx.reader);
    ops->close(source);
    return code;
}

int draft_verify(struct draft *d, const char *yaml, struct error *err)
{
    struct pipeline *p;
    struct pipeline_options load = {.text = yaml, .now_us = clock_wall_us(), .is_look = true};
    int code = pipeline_load("guess", d->options->config, &load, &p, NULL, err);
    if (code != 0) { /* what is printed must be sound, whatever was read */
        err->code = ERR_BUG;
        return error_context(err, "the guessed pipeline");
    }
    struct verification v = {.draft = d,
                             .ctx = {.pipeline = p,
                                     .stream = (struct stream_spec *)p->streams.items,
                                     .config = d->options->config,
                                     .builtins = d->options->builtins,
                                     .arena = arena_new(),
                                     .dry_run = true}};
    strbuf_init(&v.scratch, STRBUF_DEFAULT_MAX);
    d->check = (struct draft_check){0};
    for (size_t k = 0; k < d->nkeys; k++) {
        d->keys[k].rows = d->keys[k].repeated = d->keys[k].empty = 0;
        v.checks[k] = key_check_new((uint64_t)d->options->rows_max);
    }
    code = read_source(&v, err);
    for (size_t k = 0; k < d->nkeys; k++)
        key_check_free(v.checks[k]);
    strbuf_release(&v.scratch);
    arena_free(v.ctx.arena);
    pipeline_free(p);
    return code;
}
