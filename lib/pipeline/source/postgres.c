/* The PostgreSQL source: a table or a query, read by binary COPY inside one snapshot, by several
 * connections side by side where it can be divided. Its parts are given in their order, so that the
 * rows are the same however many read. */
#include "pipeline/source/postgres.h"
#include "pipeline/column.h"
#include "pipeline/source/row_spool.h"
#include "pipeline/undeclared.h"

#include <stdlib.h>
#include <string.h>

static const struct field postgres_fields[] = {
    SOURCE_FOR_EACH,
    {"connection", FIELD_STRING, offsetof(struct postgres_source_spec, connection),
     "name under `connections` of diner.yaml", .flags = FIELD_REQUIRED},
    {"query", FIELD_STRING, offsetof(struct postgres_source_spec, query),
     "a query, or the name of a .sql file beside the pipeline", .flags = FIELD_LATE},
    {"table", FIELD_STRING, offsetof(struct postgres_source_spec, table), "schema.table"},
    {"readers", FIELD_INT, offsetof(struct postgres_source_spec, readers),
     "connections that read side by side, in one snapshot; default: what --jobs says", .min = 1,
     .max = DB_COPY_OUT_MAX},
    {"split", FIELD_STRING, offsetof(struct postgres_source_spec, split),
     "integer, date or time column by whose ranges readers divide the rows; a plain table needs "
     "none: its pages are divided"},
    {0}};
static const struct field_set postgres_set = {.name = "postgres source",
                                              .help = "Rows from PostgreSQL",
                                              .struct_size = sizeof(struct postgres_source_spec),
                                              .fields = postgres_fields};

/* What the readers together may hold of rows that are not their turn yet. A buffer that grows may
 * take twice as much. */
#define AHEAD_MAX_BYTES ((size_t)8 << 20)
#define LOOK_EVERY_ROWS 64

struct source {
    const struct stream_context *ctx;
    struct db_conn *own[DB_COPY_OUT_MAX]; /* none when the run's connection is used */
    struct db_copy_out *copies[DB_COPY_OUT_MAX];
    struct row_spool *spool; /* of the run's connection: all rows, or NULL */
    size_t nreaders;
    const char *const *conditions; /* of the parts; reader r has parts r, r + nreaders, ... */
    size_t nparts, part;           /* part: being given */
    const struct db_copy_column *columns;
    size_t ncolumns;
    size_t *places;                /* COPY field of each stream column */
    struct undeclared *undeclared; /* or NULL: nobody asks */
    size_t *more, nmore;           /* COPY fields of no column */
    struct strbuf text;            /* one of their values */
    bool *as_is;                   /* its type is the column's */
    bool is_whole;                 /* so are all, in the order of the columns, and no others */
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
    else if (spec->query != NULL && spec->readers > 1 && spec->split == NULL)
        diagnostics_add(d, ynode_get(s->source_node, "readers"),
                        "add  split: COLUMN  (an integer, date or time)",
                        "'readers' needs 'split': a query has no pages to divide");
    else if (spec->query != NULL &&
             pipeline_sql(p, ynode_get(s->source_node, "query"), spec->query, &sql, &err) != 0)
        diagnostics_add_error(d, NULL, &err);
}

static void close_readers(struct source *s)
{
    for (size_t i = 0; i < DB_COPY_OUT_MAX; i++) {
        db_copy_out_close(s->copies[i]);
        db_close(s->own[i]);
        s->copies[i] = NULL;
        s->own[i] = NULL;
    }
}

static void postgres_close(struct source *s)
{
    if (s == NULL)
        return;
    close_readers(s);
    for (size_t i = 0; s->texts != NULL && i < s->ctx->stream->ncolumns; i++)
        strbuf_release(&s->texts[i]);
    free(s->texts);
    row_spool_free(s->spool);
    undeclared_free(s->undeclared);
    strbuf_release(&s->text);
    free(s->places);
    free(s->as_is);
    free(s->cells);
    free(s);
}

/* Without `columns:` the query says what there is. */
static void take_columns(struct source *s)
{
    struct stream_spec *stream = s->ctx->stream;
    struct arena *arena = s->ctx->pipeline->arena;
    stream->ncolumns = 0;
    stream->columns = arena_array(arena, s->ncolumns + 1, sizeof *stream->columns);
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (strcmp(s->columns[i].name, STREAM_ROW_HASH) == 0)
            continue;
        struct column_spec *c = &stream->columns[stream->ncolumns++];
        c->name = c->from = arena_strdup(arena, s->columns[i].name);
        c->type = s->columns[i].type;
    }
}

static bool is_placed(const struct source *s, size_t field)
{
    static const char *const own[] = {"_run_id", "_loaded_at", "_deleted_at", STREAM_ROW_HASH};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(s->columns[field].name, own[i]) == 0)
            return true; /* what diner keeps in its tables is none of a stream's */
    for (size_t i = 0; i < s->ctx->stream->ncolumns; i++)
        if (s->places[i] == field)
            return true;
    return false;
}

