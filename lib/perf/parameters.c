/* lib/perf/parameters.c - see parameters.h. */
#include "perf/parameters.h"

#include "format/csvio.h"
#include "format/jsonx.h"
#include "net/url.h"
#include "perf/session.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX_BYTES 65536

/* ---- reading ------------------------------------------------------------------------------- */

struct rows_reader {
    struct perf_rows *rows;
    struct arena *arena;
};

static void rows_begin(struct rows_reader *r, size_t ncolumns)
{
    r->rows->ncolumns = ncolumns;
    r->rows->columns = arena_array(r->arena, ncolumns + 1, sizeof(char *));
    r->rows->cells = arena_array(r->arena, ncolumns * PERF_ROWS_MAX + 1, sizeof(char *));
}

static const char **next_row(const struct rows_reader *r)
{
    return r->rows->cells + r->rows->nrows * r->rows->ncolumns;
}

static int take_row(void *self, const struct db_result *row, struct error *err)
{
    struct rows_reader *r = self;
    if (r->rows->columns == NULL) {
        rows_begin(r, db_result_columns(row));
        for (size_t k = 0; k < r->rows->ncolumns; k++)
            r->rows->columns[k] = arena_strdup(r->arena, db_result_name(row, k));
    }
    if (r->rows->nrows == PERF_ROWS_MAX)
        return error_set(err, ERR_LIMIT, "enough");
    for (size_t k = 0; k < r->rows->ncolumns; k++) {
        struct span cell = db_result_span(row, 0, k);
        if (cell.len > CELL_MAX_BYTES)
            return error_set(err, ERR_DATA, "a value is longer than %d bytes", CELL_MAX_BYTES);
        next_row(r)[k] = arena_strdup(r->arena, db_result_text(row, 0, k));
    }
    r->rows->nrows++;
    return 0;
}

static int read_sql(struct rows_reader *r, const char *sql, const char *dsn, struct error *err)
{
    struct db_conn *conn = NULL;
    if (dsn == NULL)
        return error_set(err, ERR_CONFIG, "its sql needs the database");
    TRY(perf_session_open(dsn, &conn, err));
    /* A user's query reads the user's tables: the search path of the connection, not ours. */
    int code = db_execute(conn, "reset search_path", DB_NO_PARAMS, NULL, err);
    if (code == 0)
        code = db_query_each(conn, sql, DB_NO_PARAMS, take_row, r, err);
    if (code == ERR_LIMIT && r->rows->nrows == PERF_ROWS_MAX) {
        error_clear(err);
        code = 0;
    }
    db_close(conn);
    return code;
}

static int take_record(struct rows_reader *r, const struct csvio_record *record, const char *path,
                       struct error *err)
{
    const char **into = r->rows->columns;
    if (record->fault != NULL)
        return error_set(err, ERR_DATA, "%s:%llu: %s", path, (unsigned long long)record->line,
                         record->fault);
    if (into == NULL) {
        rows_begin(r, record->nfields);
        into = r->rows->columns;
    } else {
        into = next_row(r);
        r->rows->nrows++;
    }
    if (record->nfields != r->rows->ncolumns)
        return error_set(err, ERR_DATA, "%s:%llu: %zu columns, the header has %zu", path,
                         (unsigned long long)record->line, record->nfields, r->rows->ncolumns);
    for (size_t k = 0; k < record->nfields; k++)
        into[k] = arena_strndup(r->arena, record->fields[k].ptr, record->fields[k].len);
    return 0;
}

static int read_csv(struct rows_reader *r, const char *path, struct error *err)
{
    const struct csvio_options options = {.encoding = "UTF-8", .record_max_bytes = CELL_MAX_BYTES};
    struct csvio_reader *reader = NULL;
    struct csvio_record record;
    bool end = false;
    TRY(csvio_open(path, &options, &reader, err));
    int code = 0;
    while (code == 0 && r->rows->nrows < PERF_ROWS_MAX) {
        code = csvio_next(reader, &record, &end, err);
        if (code != 0 || end)
            break;
        code = take_record(r, &record, path, err);
    }
    csvio_close(reader);
    return code;
}

static void take_values(struct rows_reader *r, const struct field_strings *values)
{
    rows_begin(r, 1);
    r->rows->columns[0] = "value";
    for (size_t i = 0; i < values->count && i < PERF_ROWS_MAX; i++)
        r->rows->cells[r->rows->nrows++] = values->items[i];
}

