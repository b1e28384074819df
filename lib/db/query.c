/* lib/db/query.c - statements: sending, waiting, cancelling, collecting. */
#include "core/clock.h"
#include "core/hashmap.h"
#include "core/log.h"
#include "core/message.h"
#include "core/signals.h"
#include "db/internal.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Statement texts longer than this are cut in the log. */
#define LOGGED_SQL_BYTES 2000
/* A cancel that came before the server had the statement is sent again. */
#define CANCEL_AGAIN_MS 1000
/* The class of what functions of our schema raise. */
#define OUR_CLASS "DN"

/* ---- cancelling --------------------------------------------------------------------------- */

/* Runs in the signal handler: PQcancel is async-signal-safe. */
static void cancel_on_server(void *cancel)
{
    char ignored[256];
    (void)PQcancel(cancel, ignored, sizeof ignored);
}

/* Comments at its begin are for readers of the file. */
static const char *first_word(const char *sql)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n");
        if (strncmp(sql, "--", 2) != 0)
            return sql;
        sql += strcspn(sql, "\n");
    }
}

/* How much of a text is at most `max` bytes of whole characters. */
static size_t whole_characters(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);
    if (n <= max)
        return n;
    for (n = max; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80; n--)
        ;
    return n;
}

static void begin_span(struct trace_span *span, const char *sql)
{
    trace_span_begin(span, TRACE_SPAN_CLIENT, "");
    if (span->id[0] == '\0')
        return;
    const char *text = first_word(sql);
    (void)snprintf(span->name, sizeof span->name, "%.*s", (int)strcspn(text, " \t\r\n;("), text);
    trace_span_text(span, "db.system", "postgresql", 10);
    trace_span_text(span, "db.statement", text, whole_characters(text, LOGGED_SQL_BYTES));
}

void query_begin(struct query *q, struct db_conn *conn, const char *sql, bool is_cancellable)
{
    *q = (struct query){.conn = conn, .sql = sql, .started_ms = clock_monotonic_ms()};
    begin_span(&q->span, sql);
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
    trace_span_end(&q->span);
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
    size_t n = whole_characters(q->sql, LOGGED_SQL_BYTES);
    const char *rows = result != NULL ? PQcmdTuples(result) : "";
    log_event(
        LOG_SQL,
        LOG_FIELDS(LOG_INT("ms", clock_monotonic_ms() - q->started_ms), LOG_STR("rows", rows)),
        "%.*s", (int)n, q->sql);
}

