/* The PostgreSQL source: a table or a query, read by binary COPY inside one snapshot. */
#include "pipeline/source/postgres.h"

#include <stdlib.h>
#include <string.h>

static const struct field postgres_fields[] = {
    SOURCE_FOR_EACH,
    {"connection", FIELD_STRING, offsetof(struct postgres_source_spec, connection),
     "name under `connections` of diner.yaml", .flags = FIELD_REQUIRED},
    {"query", FIELD_STRING, offsetof(struct postgres_source_spec, query),
     "a query, or the name of a .sql file beside the pipeline", .flags = FIELD_LATE},
    {"table", FIELD_STRING, offsetof(struct postgres_source_spec, table), "schema.table"},
    {0}};
static const struct field_set postgres_set = {.name = "postgres source",
                                              .help = "Rows from PostgreSQL",
                                              .struct_size = sizeof(struct postgres_source_spec),
                                              .fields = postgres_fields};

struct source {
    const struct stream_context *ctx;
    struct db_conn *own; /* NULL when the run's connection is used */
    struct db_copy_out *copy;
    const struct db_copy_column *columns;
    size_t ncolumns;
    size_t *places; /* COPY field of each stream column */
    struct cell *cells;
    struct strbuf *texts; /* decoded cells of the current row, where types differ */
    uint64_t rows;
};

static void postgres_check(const struct pipeline *p, const struct stream_spec *s,
                           struct diagnostics *d)
{
    const struct postgres_source_spec *spec = s->source_spec;
    struct error err = ERROR_INIT;
    const char *sql;
    if ((spec->query == NULL) == (spec->table == NULL))
        diagnostics_add(d, s->source_node, NULL, "a postgres source has either 'query' or 'table'");
    else if (spec->query != NULL &&
             pipeline_sql(p, ynode_get(s->source_node, "query"), spec->query, &sql, &err) != 0)
        diagnostics_add_error(d, NULL, &err);
}

int postgres_source_sql(const struct stream_context *ctx, struct bound_sql *ret, struct error *err)
{
    const struct postgres_source_spec *spec = ctx->stream->source_spec;
    if (spec->table != NULL) {
        AUTO_STRBUF struct strbuf sql = {0};
        strbuf_init(&sql, 4096);
        const char *dot = strchr(spec->table, '.');
        strbuf_adds(&sql, "select * from ");
        if (dot == NULL)
            db_quote_identifier(&sql, spec->table);
        else
            db_quote_qualified(
                &sql, arena_strndup(ctx->arena, spec->table, (size_t)(dot - spec->table)), dot + 1);
        *ret = (struct bound_sql){.sql = arena_strdup(ctx->arena, sql.data)};
        return 0;
    }
    const char *sql;
    TRY(pipeline_sql(ctx->pipeline, ynode_get(ctx->stream->source_node, "query"), spec->query, &sql,
                     err));
    return stream_sql(ctx, sql, ret, err);
}

bool postgres_source_is_local(const struct stream_context *ctx)
{
    const struct postgres_source_spec *spec = ctx->stream->source_spec;
    return ctx->control_connection != NULL &&
           strcmp(spec->connection, ctx->control_connection) == 0;
}

static void postgres_close(struct source *s)
{
    if (s == NULL)
        return;
    db_copy_out_close(s->copy);
    db_close(s->own);
    for (size_t i = 0; s->texts != NULL && i < s->ctx->stream->ncolumns; i++)
        strbuf_release(&s->texts[i]);
    free(s->texts);
    free(s->places);
    free(s->cells);
    free(s);
}

/* Without `columns:` the query says what there is. */
static void take_columns(struct source *s)
{
    struct stream_spec *stream = s->ctx->stream;
    struct arena *arena = s->ctx->pipeline->arena;
    stream->ncolumns = s->ncolumns;
    stream->columns = arena_array(arena, s->ncolumns + 1, sizeof *stream->columns);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column_spec *c = &stream->columns[i];
        c->name = c->from = arena_strdup(arena, s->columns[i].name);
        c->type = s->columns[i].type;
    }
}