static int read_parameter(const struct perf_config *c, const struct perf_parameter *p,
                          const char *dsn, struct rows_reader *r, struct error *err)
{
    if (p->sql != NULL)
        TRY(read_sql(r, p->sql, dsn, err));
    else if (p->csv != NULL)
        TRY(read_csv(
            r, *p->csv == '/' ? p->csv : arena_printf(r->arena, "%s/%s", c->directory, p->csv),
            err));
    else
        take_values(r, &p->values);
    if (r->rows->nrows == 0)
        return error_set(err, ERR_DATA, "there is no row");
    return 0;
}

int perf_rows_read(const struct perf_config *c, const char *dsn, struct arena *arena,
                   struct perf_rows_set *ret, struct error *err)
{
    ret->count = c->parameters.count;
    ret->items = arena_array(arena, ret->count + 1, sizeof *ret->items);
    for (size_t i = 0; i < ret->count; i++) {
        struct rows_reader r = {&ret->items[i], arena};
        r.rows->name = c->parameters.names[i];
        if (read_parameter(c, (const struct perf_parameter *)c->parameters.items + i, dsn, &r,
                           err) != 0)
            return error_context(err, "parameter '%s'", r.rows->name);
    }
    return 0;
}

/* ---- filling ------------------------------------------------------------------------------- */

struct placeholder {
    size_t length; /* with its braces */
    const struct perf_rows *rows;
    const char *column; /* NULL: the first */
    size_t column_len;
};

static size_t word_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* Whether a placeholder begins at text, which is at a brace. */
static bool placeholder_at(const struct perf_rows_set *rows, const char *text,
                           struct placeholder *ret)
{
    size_t n = word_length(text + 1), all = n + 1;
    *ret = (struct placeholder){0};
    for (size_t i = 0; i < rows->count; i++)
        if (strlen(rows->items[i].name) == n && memcmp(rows->items[i].name, text + 1, n) == 0)
            ret->rows = &rows->items[i];
    if (ret->rows == NULL)
        return false;
    if (text[all] == '.') {
        ret->column = text + all + 1;
        ret->column_len = word_length(ret->column);
        all += 1 + ret->column_len;
    }
    ret->length = all + 1;
    return text[all] == '}';
}

static int value_of(const struct placeholder *p, size_t i, const char **ret, struct error *err)
{
    const char **row = p->rows->cells + (i % p->rows->nrows) * p->rows->ncolumns;
    for (size_t k = 0; k < p->rows->ncolumns; k++)
        if (p->column == NULL || (strlen(p->rows->columns[k]) == p->column_len &&
                                  memcmp(p->rows->columns[k], p->column, p->column_len) == 0)) {
            *ret = row[k] != NULL ? row[k] : "";
            return 0;
        }
    return error_set(err, ERR_SPEC, "parameter '%s' has no column '%.*s'", p->rows->name,
                     (int)p->column_len, p->column);
}

static void add_json(struct strbuf *out, const char *value)
{
    AUTO_STRBUF struct strbuf quoted = {0};
    strbuf_init(&quoted, 0);
    jsonx_quote(&quoted, span_of(value));
    if (quoted.len > 2)
        strbuf_add(out, quoted.data + 1, quoted.len - 2);
}

int perf_fill(const struct perf_rows_set *rows, const char *text, enum perf_filling how, size_t i,
              struct strbuf *out, struct error *err)
{
    struct placeholder p;
    const char *value = NULL;
    while (*text != '\0') {
        if (*text != '{' || !placeholder_at(rows, text, &p)) {
            strbuf_addch(out, *text++);
            continue;
        }
        TRY(value_of(&p, i, &value, err));
        if (how == PERF_FILL_URL)
            url_encode(out, value);
        else
            add_json(out, value);
        text += p.length;
    }
    return 0;
}

size_t perf_fill_variants(const struct perf_rows_set *rows, const char *text)
{
    struct placeholder p;
    size_t most = 1;
    for (const char *at = text; at != NULL && (at = strchr(at, '{')) != NULL; at++)
        if (placeholder_at(rows, at, &p) && p.rows->nrows > most)
            most = p.rows->nrows;
    return most;
}
