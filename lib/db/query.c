/* lib/db/query.c - statements: sending, waiting, cancelling, collecting. */
#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "db/internal.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* Statement texts longer than this are cut in the log. */
#define LOGGED_SQL_BYTES 2000
/* A cancel that came before the server had the statement is sent again. */
#define CANCEL_AGAIN_MS 1000

/* ---- cancelling --------------------------------------------------------------------------- */

/* Runs in the signal handler: PQcancel is async-signal-safe. */
static void cancel_on_server(void *cancel)
{
    char ignored[256];
    (void)PQcancel(cancel, ignored, sizeof ignored);
}

void query_begin(struct query *q, struct db_conn *conn, const char *sql, bool is_cancellable)
{
    *q = (struct query){.conn = conn, .sql = sql, .started_ms = clock_monotonic_ms()};
    if (!is_cancellable || signals_pending() != 0)
        return;
    q->is_armed = true;
    signals_on_cancel(cancel_on_server, conn->cancel);
}

void query_end(struct query *q)
{
    if (q->is_armed)
        signals_remove_cancel(cancel_on_server, q->conn->cancel);
    q->is_armed = false;
}

/* The handler's cancel is lost when it ran just before the statement was sent. */
static void cancel_again(struct query *q)
{
    if (!q->is_armed || signals_pending() == 0)
        return;
    int64_t now_ms = clock_monotonic_ms();
    if (q->cancelled_ms == 0) {
        q->cancelled_ms = now_ms;
    } else if (now_ms - q->cancelled_ms >= CANCEL_AGAIN_MS) {
        cancel_on_server(q->conn->cancel);
        q->cancelled_ms = now_ms;
    }
}

/* ---- waiting ------------------------------------------------------------------------------ */

