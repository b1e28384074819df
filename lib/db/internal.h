/* lib/db/internal.h - what the files of lib/db share; nobody else includes it. */
#ifndef DINER_DB_INTERNAL_H
#define DINER_DB_INTERNAL_H

#include "core/hashmap.h"
#include "core/trace_span.h"
#include "db/conn.h"
#include <libpq-fe.h>

struct query;
struct db_conn {
    PGconn *pg;       /* NULL when a re-open failed */
    PGcancel *cancel; /* as long as pg */
    char *dsn;        /* may hold a password: wiped on close */
    char *application_name;
    char *search_path;
    int64_t connect_timeout_ms, statement_timeout_ms, lock_timeout_ms;
    char **locks; /* names of the advisory locks held */
    size_t lock_count, lock_capacity;
    char *lost_lock;   /* a lock that a re-open could not take again: the connection is unusable */
    uint64_t notices;  /* how many the server sent */
    bool is_copying;   /* a COPY or a row by row query is under way */
    bool is_preparing; /* as the options asked */
    struct hashmap *prepared; /* text -> its name on the server, owned; NULL: none */
    bool is_prepared_stale;
    bool is_session_kept;    /* no pooler takes it away between transactions */
    char *comment;           /* put behind each statement, or NULL */
    struct strbuf commented; /* the statement with it */
    struct query *started;   /* by db_start, or NULL */
    char *refusal_detail;    /* db_refusal_detail */
    struct later *later;     /* statements that wait for the next one */
    size_t later_count, later_capacity;
};

struct db_result {
    PGresult *pg;
};

/* Connects (or connects again, the old connection closed) and sets the session up. */
int conn_connect(struct db_conn *conn, struct error *err);
/* Refuses a dead connection, a lost lock, and a statement in the middle of a COPY. */
int conn_check(const struct db_conn *conn, struct error *err);

/* One statement on its way. A signal that arrives while `armed` cancels it on the server; a
 * statement begun after the signal runs undisturbed, so that a run can be recorded as stopped. */
struct query {
    struct db_conn *conn;
    const char *sql;
    int64_t started_ms, cancelled_ms;
    bool is_armed;
    struct trace_span span;
};
void query_begin(struct query *q, struct db_conn *conn, const char *sql, bool is_cancellable);
void query_end(struct query *q);
/* Waits until the socket is readable and takes what came in; false when the connection is lost. */
bool query_wait(struct query *q);
/* The next result, or NULL at the end. */
PGresult *query_next(struct query *q);
/* Takes all results; gives the last one when none failed (*ret may be NULL: dropped). */
int query_collect(struct query *q, PGresult **ret, struct error *err);
/* Reads and forgets what is left, cancelling on the server first. */
void query_discard(struct query *q);
int query_send_failed(struct query *q, struct error *err);
/* The statement's name on the server, prepared there if need be; NULL: it is sent as it is. */
int query_prepared_name(struct db_conn *conn, const char *sql, const char **ret, struct error *err);
int query_send(struct query *q, struct db_conn *conn, const char *sql, const char *name,
               const char *const *params, size_t nparams, struct error *err);
/* conn_check; and what was put off is done, so that it comes before what follows. */
int query_ready(struct db_conn *conn, struct error *err);
/* What was put off and this statement, in one trip; *ret (may be NULL) is this statement's. */
int later_run(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
              PGresult **ret, struct error *err);
/* The same, and COMMIT behind it, with no canceller. */
int later_commit(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                 PGresult **ret, struct error *err);
/* Forgets what was put off. */
void later_drop(struct db_conn *conn);
/* Forgets which statements are prepared, here; not on the server. */
void query_forget_prepared(struct db_conn *conn);
/* Sends and collects, without a canceller: BEGIN, COMMIT, ROLLBACK. */
int query_plain(struct db_conn *conn, const char *sql, PGresult **ret, struct error *err);

enum error_code sqlstate_code(const char *sqlstate);
/* Fills err from a failed result (NULL: from the connection); sql gives line and column. */
int sqlstate_error(const struct db_conn *conn, const PGresult *result, const char *sql,
                   struct error *err);

#endif
