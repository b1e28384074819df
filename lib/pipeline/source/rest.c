/* The REST source: the pages of a connector's resource, record by record. */
#include "pipeline/source/api.h"
#include "pipeline/source/json_cells.h"
#include "pipeline/source/rest_figures.h"
#include "pipeline/source/where.h"
#include "pipeline/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_RECORDS 64 /* what is asked for ahead moves on as often */

struct rest_source_spec {
    struct for_each_spec *for_each;
    const char *connector, *resource;
    struct field_string_map params;
    struct field_objects where;
};
static const struct field rest_fields[] = {
    SOURCE_FOR_EACH,
    {"connector", FIELD_STRING, offsetof(struct rest_source_spec, connector),
     "name of the connector", .flags = FIELD_REQUIRED},
    {"resource", FIELD_STRING, offsetof(struct rest_source_spec, resource), "one of its resources",
     .flags = FIELD_REQUIRED},
    {"params", FIELD_STRING_MAP, offsetof(struct rest_source_spec, params),
     "values for the resource's ${...}", .flags = FIELD_LATE},
    WHERE_FIELD(offsetof(struct rest_source_spec, where)),
    {0}};
static const struct field_set rest_set = {.name = "rest source",
                                          .help = "Rows from an API, through a connector",
                                          .struct_size = sizeof(struct rest_source_spec),
                                          .fields = rest_fields};

struct source {
    const struct stream_context *ctx;
    const struct rest_source_spec *spec;
    struct connector *connector;
    struct connector_pages *pages;
    struct connector_page page;
    uint64_t bytes;       /* of all pages */
    const char *degraded; /* of the pages */
    uint64_t index, records_read, skipped;
    struct where *where;
    int64_t expect_total;
    struct jpull_projection *projection, *array_projection; /* the second made when needed */
    struct field_strings fields;
    struct jpull_value *values;
    struct cell *cells;
    struct strbuf scratch;
    struct arena *page_arena; /* what one page needs, freed with it */
    struct stream_context page_ctx;
    struct rest_figures *figures; /* NULL when nobody asks for them */
    char origin[160], identity[128];
};

static void rest_close(struct source *s)
{
    if (s == NULL)
        return;
    if (s->pages != NULL)
        connector_pages_close(s->pages);
    api_connector_close(s->ctx, s->connector);
    jpull_projection_free(s->projection);
    jpull_projection_free(s->array_projection);
    where_free(s->where);
    strbuf_release(&s->scratch);
    arena_free(s->page_arena);
    free(s);
}

/* Whether rows that the source does not give are removed from the target. */
static bool removes_rows(const struct stream_spec *s)
{
    return s->mode == MODE_REPLACE || s->mode == MODE_DELETE_INSERT || s->mode == MODE_SCD2 ||
           s->deletes == DELETES_SOFT || s->deletes == DELETES_HARD;
}

static int open_pages(struct source *s, struct error *err)
{
    const struct connector_param *params;
    size_t n;
    TRY(api_connector_open(s->ctx, s->spec->connector, s->spec->resource, &s->connector, err));
    TRY(api_params(s->ctx, &s->spec->params, &params, &n, err));
    TRY(connector_fields_of(s->connector, s->spec->resource, params, n, s->ctx->arena, &s->fields,
                            err));
    TRY(connector_pages_open(s->connector, s->spec->resource, params, n, &s->pages, err));
    connector_pages_take_faulty(s->pages);
    if (s->ctx->preview_rows == 0)
        connector_pages_ahead(s->pages);
    /* A cursor that passed over what is missing in old answers would never come back to it. */
    if (s->ctx->stream->incremental == NULL)
        connector_pages_may_degrade(s->pages, removes_rows(s->ctx->stream));
    return 0;
}