bool query_wait(struct query *q)
{
    struct pollfd fd = {.fd = PQsocket(q->conn->pg), .events = POLLIN};
    for (;;) {
        cancel_again(q);
        int n = poll(&fd, 1, CANCEL_AGAIN_MS);
        if (n > 0)
            return PQconsumeInput(q->conn->pg) == 1;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

PGresult *query_next(struct query *q)
{
    while (PQisBusy(q->conn->pg))
        if (!query_wait(q))
            break; /* PQgetResult makes the error of it */
    return PQgetResult(q->conn->pg);
}

/* ---- collecting --------------------------------------------------------------------------- */

static void log_statement(const struct query *q, PGresult *result)
{
    if (!log_enabled(LOG_SQL))
        return;
    size_t n = strnlen(q->sql, LOGGED_SQL_BYTES);
    while (n > 0 && ((unsigned char)q->sql[n] & 0xC0) == 0x80)
        n--;
    const char *rows = result != NULL ? PQcmdTuples(result) : "";
    log_event(
        LOG_SQL,
        LOG_FIELDS(LOG_INT("ms", clock_monotonic_ms() - q->started_ms), LOG_STR("rows", rows)),
        "%.*s", (int)n, q->sql);
}

static void log_params(const char *sql, const char *const *params, size_t nparams)
{
    if (!log_enabled(LOG_TRACE))
        return;
    log_trace("sending: %s", sql);
    for (size_t i = 0; i < nparams; i++)
        log_trace("$%zu = %s", i + 1, params[i] != NULL ? params[i] : "null");
}

/* COPY belongs to db/copy.h; here it is ended, so that the connection stays usable. */
static void end_stray_copy(PGconn *pg, ExecStatusType status)
{
    char *data;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
        (void)PQputCopyEnd(pg, "COPY is not possible here");
    else
        while (PQgetCopyData(pg, &data, 0) > 0)
            PQfreemem(data);
}

static bool is_good(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE || status == PGRES_EMPTY_QUERY;
}

/* One more result: the last good one is kept, the first bad one wins. */
static int take_result(struct query *q, PGresult *result, PGresult **kept, int code,
                       struct error *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (is_good(status)) {
        PQclear(*kept);
        *kept = result;
        return code;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        end_stray_copy(q->conn->pg, status);
        if (code == ERR_OK && status == PGRES_COPY_OUT)
            code = error_set(err, ERR_DATABASE, "COPY to standard output is not possible here");
    } else if (code == ERR_OK) {
        code = sqlstate_error(q->conn, result, q->sql, err);
    }
    PQclear(result);
    return code;
}

int query_collect(struct query *q, PGresult **ret, struct error *err)
{
    PGresult *kept = NULL;
    PGresult *result;
    int code = ERR_OK;
    while ((result = query_next(q)) != NULL)
        code = take_result(q, result, &kept, code, err);
    query_end(q);
    log_statement(q, kept);
    if (code == ERR_OK && kept == NULL)
        code = sqlstate_error(q->conn, NULL, q->sql, err);
    if (code != ERR_OK || ret == NULL) {
        PQclear(kept);
        return code;
    }
    *ret = kept;
    return ERR_OK;
}

void query_discard(struct query *q)
{
    PGresult *result;
    cancel_on_server(q->conn->cancel);
    while ((result = query_next(q)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
            end_stray_copy(q->conn->pg, status);
        PQclear(result);
    }
    query_end(q);
}

int query_send_failed(struct query *q, struct error *err)
{
    query_end(q);
    return sqlstate_error(q->conn, NULL, q->sql, err);
}

/* ---- the public calls --------------------------------------------------------------------- */

static int send_params(struct query *q, struct db_conn *conn, const char *sql,
                       const char *const *params, size_t nparams, struct error *err)
{
    TRY(conn_check(conn, err));
    log_params(sql, params, nparams);
    query_begin(q, conn, sql, true);
    if (PQsendQueryParams(conn->pg, sql, (int)nparams, NULL, params, NULL, NULL, 0) != 1)
        return query_send_failed(q, err);
    return ERR_OK;
}

static int run(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
               PGresult **ret, struct error *err)
{
    struct query q;
    TRY(send_params(&q, conn, sql, params, nparams, err));
    return query_collect(&q, ret, err);
}

int query_plain(struct db_conn *conn, const char *sql, PGresult **ret, struct error *err)
{
    struct query q;
    TRY(conn_check(conn, err));
    query_begin(&q, conn, sql, false);
    if (PQsendQuery(conn->pg, sql) != 1)
        return query_send_failed(&q, err);
    return query_collect(&q, ret, err);
}

int db_query(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
             struct db_result **ret, struct error *err)
{
    PGresult *pg = NULL;
    TRY(run(conn, sql, params, nparams, &pg, err));
    struct db_result *result = mem_alloc(sizeof *result);
    result->pg = pg;
    *ret = result;
    return ERR_OK;
}

int db_execute(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
               int64_t *ret_rows, struct error *err)
{
    PGresult *pg = NULL;
    TRY(run(conn, sql, params, nparams, &pg, err));
    if (ret_rows != NULL)
        *ret_rows = strtoll(PQcmdTuples(pg), NULL, 10);
    PQclear(pg);
    return ERR_OK;
}

int db_script(struct db_conn *conn, const char *sql, struct error *err)
{
    struct query q;
    TRY(conn_check(conn, err));
    query_begin(&q, conn, sql, true);
    if (PQsendQuery(conn->pg, sql) != 1)
        return query_send_failed(&q, err);
    return query_collect(&q, NULL, err);
}

static int first_value(const PGresult *pg, const char **ret_value, struct error *err)
{
    if (PQntuples(pg) == 0 || PQnfields(pg) == 0)
        return error_set(err, ERR_NOT_FOUND, "the query returned no row");
    *ret_value = PQgetisnull(pg, 0, 0) ? NULL : PQgetvalue(pg, 0, 0);
    return ERR_OK;
}

int db_query_text(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                  char **ret_text, struct error *err)
{
    PGresult *pg = NULL;
    const char *value = NULL;
    TRY(run(conn, sql, params, nparams, &pg, err));
    int code = first_value(pg, &value, err);
    if (code == ERR_OK)
        *ret_text = mem_strdup(value);
    PQclear(pg);
    return code;
}

int db_query_int(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                 int64_t *ret_value, struct error *err)
{
    PGresult *pg = NULL;
    const char *value = NULL;
    TRY(run(conn, sql, params, nparams, &pg, err));
    int code = first_value(pg, &value, err);
    if (code == ERR_OK)
        *ret_value = value != NULL ? strtoll(value, NULL, 10) : 0;
    PQclear(pg);
    return code;
}

/* Gives the rows of one result of single-row mode to the callback. */
static int each_row(struct query *q, PGresult *result,
                    int (*row)(void *self, const struct db_result *row, struct error *err),
                    void *self, struct error *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (!is_good(status)) {
        PGresult *none = NULL;
        return take_result(q, result, &none, ERR_OK, err);
    }
    const struct db_result view = {result};
    int code = status == PGRES_SINGLE_TUPLE ? row(self, &view, err) : ERR_OK;
    PQclear(result);
    return code;
}

int db_query_each(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                  int (*row)(void *self, const struct db_result *row, struct error *err),
                  void *self, struct error *err)
{
    struct query q;
    TRY(send_params(&q, conn, sql, params, nparams, err));
    (void)PQsetSingleRowMode(conn->pg);
    PGresult *result;
    int code = ERR_OK;
    /* The callback must not run statements of its own on this connection. */
    conn->is_copying = true;
    while (code == ERR_OK && (result = query_next(&q)) != NULL)
        code = each_row(&q, result, row, self, err);
    conn->is_copying = false;
    if (code != ERR_OK)
        query_discard(&q);
    query_end(&q);
    log_statement(&q, NULL);
    return code;
}
