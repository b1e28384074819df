/* The REST target: rows become requests of a connector's writing resource, each an intent that is
 * committed before it is sent (intent.h). */
#include "core/message.h"
#include "format/jsonx.h"
#include "pipeline/column.h"
#include "pipeline/intent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)8 << 20)

struct rest_target_spec {
    const char *connector, *resource;
    struct field_strings send;
};
static const struct field rest_fields[] = {
    {"connector", FIELD_STRING, offsetof(struct rest_target_spec, connector),
     "name of the connector", .flags = FIELD_REQUIRED},
    {"resource", FIELD_STRING, offsetof(struct rest_target_spec, resource),
     "one of its resources that has `write`", .flags = FIELD_REQUIRED},
    {"send", FIELD_STRINGS, offsetof(struct rest_target_spec, send),
     "columns that are sent; default: all"},
    {0}};
static const struct field_set rest_set = {.name = "rest target",
                                          .help = "Rows into an API, each exactly once",
                                          .struct_size = sizeof(struct rest_target_spec),
                                          .fields = rest_fields};

struct target {
    const struct stream_context *ctx;
    const struct rest_target_spec *spec;
    struct connector *connector;
    struct connector_write write;
    struct strbuf body; /* records of the request being filled */
    int64_t in_body, rows;
    char description[160];
};

static void close_target(struct target *t)
{
    if (t == NULL)
        return;
    if (t->ctx->connectors == NULL)
        connector_close(t->connector);
    strbuf_release(&t->body);
    free(t);
}

static int open_target(const struct stream_context *ctx, struct target **ret, struct error *err)
{
    const struct rest_target_spec *spec = ctx->stream->target_spec;
    struct target *t = mem_alloc(sizeof *t);
    t->ctx = ctx;
    t->spec = spec;
    strbuf_init(&t->body, BODY_MAX);
    int code =
        ctx->connectors != NULL
            ? connector_pool_get(ctx->connectors, spec->connector, &t->connector, err)
            : connector_open(spec->connector, ctx->config, ctx->builtins, &t->connector, err);
    const struct for_each_spec *children = ctx->stream->for_each;
    if (code == 0)
        connector_renew(t->connector, children != NULL && children->isolate);
    if (code == 0)
        code = connector_write_of(t->connector, spec->resource, &t->write, err);
    if (code != 0) {
        close_target(t);
        return code;
    }
    if (t->write.batch_rows < 1 || (t->write.records == NULL && !t->write.has_body))
        t->write.batch_rows = 1;
    snprintf(t->description, sizeof t->description, "%s/%s", spec->connector, spec->resource);
    *ret = t;
    return 0;
}

static bool is_sent(const struct target *t, const char *column)
{
    for (size_t i = 0; i < t->spec->send.count; i++)
        if (strcmp(t->spec->send.items[i], column) == 0)
            return true;
    return t->spec->send.count == 0;
}

static int flush(struct target *t, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    int64_t rows = t->in_body;
    if (rows == 0)
        return 0;
    strbuf_init(&body, 2 * BODY_MAX);
    strbuf_addch(&t->body, ']');
    int code = connector_write_body(t->connector, t->spec->resource,
                                    (struct span){t->body.data, t->body.len}, rows, &body, err);
    strbuf_clear(&t->body);
    t->in_body = 0;
    TRY(code);
    if (t->ctx->plan || t->ctx->dry_run)
        return 0;
    if (!db_in_transaction(t->ctx->db))
        TRY(db_begin(t->ctx->db, err));
    return intent_add(t->ctx, t->spec->connector, t->spec->resource,
                      (struct span){body.data, body.len}, rows, err);
}

static const char *write_record(struct target *t, const struct source_row *row, int *ret_column)
{
    const struct stream_spec *s = t->ctx->stream;
    struct jwriter w;
    jwriter_init(&w, &t->body);
    jwriter_object(&w);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct span text = SPAN("");
        bool is_null = false;
        *ret_column = (int)i;
        const char *reason = column_canonical(t->ctx->reader, i, &row->cells[i], &text, &is_null);
        if (reason != NULL)
            return reason;
        if (!is_sent(t, s->columns[i].name))
            continue;
        jwriter_key(&w, s->columns[i].name);
        if (is_null)
            jwriter_null(&w);
        else if (s->columns[i].type.kind == DB_JSONB)
            jwriter_raw(&w, text);
        else
            jwriter_span(&w, text); /* numbers too: exact as text */
    }
    jwriter_end(&w);
    return t->body.overflow ? MESSAGE("larger than a request may be") : NULL;
}

static int take_row(struct target *t, const struct source_row *row, const char **ret_reason,
                    int *ret_column, struct error *err)
{
    size_t mark = t->body.len;
    strbuf_addch(&t->body, t->in_body > 0 ? ',' : '[');
    *ret_reason = write_record(t, row, ret_column);
    if (*ret_reason != NULL) {
        strbuf_truncate(&t->body, mark);
        return 0;
    }
    t->in_body++;
    t->rows++;
    if (t->ctx->on_row != NULL)
        t->ctx->on_row(t->ctx->on_row_self, t->ctx, row->cells);
    return t->in_body == t->write.batch_rows ? flush(t, err) : 0;
}

static int finish_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    TRY(flush(t, err));
    counts->inserted += t->rows;
    return 0;
}

static int commit_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    struct intent_result result = {0};
    if (t->ctx->plan || t->ctx->dry_run)
        return 0;
    /* What was settled before a failure stays settled, and counted. */
    int code = intent_send_pending(t->ctx, &result, err);
    counts->inserted -= result.refused;
    counts->rejected += result.refused;
    return code;
}

static const char *describe_target(struct target *t)
{
    return t->description;
}

static void rest_names(const void *spec, const char **ret_connector, const char **ret_resource)
{
    const struct rest_target_spec *rest = spec;
    *ret_connector = rest->connector;
    *ret_resource = rest->resource;
}

const struct target_ops target_rest = {.name = "rest",
                                       .names = rest_names,
                                       .marker = "connector",
                                       .fields = &rest_set,
                                       .open = open_target,
                                       .row = take_row,
                                       .finish = finish_target,
                                       .commit = commit_target,
                                       .close = close_target,
                                       .description = describe_target};