static int find_more(struct source *s, struct error *err)
{
    if (!undeclared_is_asked(s->ctx->stream))
        return 0;
    s->undeclared = undeclared_new(s->ctx->stream);
    s->more = arena_array(s->ctx->arena, s->ncolumns + 1, sizeof *s->more);
    strbuf_init(&s->text, STRBUF_DEFAULT_MAX);
    struct stream_spec *stream = s->ctx->stream;
    struct column_spec *others = arena_array(s->ctx->arena, s->ncolumns + 1, sizeof *others);
    undeclared_begin(s->undeclared);
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (is_placed(s, i))
            continue;
        others[s->nmore].name = s->columns[i].name;
        others[s->nmore].type = s->columns[i].type;
        s->more[s->nmore++] = i;
        undeclared_add(s->undeclared, s->columns[i].name, SPAN(""));
    }
    stream->others = others;
    stream->nothers = s->nmore;
    struct span names = undeclared_end(s->undeclared);
    return s->nmore > 0 && s->ctx->stream->schema.undeclared == CONTRACT_FREEZE
               ? undeclared_freeze(s->ctx->stream, "query", names, err)
               : 0;
}

static int read_more(struct source *s, const struct span *fields, struct span *ret,
                     struct error *err)
{
    undeclared_begin(s->undeclared);
    for (size_t i = 0; i < s->nmore; i++) {
        const size_t at = s->more[i];
        if (fields[at].ptr == NULL)
            continue;
        strbuf_clear(&s->text);
        TRY(db_decode(&s->columns[at].type, fields[at], &s->text, err));
        undeclared_add(s->undeclared, s->columns[at].name,
                       (struct span){s->text.data, s->text.len});
    }
    *ret = undeclared_end(s->undeclared);
    return 0;
}

static int place_columns(struct source *s, struct error *err)
{
    struct stream_spec *stream = s->ctx->stream;
    s->ncolumns = db_copy_out_columns(s->copies[0], &s->columns);
    if (stream->columns_node == NULL)
        take_columns(s);
    s->places = mem_array(stream->ncolumns + 1, sizeof *s->places);
    s->as_is = mem_array(stream->ncolumns + 1, sizeof *s->as_is);
    s->cells = mem_array(stream->ncolumns + 1, sizeof *s->cells);
    s->texts = mem_array(stream->ncolumns + 1, sizeof *s->texts);
    for (size_t i = 0; i < stream->ncolumns; i++)
        strbuf_init(&s->texts[i], STRBUF_DEFAULT_MAX);
    for (size_t i = 0; i < stream->ncolumns; i++) {
        size_t at = 0;
        while (at < s->ncolumns && strcmp(s->columns[at].name, stream->columns[i].from) != 0)
            at++;
        if (at == s->ncolumns && !stream->columns[i].is_computed && stream_bound(s->ctx, i) == NULL)
            return error_set(err, ERR_SPEC, "column '%s': the query has no '%s'",
                             stream->columns[i].name, stream->columns[i].from);
        s->places[i] = at;
        s->as_is[i] = at < s->ncolumns &&
                      db_type_equal(&stream->columns[i].type, &s->columns[at].type) &&
                      !column_has_words(&stream->columns[i]);
    }
    s->is_whole = s->ncolumns == stream->ncolumns;
    for (size_t i = 0; i < stream->ncolumns; i++)
        s->is_whole = s->is_whole && s->as_is[i] && s->places[i] == i;
    /* The columns of the first part stand for all: names and types outlive its COPY. */
    struct db_copy_column *kept = arena_array(s->ctx->arena, s->ncolumns + 1, sizeof *kept);
    for (size_t i = 0; i < s->ncolumns; i++) {
        kept[i] = s->columns[i];
        kept[i].name = arena_strdup(s->ctx->arena, kept[i].name);
    }
    s->columns = kept;
    return find_more(s, err);
}

static int open_reader(struct source *s, size_t i, const char *snapshot, struct error *err)
{
    const struct postgres_source_spec *spec = s->ctx->stream->source_spec;
    char *dsn;
    TRY(config_dsn(s->ctx->config, spec->connection, &dsn, err));
    struct db_options options = {.dsn = dsn, .application_name = "diner source"};
    int code = db_open(&options, &s->own[i], err);
    secret_free(dsn);
    TRY(code);
    TRY(db_begin_snapshot(s->own[i], err));
    if (snapshot != NULL) {
        AUTO_STRBUF struct strbuf sql = {0};
        strbuf_init(&sql, 256);
        strbuf_adds(&sql, "set transaction snapshot ");
        db_quote_literal(&sql, snapshot);
        TRY(db_script(s->own[i], sql.data, err));
    }
    /* Else a scan may begin where another one is, and a file would change its order. */
    return db_script(s->own[i], "set local synchronize_seqscans = off", err);
}

