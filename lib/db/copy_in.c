/* lib/db/copy_in.c - rows to the server by COPY FROM STDIN (FORMAT binary).
 * Format: "Binary Format" in the manual's page of COPY. */
#include "core/signals.h"
#include "db/copy.h"
#include "db/internal.h"
#include "db/wire.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* More gains nothing (measured up to 256 KiB); a row may be larger. */
#define PIECE_BYTES   ((size_t)32 << 10)
#define ROW_MAX_BYTES ((size_t)256 << 20)
/* Pieces still sent after the server said something that was no notice. */
#define PIECES_AFTER_REPLY 8
#define SHARED_MAX         64
/* What a local socket holds, so that the server has work while we read. TCP sizes its own. */
#define SOCKET_BYTES (1 << 20)

static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
#define HEADER_BYTES 19

struct db_copy {
    struct query query; /* under way until end or abort */
    struct db_conn *conn;
    struct strbuf buffer;
    char *sql;
    size_t column_count;
    size_t row_start; /* of the row being written */
    uint64_t notices; /* seen when the server last spoke */
    int pieces_after_reply;
    bool is_shared; /* one of several: does not wait for its socket */
};

static void copy_free(struct db_copy *c)
{
    c->conn->is_copying = false;
    query_end(&c->query);
    strbuf_release(&c->buffer);
    free(c->sql);
    free(c);
}

static char *copy_statement(const char *quoted_table, const char *const *columns, size_t ncolumns)
{
    struct strbuf sql;
    strbuf_init(&sql, 0);
    strbuf_addf(&sql, "copy %s", quoted_table);
    for (size_t i = 0; i < ncolumns; i++) {
        strbuf_adds(&sql, i == 0 ? " (" : ", ");
        db_quote_identifier(&sql, columns[i]);
    }
    strbuf_adds(&sql,
                ncolumns > 0 ? ") from stdin (format binary)" : " from stdin (format binary)");
    char *text = strbuf_detach(&sql, NULL);
    strbuf_release(&sql);
    return text;
}

/* Sends the statement and waits for the server to be ready for rows. */
static int copy_start(struct db_copy *c, struct error *err)
{
    PGconn *pg = c->conn->pg;
    query_begin(&c->query, c->conn, c->sql, true);
    if (PQsendQuery(pg, c->sql) != 1)
        return query_send_failed(&c->query, err);
    PGresult *result = query_next(&c->query);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        return ERR_OK;
    }
    int code = sqlstate_error(c->conn, result, c->sql, err);
    PQclear(result);
    struct error ignored = ERROR_INIT;
    (void)query_collect(&c->query, NULL, &ignored);
    return code;
}

static void widen_local_socket(int fd)
{
    int domain = 0, bytes = SOCKET_BYTES;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){sizeof domain}) == 0 &&
        domain == AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int db_copy_in(struct db_conn *conn, const char *quoted_table, const char *const *columns,
               size_t ncolumns, struct db_copy **ret, struct error *err)
{
    TRY(query_ready(conn, err));
    struct db_copy *c = mem_alloc(sizeof *c);
    c->conn = conn;
    c->column_count = ncolumns;
    c->notices = conn->notices;
    c->sql = copy_statement(quoted_table, columns, ncolumns);
    strbuf_init(&c->buffer, ROW_MAX_BYTES);
    int code = copy_start(c, err);
    if (code != ERR_OK) {
        copy_free(c);
        return code;
    }
    conn->is_copying = true;
    (void)PQsetnonblocking(conn->pg, 1);
    widen_local_socket(PQsocket(conn->pg));
    strbuf_add(&c->buffer, header, HEADER_BYTES);
    *ret = c;
    return ERR_OK;
}

void db_copy_row(struct db_copy *c)
{
    char count[2];
    c->row_start = c->buffer.len;
    put_u16(count, (uint16_t)c->column_count);
    strbuf_add(&c->buffer, count, sizeof count);
}