static int rest_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    struct source *s = mem_alloc(sizeof *s);
    s->ctx = ctx;
    s->spec = ctx->stream->source_spec;
    s->expect_total = -1;
    s->page_arena = arena_new();
    s->page_ctx = *ctx;
    s->page_ctx.arena = s->page_arena;
    s->figures = rest_figures_new(ctx);
    strbuf_init(&s->scratch, 64 << 20);
    s->values = arena_array(ctx->arena, ctx->stream->ncolumns + 1, sizeof *s->values);
    s->cells = arena_array(ctx->arena, ctx->stream->ncolumns + 1, sizeof *s->cells);
    int code = json_cells_projection(ctx, &s->projection, err);
    if (code == 0)
        code = where_new(ctx->stream, &s->spec->where, &s->where, err);
    if (code == 0)
        code = open_pages(s, err);
    if (code != 0) {
        rest_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

static int next_page(struct source *s, bool *ret_end, struct error *err)
{
    arena_clear(s->page_arena);
    TRY(connector_pages_next(s->pages, &s->page, ret_end, err));
    if (*ret_end)
        return 0;
    s->bytes += s->page.body.len;
    s->degraded = s->page.degraded;
    if (s->expect_total < 0)
        s->expect_total = s->page.expect_total;
    snprintf(s->origin, sizeof s->origin, "%s/%s page %d", s->spec->connector, s->spec->resource,
             s->page.number);
    snprintf(s->identity, sizeof s->identity, "%s/%s", s->spec->connector, s->spec->resource);
    s->index = 0;
    return rest_figures_page(s->figures, s->page.body, err);
}

/* Why the record cannot be read, or NULL. An array of another length than declared has its values
 * in other places. */
static const char *array_fault(struct source *s, struct span record)
{
    struct jpull_array array;
    struct span value;
    struct error problem = ERROR_INIT;
    size_t count = 0;
    bool end = false;
    if (s->fields.count == 0)
        return NULL;
    int code = jpull_array_begin(record, &array, &problem);
    while (code == 0 && (code = jpull_array_next(&array, &value, &end, &problem)) == 0 && !end)
        count++;
    if (code != 0)
        return arena_strdup(s->page_arena, problem.message);
    if (count == s->fields.count)
        return NULL;
    return arena_printf(s->page_arena, "an array of %zu values, the resource names %zu fields",
                        count, s->fields.count);
}

static int record_cells(struct source *s, struct span record, struct source_row *ret,
                        struct error *err)
{
    struct error problem = ERROR_INIT;
    bool is_array = record.len > 0 && record.ptr[0] == '[';
    if (is_array && s->array_projection == NULL)
        TRY(json_cells_array_projection(s->ctx, &s->fields, &s->array_projection, err));
    ret->fault = is_array ? array_fault(s, record) : json_cells_fault(record);
    struct jpull_projection *projection = is_array ? s->array_projection : s->projection;
    if (ret->fault == NULL &&
        jpull_project(projection, record, s->values, &s->scratch, &problem) == 0) {
        json_cells_set(&s->page_ctx, s->values, s->cells, &s->scratch);
        ret->object = record;
        return 0;
    }
    if (ret->fault == NULL)
        ret->fault = arena_strdup(s->page_arena, problem.message);
    ret->fault_line = s->index;
    memset(s->cells, 0, s->ctx->stream->ncolumns * sizeof *s->cells);
    return 0;
}

static int next_record(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    *ret_end = false;
    while (s->index == s->page.count) {
        TRY(next_page(s, ret_end, err));
        if (*ret_end)
            return 0;
    }
    if (s->index % POLL_RECORDS == 0)
        connector_pages_poll(s->pages);
    struct span record = s->page.elements[s->index];
    s->index++;
    s->records_read++;
    *ret = (struct source_row){.cells = s->cells,
                               .origin = s->origin,
                               .identity = s->identity,
                               .position = s->index,
                               .raw = record};
    return record_cells(s, record, ret, err);
}

static int rest_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    for (;; s->skipped++) {
        TRY(next_record(s, ret, ret_end, err));
        if (*ret_end || where_keeps(s->where, s->ctx->reader, ret))
            return 0;
    }
}

static int rest_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    *ret = (struct source_summary){.skipped = s->skipped,
                                   .expect_rows = s->expect_total,
                                   .sha256 = "",
                                   .bytes = s->bytes,
                                   .degraded = s->degraded};
    return rest_figures_finish(s->figures, ret, err);
}

static void rest_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = s->records_read;
    *ret_total = s->expect_total > 0 ? (uint64_t)s->expect_total : 0;
}

static void rest_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d)
{
    const struct rest_source_spec *spec = s->source_spec;
    (void)p;
    where_check(s, &spec->where, d);
}

static void rest_names(const void *spec, const char **ret_connector, const char **ret_resource)
{
    const struct rest_source_spec *rest = spec;
    *ret_connector = rest->connector;
    *ret_resource = rest->resource;
}

const struct source_ops source_rest = {.name = "rest",
                                       .names = rest_names,
                                       .marker = "connector",
                                       .fields = &rest_set,
                                       .check = rest_check,
                                       .sums = rest_figures_columns,
                                       .open = rest_open,
                                       .next = rest_next,
                                       .finish = rest_finish,
                                       .progress = rest_progress,
                                       .close = rest_close};