/* The first reader's snapshot is given to the others, so that all see the same rows. */
static int open_readers(struct source *s, struct error *err)
{
    const struct postgres_source_spec *spec = s->ctx->stream->source_spec;
    size_t wanted = spec->readers > 0  ? (size_t)spec->readers
                    : s->ctx->jobs > 1 ? (size_t)s->ctx->jobs
                                       : 1;
    AUTOFREE char *snapshot = NULL;
    TRY(open_reader(s, 0, NULL, err));
    if (s->ctx->preview_rows > 0)
        wanted = 1;
    TRY(postgres_source_split(s->ctx, s->own[0],
                              wanted < DB_COPY_OUT_MAX ? wanted : DB_COPY_OUT_MAX, &s->conditions,
                              &s->nparts, err));
    s->nreaders = s->nparts < wanted ? s->nparts : wanted;
    if (s->nreaders > 1)
        TRY(db_query_text(s->own[0], "select pg_export_snapshot()", DB_NO_PARAMS, &snapshot, err));
    for (size_t i = 1; i < s->nreaders; i++)
        TRY(open_reader(s, i, snapshot, err));
    return 0;
}

/* Lets the reader of a part begin with it. */
static int begin_part(struct source *s, size_t part, struct error *err)
{
    size_t reader = part % s->nreaders;
    struct db_conn *conn = s->own[reader] != NULL ? s->own[reader] : s->ctx->db;
    struct bound_sql sql;
    TRY(postgres_source_part(s->ctx, conn, s->conditions[part], &sql, err));
    return db_copy_out(conn, sql.sql, sql.params, sql.nparams, &s->copies[reader], err);
}

static int start(struct source *s, struct error *err)
{
    static const char *const whole[] = {NULL};
    s->conditions = whole;
    s->nparts = s->nreaders = 1;
    /* A plan must see what its earlier streams staged: the run's own transaction. Everything else
     * reads a snapshot of its own, so that the run's connection is free for what is written. */
    const bool is_shared = s->ctx->db != NULL && s->ctx->plan && postgres_source_is_local(s->ctx);
    if (!is_shared)
        TRY(open_readers(s, err));
    for (size_t i = 0; i < s->nreaders; i++)
        TRY(begin_part(s, i, err));
    TRY(place_columns(s, err));
    if (!is_shared)
        return 0;
    TRY(row_spool_fill(s->copies[0], s->ncolumns, &s->spool, err));
    db_copy_out_close(s->copies[0]);
    s->copies[0] = NULL;
    return 0;
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

/* The next row of the parts in their order. */
static int next_fields(struct source *s, const struct span **ret, bool *ret_end, struct error *err)
{
    if (s->spool != NULL)
        return row_spool_next(s->spool, ret, ret_end, err);
    for (;;) {
        size_t reader = s->part % s->nreaders;
        const size_t ahead_max = AHEAD_MAX_BYTES / s->nreaders;
        if (s->nreaders > 1 && s->rows % LOOK_EVERY_ROWS == 0)
            for (size_t i = 0; i < s->nreaders; i++)
                if (i != reader && s->copies[i] != NULL)
                    TRY(db_copy_out_prefetch(s->copies[i], ahead_max, err));
        if (s->nreaders > 1)
            TRY(db_copy_out_wait(s->copies, s->nreaders, reader, ahead_max, err));
        TRY(db_copy_out_next(s->copies[reader], ret, ret_end, err));
        if (!*ret_end || ++s->part == s->nparts)
            return 0;
        db_copy_out_close(s->copies[reader]);
        s->copies[reader] = NULL;
        size_t after = s->part - 1 + s->nreaders;
        if (after < s->nparts)
            TRY(begin_part(s, after, err));
        *ret_end = false;
    }
}

static int postgres_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    const struct span *fields;
    const struct stream_spec *stream = s->ctx->stream;
    TRY(next_fields(s, &fields, ret_end, err));
    if (*ret_end)
        return 0;
    s->rows++;
    for (size_t i = 0; i < stream->ncolumns; i++) {
        size_t at = s->places[i];
        if (at == s->ncolumns || fields[at].ptr == NULL) {
            s->cells[i] = (struct cell){CELL_NULL, SPAN("")};
        } else if (s->as_is[i]) {
            s->cells[i] = (struct cell){CELL_BINARY, fields[at]};
        } else {
            strbuf_clear(&s->texts[i]);
            TRY(db_decode(&s->columns[at].type, fields[at], &s->texts[i], err));
            s->cells[i] = (struct cell){CELL_CLEAN, {s->texts[i].data, s->texts[i].len}};
        }
    }
    *ret = (struct source_row){
        .cells = s->cells, .origin = "query", .position = s->rows, .raw = SPAN("")};
    if (s->is_whole && s->spool == NULL)
        ret->binary = db_copy_out_row(s->copies[s->part % s->nreaders]);
    if (s->nmore > 0)
        TRY(read_more(s, fields, &ret->more, err));
    return 0;
}

static int postgres_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    (void)err;
    close_readers(s); /* a table that was read may be the one that is altered or swapped next */
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