/* What a parameter says may be a person's, or a secret: only that there is one is told. */
static void log_params(const char *sql, const char *const *params, size_t nparams)
{
    if (!log_enabled(LOG_TRACE))
        return;
    log_trace("sending: %s", sql);
    for (size_t i = 0; i < nparams; i++)
        if (params[i] != NULL)
            log_trace("$%zu has %zu bytes", i + 1, strlen(params[i]));
        else
            log_trace("$%zu is null", i + 1);
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

static void remember_failure(struct db_conn *conn, const PGresult *result, const struct error *err)
{
    if (conn->prepared != NULL && strcmp(err->sqlstate, "0A000") == 0)
        conn->is_prepared_stale = true;
    if (strncmp(err->sqlstate, OUR_CLASS, 2) != 0)
        return;
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    free(conn->refusal_detail);
    conn->refusal_detail = mem_strdup(detail != NULL ? detail : "");
}

const char *db_refusal_detail(const struct db_conn *conn)
{
    return conn->refusal_detail;
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
        remember_failure(q->conn, result, err);
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
    if (code != ERR_OK)
        trace_span_fail(&q->span, err->sqlstate[0] != '\0' ? err->sqlstate : "failed");
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
    trace_span_fail(&q->span, message_text("not sent"));
    query_end(q);
    return sqlstate_error(q->conn, NULL, q->sql, err);
}

/* ---- prepared statements ------------------------------------------------------------------ */

/* More texts than any of our programs has; one that builds SQL stays bounded. */
#define PREPARED_MAX 256

static int prepare(struct db_conn *conn, const char *sql, const char *name, struct error *err)
{
    struct query q;
    query_begin(&q, conn, sql, true);
    if (PQsendPrepare(conn->pg, name, sql, 0, NULL) != 1)
        return query_send_failed(&q, err);
    return query_collect(&q, NULL, err);
}

void query_forget_prepared(struct db_conn *conn)
{
    const char *ignored;
    for (size_t i = 0; conn->prepared != NULL && i < hashmap_count(conn->prepared); i++)
        free(hashmap_at(conn->prepared, i, &ignored));
    hashmap_free(conn->prepared);
    conn->prepared = NULL;
    conn->is_prepared_stale = false;
}

/* A table was altered under a prepared statement ("cached plan must not change result type"): all
 * are prepared again, as soon as no transaction is in the way. */
static void prepare_anew(struct db_conn *conn)
{
    struct error ignored = ERROR_INIT;
    if (db_in_transaction(conn) || query_plain(conn, "DEALLOCATE ALL", NULL, &ignored) != ERR_OK)
        return;
    query_forget_prepared(conn);
    conn->prepared = hashmap_new();
}

int query_prepared_name(struct db_conn *conn, const char *sql, const char **ret, struct error *err)
{
    char name[24];
    *ret = NULL;
    if (conn->prepared == NULL || conn->comment != NULL)
        return ERR_OK;
    if (conn->is_prepared_stale)
        prepare_anew(conn);
    if (conn->is_prepared_stale)
        return ERR_OK;
    *ret = hashmap_gets(conn->prepared, sql);
    if (*ret != NULL || hashmap_count(conn->prepared) >= PREPARED_MAX)
        return ERR_OK;
    snprintf(name, sizeof name, "d%zu", hashmap_count(conn->prepared));
    TRY(prepare(conn, sql, name, err));
    char *kept = mem_strdup(name);
    (void)hashmap_puts(conn->prepared, sql, kept);
    *ret = kept;
    return ERR_OK;
}

/* ---- the public calls --------------------------------------------------------------------- */

int query_send(struct query *q, struct db_conn *conn, const char *sql, const char *name,
               const char *const *params, size_t nparams, struct error *err)
{
    log_params(sql, params, nparams);
    int sent;
    if (name != NULL) {
        sent = PQsendQueryPrepared(conn->pg, name, (int)nparams, params, NULL, NULL, 0);
    } else if (conn->comment != NULL) {
        strbuf_clear(&conn->commented);
        strbuf_addf(&conn->commented, "%s\n%s", sql, conn->comment);
        sent = PQsendQueryParams(conn->pg, conn->commented.data, (int)nparams, NULL, params, NULL,
                                 NULL, 0);
    } else {
        sent = PQsendQueryParams(conn->pg, sql, (int)nparams, NULL, params, NULL, NULL, 0);
    }
    return sent == 1 ? ERR_OK : query_send_failed(q, err);
}

static int send_params(struct query *q, struct db_conn *conn, const char *sql,
                       const char *const *params, size_t nparams, struct error *err)
{
    const char *name = NULL;
    TRY(query_ready(conn, err));
    TRY(query_prepared_name(conn, sql, &name, err));
    query_begin(q, conn, sql, true);
    return query_send(q, conn, sql, name, params, nparams, err);
}

void db_set_comment(struct db_conn *conn, const char *text)
{
    free(conn->comment);
    conn->comment = NULL;
    if (text == NULL || strstr(text, "*/") != NULL || strstr(text, "/*") != NULL)
        return;
    size_t size = strlen(text) + sizeof "/**/";
    conn->comment = mem_alloc(size);
    snprintf(conn->comment, size, "/*%s*/", text);
}

static int run(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
               PGresult **ret, struct error *err)
{
    struct query q;
    if (conn->later_count > 0)
        return later_run(conn, sql, params, nparams, ret, err);
    TRY(send_params(&q, conn, sql, params, nparams, err));
    return query_collect(&q, ret, err);
}

int query_plain(struct db_conn *conn, const char *sql, PGresult **ret, struct error *err)
{
    struct query q;
    TRY(query_ready(conn, err));
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

int db_start(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
             struct error *err)
{
    struct query *q = mem_alloc(sizeof *q);
    int code = send_params(q, conn, sql, params, nparams, err);
    if (code != ERR_OK) {
        free(q);
        return code;
    }
    conn->started = q;
    conn->is_copying = true;
    return ERR_OK;
}

int db_finish(struct db_conn *conn, struct db_result **ret, struct error *err)
{
    PGresult *pg = NULL;
    struct query *q = conn->started;
    conn->started = NULL;
    conn->is_copying = false;
    int code = query_collect(q, &pg, err);
    free(q);
    TRY(code);
    *ret = mem_alloc(sizeof **ret);
    (*ret)->pg = pg;
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
    TRY(query_ready(conn, err));
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
