/* lib/db/copy_out.c - rows from the server by COPY TO STDOUT (FORMAT binary). */
#include "core/signals.h"
#include "db/copy.h"
#include "db/internal.h"
#include "db/sql_bind.h"
#include "db/wire.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define WAIT_MS 1000

#define SQL_MAX_BYTES ((size_t)16 << 20)
#define ROW_MAX_BYTES ((size_t)1 << 30) /* what the server allows a value */
#define HEADER_BYTES  19
#define SIGNATURE     "PGCOPY\n\377\r\n\0"

struct db_copy_out {
    struct query query;
    struct db_conn *conn;
    struct arena *arena; /* names */
    struct db_copy_column *columns;
    struct span *fields;
    struct span row; /* the same, with their lengths */
    size_t column_count;
    char *sql;
    struct strbuf input; /* what came in; rows may cross messages */
    size_t position;     /* of what was not read yet */
    char *message;       /* of the row handed out, when it came alone in one; of libpq */
    bool has_header, is_at_end, is_done;
    bool is_drained; /* the server sent all it had to */
};

/* ---- columns ------------------------------------------------------------------------------ */

/* The query as an unnamed prepared statement: its columns without running it. */
static int describe(struct db_conn *conn, const char *sql, PGresult **ret, struct error *err)
{
    struct query q;
    query_begin(&q, conn, sql, true);
    if (PQsendPrepare(conn->pg, "", sql, 0, NULL) != 1)
        return query_send_failed(&q, err);
    TRY(query_collect(&q, NULL, err));
    query_begin(&q, conn, sql, true);
    if (PQsendDescribePrepared(conn->pg, "") != 1)
        return query_send_failed(&q, err);
    return query_collect(&q, ret, err);
}

static void take_columns(struct db_copy_out *c, const PGresult *description)
{
    c->column_count = (size_t)PQnfields(description);
    c->columns = arena_array(c->arena, c->column_count, sizeof *c->columns);
    c->fields = arena_array(c->arena, c->column_count, sizeof *c->fields);
    for (size_t i = 0; i < c->column_count; i++) {
        struct db_copy_column *column = &c->columns[i];
        column->name = arena_strdup(c->arena, PQfname(description, (int)i));
        column->is_loadable = db_type_from_catalogue(PQftype(description, (int)i),
                                                     PQfmod(description, (int)i), &column->type);
        if (!column->is_loadable)
            column->type = (struct db_type){DB_TEXT, 0, 0};
    }
}

static bool has_unknown_type(const struct db_copy_out *c)
{
    for (size_t i = 0; i < c->column_count; i++)
        if (!c->columns[i].is_loadable)
            return true;
    return false;
}

/* select c1, c2::text from (QUERY) as q(c1, c2): by position, for names may be missing or twice */
static void add_wrapped(const struct db_copy_out *c, const char *query, struct strbuf *sql)
{
    strbuf_adds(sql, "select ");
    for (size_t i = 0; i < c->column_count; i++)
        strbuf_addf(sql, "%sc%zu%s", i > 0 ? ", " : "", i,
                    c->columns[i].is_loadable ? "" : "::text");
    strbuf_addf(sql, " from (%s\n) as q(", query);
    for (size_t i = 0; i < c->column_count; i++)
        strbuf_addf(sql, "%sc%zu", i > 0 ? ", " : "", i);
    strbuf_addch(sql, ')');
}