struct strbuf *db_copy_buffer(struct db_copy *c)
{
    return &c->buffer;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Takes in what the server sent before the end. False: the connection is lost. */
static bool copy_hear(struct db_copy *c)
{
    if (c->pieces_after_reply == 0)
        c->pieces_after_reply = 1;
    return PQconsumeInput(c->conn->pg) == 1;
}

/* Writes what libpq holds. The connection is in non-blocking mode, for a blocking send would read
 * the server's error into libpq's buffer, where nothing can be seen of it. */
static bool copy_push(struct db_copy *c)
{
    PGconn *pg = c->conn->pg;
    struct pollfd fd = {.fd = PQsocket(pg), .events = POLLIN};
    if (poll(&fd, 1, 0) > 0 && !copy_hear(c))
        return false;
    int left;
    while ((left = PQflush(pg)) == 1 && !c->is_shared) {
        fd.events = POLLIN | POLLOUT;
        if (poll(&fd, 1, 1000) > 0 && (fd.revents & ~POLLOUT) != 0 && !copy_hear(c))
            return false;
    }
    return left >= 0;
}

/* Ends a COPY that is not to succeed and fills err: what the server said first, if it did. c stays
 * for end or abort to free. */
static int copy_failed(struct db_copy *c, struct error *err)
{
    PGconn *pg = c->conn->pg;
    PGresult *result;
    int code = ERR_OK;
    c->is_shared = false;
    bool is_ended =
        copy_push(c) && PQsetnonblocking(pg, 0) == 0 && PQputCopyEnd(pg, "stopped") == 1;
    while ((result = query_next(&c->query)) != NULL) {
        if (!is_ended && PQresultStatus(result) == PGRES_COPY_IN) {
            PQclear(result); /* libpq would give it for ever */
            break;
        }
        if (code == ERR_OK && PQresultStatus(result) == PGRES_FATAL_ERROR)
            code = sqlstate_error(c->conn, result, c->sql, err);
        PQclear(result);
    }
    c->conn->is_copying = false;
    return code != ERR_OK ? code : sqlstate_error(c->conn, NULL, c->sql, err);
}

/* libpq would send a file of 20 GB after the first row was refused: it looks for the error only
 * at the end. During COPY the server speaks to fail or to give a notice; libpq counts notices for
 * us, and one that came in half gets a few pieces of time. */
static bool has_server_failed(struct db_copy *c)
{
    if (c->pieces_after_reply == 0)
        return false;
    (void)PQputCopyData(c->conn->pg, "", 0); /* takes notices out of what was read */
    if (c->conn->notices != c->notices) {
        c->notices = c->conn->notices;
        c->pieces_after_reply = 0;
        return false;
    }
    return c->pieces_after_reply++ > PIECES_AFTER_REPLY;
}

static int copy_flush(struct db_copy *c, struct error *err)
{
    if (!c->conn->is_copying)
        return error_set(err, ERR_BUG, "a COPY that failed was written to");
    bool is_stopped = c->query.is_armed && signals_pending() != 0;
    if (is_stopped || PQputCopyData(c->conn->pg, c->buffer.data, (int)c->buffer.len) != 1 ||
        !copy_push(c) || has_server_failed(c))
        return copy_failed(c, err);
    strbuf_clear(&c->buffer);
    c->row_start = 0;
    return ERR_OK;
}

int db_copy_keep(struct db_copy *c, struct error *err)
{
    if (c->buffer.overflow)
        return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    c->row_start = c->buffer.len;
    return c->buffer.len < PIECE_BYTES ? ERR_OK : copy_flush(c, err);
}

void db_copy_drop(struct db_copy *c)
{
    strbuf_truncate(&c->buffer, c->row_start);
    c->buffer.overflow = false;
}

/* ---- several side by side --------------------------------------------------------------- */

void db_copy_set_shared(struct db_copy *c)
{
    c->is_shared = true;
}

/* Waits for any of the sockets; takes in what a server said. */
static int wait_for_any(struct db_copy *const *copies, size_t n, struct error *err)
{
    struct pollfd fds[SHARED_MAX];
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = PQsocket(copies[i]->conn->pg), .events = POLLIN | POLLOUT};
    if (poll(fds, n, 1000) < 0)
        return ERR_OK; /* a signal: the caller looks */
    for (size_t i = 0; i < n; i++)
        if ((fds[i].revents & ~POLLOUT) != 0 && !copy_hear(copies[i]))
            return copy_failed(copies[i], err);
    return ERR_OK;
}

int db_copy_choose(struct db_copy *const *copies, size_t n, size_t *at, struct error *err)
{
    n = n < SHARED_MAX ? n : SHARED_MAX;
    for (;;) {
        for (size_t i = 1; i <= n; i++) {
            size_t next = (*at + i) % n;
            int left = PQflush(copies[next]->conn->pg);
            if (left == 0) {
                *at = next;
                return ERR_OK;
            }
            if (left < 0)
                return copy_failed(copies[next], err);
        }
        if (copies[0]->query.is_armed && signals_pending() != 0)
            return copy_failed(copies[0], err);
        TRY(wait_for_any(copies, n, err));
    }
}

/* ---- ending ------------------------------------------------------------------------------- */

static int copy_finish(struct db_copy *c, PGresult **ret, struct error *err)
{
    static const char trailer[2] = {'\377', '\377'};
    strbuf_add(&c->buffer, trailer, sizeof trailer);
    c->is_shared = false; /* all of it has to go out now */
    TRY(copy_flush(c, err));
    if (PQsetnonblocking(c->conn->pg, 0) != 0 || PQputCopyEnd(c->conn->pg, NULL) != 1)
        return copy_failed(c, err);
    c->conn->is_copying = false;
    return query_collect(&c->query, ret, err);
}

int db_copy_end(struct db_copy *c, uint64_t *ret_rows, struct error *err)
{
    PGresult *result = NULL;
    int code = copy_finish(c, &result, err);
    if (code == ERR_OK && ret_rows != NULL)
        *ret_rows = strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    copy_free(c);
    return code;
}

void db_copy_abort(struct db_copy *c)
{
    struct error ignored = ERROR_INIT;
    if (c == NULL)
        return;
    if (c->conn->is_copying)
        (void)copy_failed(c, &ignored);
    copy_free(c);
}