static int place_columns(struct source *s, struct error *err)
{
    struct stream_spec *stream = s->ctx->stream;
    s->ncolumns = db_copy_out_columns(s->copy, &s->columns);
    if (stream->columns_node == NULL)
        take_columns(s);
    s->places = mem_array(stream->ncolumns + 1, sizeof *s->places);
    s->cells = mem_array(stream->ncolumns + 1, sizeof *s->cells);
    s->texts = mem_array(stream->ncolumns + 1, sizeof *s->texts);
    for (size_t i = 0; i < stream->ncolumns; i++)
        strbuf_init(&s->texts[i], STRBUF_DEFAULT_MAX);
    for (size_t i = 0; i < stream->ncolumns; i++) {
        size_t at = 0;
        while (at < s->ncolumns && strcmp(s->columns[at].name, stream->columns[i].from) != 0)
            at++;
        if (at == s->ncolumns && !stream->columns[i].is_computed)
            return error_set(err, ERR_SPEC, "column '%s': the query has no '%s'",
                             stream->columns[i].name, stream->columns[i].from);
        s->places[i] = at;
    }
    return 0;
}

static int start(struct source *s, struct error *err)
{
    const struct postgres_source_spec *spec = s->ctx->stream->source_spec;
    struct bound_sql sql;
    TRY(postgres_source_sql(s->ctx, &sql, err));
    struct db_conn *conn = s->ctx->db;
    /* A plan must see what its earlier streams staged: the run's own transaction. Everything else
     * reads a snapshot of its own, so that the run's connection is free for what is written. */
    if (conn == NULL || !s->ctx->plan || !postgres_source_is_local(s->ctx)) {
        char *dsn;
        TRY(config_dsn(s->ctx->config, spec->connection, &dsn, err));
        struct db_options options = {.dsn = dsn, .application_name = "diner source"};
        int code = db_open(&options, &s->own, err);
        secret_free(dsn);
        TRY(code);
        conn = s->own;
        TRY(db_begin_snapshot(conn, err));
    }
    TRY(db_copy_out(conn, sql.sql, sql.params, sql.nparams, &s->copy, err));
    return place_columns(s, err);
}

static int postgres_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    struct source *s = mem_alloc(sizeof *s);
    s->ctx = ctx;
    int code = start(s, err);
    if (code != 0) {
        postgres_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

static int postgres_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    const struct span *fields;
    const struct stream_spec *stream = s->ctx->stream;
    TRY(db_copy_out_next(s->copy, &fields, ret_end, err));
    if (*ret_end)
        return 0;
    s->rows++;
    for (size_t i = 0; i < stream->ncolumns; i++) {
        size_t at = s->places[i];
        if (at == s->ncolumns || fields[at].ptr == NULL) {
            s->cells[i] = (struct cell){CELL_NULL, SPAN("")};
        } else if (db_type_equal(&stream->columns[i].type, &s->columns[at].type)) {
            s->cells[i] = (struct cell){CELL_BINARY, fields[at]};
        } else {
            strbuf_clear(&s->texts[i]);
            TRY(db_decode(&s->columns[at].type, fields[at], &s->texts[i], err));
            s->cells[i] = (struct cell){CELL_CLEAN, {s->texts[i].data, s->texts[i].len}};
        }
    }
    *ret = (struct source_row){
        .cells = s->cells, .origin = "query", .position = s->rows, .raw = SPAN("")};
    return 0;
}

static int postgres_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    (void)s;
    (void)err;
    *ret = (struct source_summary){.expect_rows = -1, .sha256 = ""};
    return 0;
}

static void postgres_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = s->rows;
    *ret_total = 0;
}

const struct source_ops source_postgres = {.name = "postgres",
                                           .marker = "connection",
                                           .fields = &postgres_set,
                                           .gives_columns = true,
                                           .check = postgres_check,
                                           .open = postgres_open,
                                           .next = postgres_next,
                                           .finish = postgres_finish,
                                           .progress = postgres_progress,
                                           .close = postgres_close};