static int copy_statement(struct db_copy_out *c, const char *query, const char *const *params,
                          size_t nparams, struct error *err)
{
    AUTO_STRBUF struct strbuf bound = {0};
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&bound, SQL_MAX_BYTES);
    strbuf_init(&sql, 2 * SQL_MAX_BYTES);
    TRY(sql_bind(c->conn, query, params, nparams, &bound, err));
    strbuf_adds(&sql, "copy (");
    if (has_unknown_type(c))
        add_wrapped(c, bound.data, &sql);
    else
        strbuf_adds(&sql, bound.data);
    strbuf_adds(&sql, "\n) to stdout (format binary)");
    c->sql = strbuf_detach(&sql, NULL);
    return ERR_OK;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int prepare(struct db_copy_out *c, const char *query, const char *const *params,
                   size_t nparams, struct error *err)
{
    PGresult *description = NULL;
    TRY(describe(c->conn, query, &description, err));
    take_columns(c, description);
    PQclear(description);
    if (c->column_count == 0)
        return error_set(err, ERR_SPEC, "the query returns no columns");
    return copy_statement(c, query, params, nparams, err);
}

static int start(struct db_copy_out *c, struct error *err)
{
    query_begin(&c->query, c->conn, c->sql, true);
    if (PQsendQuery(c->conn->pg, c->sql) != 1)
        return query_send_failed(&c->query, err);
    PGresult *result = query_next(&c->query);
    ExecStatusType status = PQresultStatus(result);
    int code = status == PGRES_COPY_OUT ? ERR_OK : sqlstate_error(c->conn, result, c->sql, err);
    PQclear(result);
    if (code != ERR_OK) {
        struct error ignored = ERROR_INIT;
        (void)query_collect(&c->query, NULL, &ignored);
        return code;
    }
    c->conn->is_copying = true;
    return ERR_OK;
}

static void copy_free(struct db_copy_out *c)
{
    query_end(&c->query);
    PQfreemem(c->message);
    strbuf_release(&c->input);
    arena_free(c->arena);
    free(c->sql);
    free(c);
}

int db_copy_out(struct db_conn *conn, const char *query, const char *const *params, size_t nparams,
                struct db_copy_out **ret, struct error *err)
{
    TRY(query_ready(conn, err));
    struct db_copy_out *c = mem_alloc(sizeof *c);
    c->conn = conn;
    c->arena = arena_new();
    strbuf_init(&c->input, ROW_MAX_BYTES);
    int code = prepare(c, query, params, nparams, err);
    if (code == ERR_OK)
        code = start(c, err);
    if (code != ERR_OK) {
        copy_free(c);
        return code;
    }
    *ret = c;
    return ERR_OK;
}

struct span db_copy_out_row(const struct db_copy_out *c)
{
    return c->row;
}

