/* lib/db/conn.h - PostgreSQL connections, queries, transactions.
 *
 * Text parameters only ($1...), never built SQL; identifiers through db_quote_identifier. Each
 * SQLSTATE becomes an error code in one place (db/sqlstate.c): 08 40001 40P01 55P03 57P0x 53 are
 * ERR_DATABASE_TRANSIENT, 22 23 ERR_DATA, 28 and 42501 ERR_AUTH, 57014 after a signal
 * ERR_CANCELLED, the rest ERR_DATABASE; error.sqlstate is always filled. While a query runs, INT
 * cancels it on the server. One thread. */
#ifndef DINER_DB_CONN_H
#define DINER_DB_CONN_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

struct db_conn;
struct db_result;

struct db_options {
    const char *dsn;              /* libpq URL or key=value; may be "" (libpq's environment) */
    const char *application_name; /* "diner", run and stream are appended by db_set_step */
    const char *search_path;      /* NULL: leave */
    int64_t connect_timeout_ms;   /* 0: 10 s */
    int64_t statement_timeout_ms; /* 0: none */
    int64_t lock_timeout_ms;      /* 0: 5 s */
    bool prepare; /* keep statements prepared on the server: for programs that repeat a few texts */
};

/* Connects; sets client_encoding UTF8, DateStyle ISO, IntervalStyle, TimeZone UTC,
 * extra_float_digits, standard_conforming_strings, idle_in_transaction_session_timeout off.
 * ERR_UNAVAILABLE-like failures are ERR_DATABASE_TRANSIENT, a wrong password is ERR_AUTH. The DSN
 * never appears unmasked in a message. */
int db_open(const struct db_options *options, struct db_conn **ret, struct error *err);
void db_close(struct db_conn *conn); /* NULL-safe; rolls back by closing */
bool db_is_alive(const struct db_conn *conn);
int db_server_version(const struct db_conn *conn);        /* 150020 */
void db_set_step(struct db_conn *conn, const char *step); /* application_name suffix, best effort */
/* Puts the text behind every statement as a comment (a traceparent, say), so that the server's logs
 * and samples name who asked; such statements are not prepared. NULL: no more. A text with the
 * marks of a comment in it is left out. */
void db_set_comment(struct db_conn *conn, const char *text);

/* One statement with text parameters; a NULL parameter is NULL. */
int db_query(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
             struct db_result **ret, struct error *err);
/* For statements whose rows nobody reads; *ret_rows (may be NULL) gets the affected count. */
int db_execute(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
               int64_t *ret_rows, struct error *err);
/* Puts a statement off until the next call, with which it travels in one trip (pipeline mode): for
 * what must come before the next statement and whose rows nobody reads. Its failure is told by that
 * call, whose own statement is not run then; db_rollback forgets it. The text is borrowed until
 * then, the parameters are copied. */
void db_execute_later(struct db_conn *conn, const char *sql, const char *const *params,
                      size_t nparams);
/* Sends one statement and does not wait; nothing else is possible on the connection until
 * db_finish, which must follow, waits for its rows. For work on several connections at a time. */
int db_start(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
             struct error *err);
int db_finish(struct db_conn *conn, struct db_result **ret, struct error *err);
/* Several statements separated by ';', no parameters (migrations, hooks). */
int db_script(struct db_conn *conn, const char *sql, struct error *err);
/* The first column of the only row as an owned string (NULL for SQL NULL); no row: ERR_NOT_FOUND.
 */
int db_query_text(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                  char **ret_text, struct error *err);
int db_query_int(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                 int64_t *ret_value, struct error *err);
/* Literal parameter lists: db_query(c, sql, DB_PARAMS(a, b), &res, err). */
#define DB_PARAMS(...)                                                                             \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define DB_NO_PARAMS NULL, 0

/* Streams a query row by row in flat memory (single-row mode); the callback borrows the result,
 * which holds one row. A non-zero return of the callback stops and is returned. */
int db_query_each(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                  int (*row)(void *self, const struct db_result *row, struct error *err),
                  void *self, struct error *err);

size_t db_result_rows(const struct db_result *r);
size_t db_result_columns(const struct db_result *r);
const char *db_result_name(const struct db_result *r, size_t column);
uint32_t db_result_type(const struct db_result *r, size_t column);    /* OID */
int32_t db_result_modifier(const struct db_result *r, size_t column); /* typmod; -1: none */
const char *db_result_text(const struct db_result *r, size_t row, size_t column); /* NULL: null */
struct span db_result_span(const struct db_result *r, size_t row, size_t column);
int64_t db_result_int(const struct db_result *r, size_t row, size_t column); /* 0 for null */
bool db_result_bool(const struct db_result *r, size_t row, size_t column);
void db_result_free(struct db_result *r);
void db_result_cleanup(struct db_result **r);
#define AUTO_RESULT __attribute__((cleanup(db_result_cleanup)))

int db_begin(struct db_conn *conn, struct error *err);
void db_begin_later(struct db_conn *conn); /* as db_execute_later: with the first statement */
int db_begin_snapshot(struct db_conn *conn, struct error *err); /* repeatable read, read only */
/* A lost COMMIT reply is settled by pg_xact_status on a new connection: returns 0 when the commit
 * is known to have happened. The connection is re-opened then. */
int db_commit(struct db_conn *conn, struct error *err);
/* The last statement of a transaction and its commit in one trip, so that what the statement locks
 * is locked no longer than that. Where it fails nothing is committed. *ret (owned) has its rows;
 * when the reply was lost it is asked again for them after the commit, so it changes nothing then.
 */
int db_commit_with(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                   struct db_result **ret, struct error *err);
/* The DETAIL of the last failure that a function of our own schemas raised, which are those with a
 * SQLSTATE of class DN. */
const char *db_refusal_detail(const struct db_conn *conn);
void db_rollback(struct db_conn *conn); /* never fails visibly; nothing when not in a transaction */
bool db_in_transaction(const struct db_conn *conn);

/* ERR_CONFIG behind a pooler that gives each transaction another session (pgbouncer in transaction
 * mode): locks, settings and prepared statements do not hold there. Through any pooler the first
 * call opens a second connection for a moment; blocks up to 3 s where it finds one that shares. */
int db_refuse_pooler(struct db_conn *conn, struct error *err);

/* Session-level advisory lock on hashtextextended(name); held until unlock or disconnect.
 * ERR_RUNNING when another session has it. A pooler in transaction mode is refused. */
int db_try_lock(struct db_conn *conn, const char *name, struct error *err);
/* As db_try_lock, but any number of sessions may hold it shared; excludes db_try_lock. */
int db_try_lock_shared(struct db_conn *conn, const char *name, struct error *err);
/* Gives up what db_try_lock took; nothing when it was not. */
int db_unlock(struct db_conn *conn, const char *name, struct error *err);

void db_quote_identifier(struct strbuf *out, const char *identifier); /* "x" with quotes doubled */
void db_quote_qualified(struct strbuf *out, const char *schema,
                        const char *name);                   /* schema NULL ok */
void db_quote_literal(struct strbuf *out, const char *text); /* only for DDL that takes no params */

#endif