size_t db_copy_out_columns(const struct db_copy_out *c, const struct db_copy_column **ret)
{
    *ret = c->columns;
    return c->column_count;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The server has ended the COPY, well or not. */
static int finish(struct db_copy_out *c, struct error *err)
{
    c->is_done = true;
    c->conn->is_copying = false;
    return query_collect(&c->query, NULL, err);
}

/* Waits for one more message; the caller frees it with PQfreemem. */
static int next_message(struct db_copy_out *c, struct span *ret, struct error *err)
{
    char *data;
    int n;
    do {
        n = PQgetCopyData(c->conn->pg, &data, 1);
    } while (n == 0 && query_wait(&c->query));
    if (n <= 0) {
        TRY(finish(c, err));
        return error_set(err, ERR_DATABASE, "the rows from the server ended too early");
    }
    c->message = data;
    *ret = (struct span){data, (size_t)n};
    return ERR_OK;
}

static void drop_message(struct db_copy_out *c)
{
    PQfreemem(c->message);
    c->message = NULL;
}

/* Moves the message into the buffer. */
static int keep_message(struct db_copy_out *c, struct span message, struct error *err)
{
    bool fits = strbuf_add(&c->input, message.ptr, message.len);
    drop_message(c);
    return fits ? ERR_OK
                : error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
}

static int receive(struct db_copy_out *c, struct error *err)
{
    struct span message = SPAN("");
    TRY(next_message(c, &message, err));
    return keep_message(c, message, err);
}

/* Until n bytes from `from` on are there. */
static int need(struct db_copy_out *c, size_t from, size_t n, struct error *err)
{
    while (c->input.len - from < n)
        TRY(receive(c, err));
    return ERR_OK;
}

static int malformed(struct error *err)
{
    return error_set(err, ERR_DATABASE, "malformed binary rows from the server");
}

static int read_header(struct db_copy_out *c, struct error *err)
{
    TRY(need(c, 0, HEADER_BYTES, err));
    if (memcmp(c->input.data, SIGNATURE, 11) != 0)
        return malformed(err);
    size_t extension = get_u32(c->input.data + 15);
    if (extension > ROW_MAX_BYTES / 2)
        return malformed(err);
    TRY(need(c, 0, HEADER_BYTES + extension, err));
    c->position = HEADER_BYTES + extension;
    c->has_header = true;
    return ERR_OK;
}

/* The fields are found twice: first until the row is complete, then, the buffer no longer
 * moving, as spans. */
static int row_end(struct db_copy_out *c, size_t *ret_end, struct error *err)
{
    size_t at = c->position + 2;
    for (size_t i = 0; i < c->column_count; i++) {
        TRY(need(c, at, 4, err));
        int32_t len = (int32_t)get_u32(c->input.data + at);
        if (len < -1)
            return malformed(err);
        at += 4;
        if (len > 0) {
            TRY(need(c, at, (size_t)len, err));
            at += (size_t)len;
        }
    }
    *ret_end = at;
    return ERR_OK;
}

static void take_fields(struct db_copy_out *c)
{
    const char *p = c->input.data + c->position + 2, *begin = p;
    for (size_t i = 0; i < c->column_count; i++) {
        int32_t len = (int32_t)get_u32(p);
        p += 4;
        c->fields[i] = len < 0 ? (struct span){NULL, 0} : (struct span){p, (size_t)len};
        p += len > 0 ? len : 0;
    }
    c->row = (struct span){begin, (size_t)(p - begin)};
}

/* Rows read are forgotten before the next one is received. A message is a row, mostly; where it
 * holds many, bytes are moved only once half of them were read. */
static void forget_read(struct db_copy_out *c)
{
    if (c->position <= c->input.len / 2)
        return;
    size_t left = c->input.len - c->position;
    memmove(c->input.data, c->input.data + c->position, left);
    strbuf_truncate(&c->input, left);
    c->position = 0;
}

/* After the trailer: what the server says of the whole. */
static int read_end(struct db_copy_out *c, struct error *err)
{
    char *data;
    int n;
    while ((n = PQgetCopyData(c->conn->pg, &data, 1)) >= 0) {
        if (n > 0)
            PQfreemem(data);
        else if (!query_wait(&c->query))
            break;
    }
    TRY(finish(c, err));
    c->is_at_end = true;
    return ERR_OK;
}

/* A message that is exactly one row, as nearly all are, is read where it lies. */
static bool take_message(struct db_copy_out *c, struct span message)
{
    const char *p = message.ptr + 2, *end = message.ptr + message.len;
    if (message.len < 2 || (size_t)get_u16(message.ptr) != c->column_count)
        return false;
    for (size_t i = 0; i < c->column_count; i++) {
        if (end - p < 4)
            return false;
        int32_t len = (int32_t)get_u32(p);
        p += 4;
        if (len > end - p || len < -1)
            return false;
        c->fields[i] = len < 0 ? (struct span){NULL, 0} : (struct span){p, (size_t)len};
        p += len > 0 ? len : 0;
    }
    c->row = (struct span){message.ptr + 2, message.len - 2};
    return p == end;
}

/* Nothing is buffered: the next row straight from its message. *ret_taken false: look into the
 * buffer, where the message is now. */
static int next_direct(struct db_copy_out *c, bool *ret_taken, struct error *err)
{
    struct span message = SPAN("");
    strbuf_clear(&c->input);
    c->position = 0;
    TRY(next_message(c, &message, err));
    *ret_taken = take_message(c, message);
    return *ret_taken ? ERR_OK : keep_message(c, message, err);
}

int db_copy_out_next(struct db_copy_out *c, const struct span **ret_fields, bool *ret_end,
                     struct error *err)
{
    drop_message(c);
    if (c->has_header && !c->is_done && c->position == c->input.len) {
        bool is_taken = false;
        TRY(next_direct(c, &is_taken, err));
        if (is_taken) {
            *ret_end = false;
            *ret_fields = c->fields;
            return ERR_OK;
        }
    }
    if (c->is_done && !c->is_at_end)
        return error_set(err, ERR_BUG, "a COPY that failed was read on");
    if (!c->is_done && !c->has_header)
        TRY(read_header(c, err));
    if (!c->is_at_end) {
        forget_read(c);
        TRY(need(c, c->position, 2, err));
        int count = (int16_t)get_u16(c->input.data + c->position);
        if (count == -1)
            TRY(read_end(c, err));
        else if (count < 0 || (size_t)count != c->column_count)
            return malformed(err);
    }
    *ret_end = c->is_at_end;
    if (c->is_at_end)
        return ERR_OK;
    size_t end = 0;
    TRY(row_end(c, &end, err));
    take_fields(c);
    c->position = end;
    *ret_fields = c->fields;
    return ERR_OK;
}

/* ---- several at once ---------------------------------------------------------------------- */

/* Whether the next row (or the end) can be had, mostly without waiting. */
static bool db_copy_out_is_ready(const struct db_copy_out *c)
{
    return c->is_done || c->is_drained || c->position < c->input.len;
}

int db_copy_out_prefetch(struct db_copy_out *c, size_t max_bytes, struct error *err)
{
    if (c->is_done || c->is_drained || c->conn->pg == NULL)
        return ERR_OK;
    if (c->position == c->input.len && c->message == NULL) {
        strbuf_clear(&c->input);
        c->position = 0;
    }
    if (c->input.len - c->position >= max_bytes)
        return ERR_OK;
    if (PQconsumeInput(c->conn->pg) != 1)
        return ERR_OK; /* told by the next read */
    char *data;
    int n = 0;
    while (c->input.len - c->position < max_bytes &&
           (n = PQgetCopyData(c->conn->pg, &data, 1)) > 0) {
        bool fits = strbuf_add(&c->input, data, (size_t)n);
        PQfreemem(data);
        if (!fits)
            return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    }
    c->is_drained = n < 0;
    return ERR_OK;
}

/* What came already may be in libpq's memory, where poll() does not see it: look before waiting. */
int db_copy_out_wait(struct db_copy_out *const *all, size_t n, size_t wanted, size_t max_bytes,
                     struct error *err)
{
    struct pollfd fds[DB_COPY_OUT_MAX];
    if (db_copy_out_is_ready(all[wanted]))
        return ERR_OK;
    for (;;) {
        for (size_t i = 0; i < n; i++)
            if (all[i] != NULL)
                TRY(db_copy_out_prefetch(all[i], max_bytes, err));
        if (db_copy_out_is_ready(all[wanted]) || PQstatus(all[wanted]->conn->pg) != CONNECTION_OK)
            return ERR_OK; /* of a lost connection the read that follows tells */
        nfds_t count = 0;
        for (size_t i = 0; i < n; i++)
            if (all[i] != NULL && !all[i]->is_drained &&
                (i == wanted || all[i]->input.len - all[i]->position < max_bytes))
                fds[count++] = (struct pollfd){.fd = PQsocket(all[i]->conn->pg), .events = POLLIN};
        if (poll(fds, count, WAIT_MS) < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot wait for rows");
        TRY(signals_check(err));
    }
}

void db_copy_out_close(struct db_copy_out *c)
{
    if (c == NULL)
        return;
    if (!c->is_done) {
        c->conn->is_copying = false;
        query_discard(&c->query);
    }
    copy_free(c);
}
