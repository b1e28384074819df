/* lib/db/tx.c - transactions, the lost reply to COMMIT, advisory locks. */
#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "db/internal.h"
#include "gen/embed.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* How long the outcome of a commit is asked for while the server comes back; shorter once a
 * signal wants us to stop. */
#define SETTLE_MS         30000
#define SETTLE_STOPPED_MS 5000
#define SETTLE_PAUSE_MS   100

int db_begin(struct db_conn *conn, struct error *err)
{
    return query_plain(conn, "begin", NULL, err);
}

void db_begin_later(struct db_conn *conn)
{
    db_execute_later(conn, "begin", DB_NO_PARAMS);
}

int db_begin_snapshot(struct db_conn *conn, struct error *err)
{
    return query_plain(conn, "begin isolation level repeatable read read only", NULL, err);
}

bool db_in_transaction(const struct db_conn *conn)
{
    if (conn->pg == NULL)
        return false;
    PGTransactionStatusType status = PQtransactionStatus(conn->pg);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

void db_rollback(struct db_conn *conn)
{
    struct error ignored = ERROR_INIT;
    later_drop(conn);
    if (!db_in_transaction(conn) || PQstatus(conn->pg) != CONNECTION_OK)
        return;
    if (query_plain(conn, "rollback", NULL, &ignored) != ERR_OK)
        log_debug("rollback: %s", ignored.message);
}

/* ---- the lost reply to COMMIT ------------------------------------------------------------- */

/* The id is asked for before COMMIT, for afterwards nobody can tell; "" when nothing was written.
 */
static int transaction_id(struct db_conn *conn, char **ret_xid, struct error *err)
{
    const char *sql =
        db_server_version(conn) >= 130000 ? sql_transaction_id : sql_transaction_id_before_13;
    return db_query_text(conn, sql, DB_NO_PARAMS, ret_xid, err);
}

enum outcome { OUTCOME_COMMITTED, OUTCOME_ABORTED, OUTCOME_IN_PROGRESS, OUTCOME_UNKNOWN };

static enum outcome ask_outcome(struct db_conn *conn, const char *xid)
{
    struct error err = ERROR_INIT;
    AUTOFREE char *status = NULL;
    const char *sql = db_server_version(conn) >= 130000 ? sql_transaction_status
                                                        : sql_transaction_status_before_13;
    if (db_query_text(conn, sql, DB_PARAMS(xid), &status, &err) != ERR_OK) {
        /* "in the future": the server crashed before any of the transaction reached its disk. */
        if (strcmp(err.sqlstate, "22023") == 0)
            return OUTCOME_ABORTED;
        return PQstatus(conn->pg) == CONNECTION_OK ? OUTCOME_UNKNOWN : OUTCOME_IN_PROGRESS;
    }
    if (status == NULL)
        return OUTCOME_UNKNOWN;
    if (strcmp(status, "committed") == 0)
        return OUTCOME_COMMITTED;
    return strcmp(status, "aborted") == 0 ? OUTCOME_ABORTED : OUTCOME_IN_PROGRESS;
}

static int lock_take(struct db_conn *conn, const char *lock, bool *ret_taken, struct error *err);

/* The locks died with the old session. One that another session took meanwhile makes this
 * connection unusable: whoever holds the lock may be writing. */
static int retake_locks(struct db_conn *conn, struct error *err)
{
    for (size_t i = 0; i < conn->lock_count; i++) {
        bool taken = false;
        TRY(lock_take(conn, conn->locks[i], &taken, err));
        if (!taken) {
            conn->lost_lock = mem_strdup(conn->locks[i] + 1);
            return ERR_OK;
        }
    }
    return ERR_OK;
}

/* Opens again and asks until the answer is final or time is up. */
static enum outcome settle(struct db_conn *conn, const char *xid)
{
    struct error err = ERROR_INIT;
    int64_t started_ms = clock_monotonic_ms();
    enum outcome outcome = OUTCOME_IN_PROGRESS;
    for (;;) {
        bool is_open = conn->pg != NULL && PQstatus(conn->pg) == CONNECTION_OK;
        if (is_open || conn_connect(conn, &err) == ERR_OK)
            outcome = xid != NULL ? ask_outcome(conn, xid) : OUTCOME_COMMITTED;
        else
            log_debug("asking for the outcome of a commit: %s", err.message);
        int64_t limit_ms = signals_pending() != 0 ? SETTLE_STOPPED_MS : SETTLE_MS;
        if (outcome != OUTCOME_IN_PROGRESS || clock_monotonic_ms() - started_ms > limit_ms)
            return outcome;
        poll(NULL, 0, SETTLE_PAUSE_MS); /* not the clock module's sleep: a signal ends that */
    }
}

static int settle_commit(struct db_conn *conn, const char *xid, struct error *err)
{
    struct error first = *err;
    log_debug("the reply to commit was lost: %s", first.message);
    enum outcome outcome = settle(conn, xid);
    if (outcome == OUTCOME_COMMITTED) {
        error_clear(err);
        return retake_locks(conn, err);
    }
    if (outcome == OUTCOME_ABORTED) {
        struct error ignored = ERROR_INIT;
        (void)retake_locks(conn, &ignored);
        error_set(err, ERR_DATABASE_TRANSIENT, "the transaction was rolled back: %s",
                  first.message);
        memcpy(err->sqlstate, "08006", 6);
        return err->code;
    }
    error_set(err, ERR_DATABASE, "the outcome of a commit is unknown: %s", first.message);
    error_hint(err, "run again once the database answers: what is committed is not repeated");
    memcpy(err->sqlstate, "08007", 6);
    return err->code;
}

/* COMMIT of a failed transaction succeeds as ROLLBACK, says only its tag. */
static int check_committed(struct db_conn *conn, const char *tag, struct error *err)
{
    if (strcmp(tag, "COMMIT") == 0)
        return ERR_OK;
    if (db_in_transaction(conn))
        db_rollback(conn);
    error_set(err, ERR_DATABASE, "nothing was committed: the transaction had failed before");
    memcpy(err->sqlstate, "25P02", 6);
    return err->code;
}

/* What was put off is done; *ret_xid (owned) as transaction_id has it. */
static int prepare_commit(struct db_conn *conn, char **ret_xid, struct error *err)
{
    TRY(conn_check(conn, err));
    PGTransactionStatusType status = PQtransactionStatus(conn->pg);
    if (status == PQTRANS_IDLE && conn->later_count == 0)
        return error_set(err, ERR_BUG, "commit outside a transaction");
    if (status == PQTRANS_INERROR)
        return check_committed(conn, "", err);
    return transaction_id(conn, ret_xid, err);
}

int db_commit(struct db_conn *conn, struct error *err)
{
    AUTOFREE char *xid = NULL;
    PGresult *result = NULL;
    TRY(prepare_commit(conn, &xid, err));
    int code = query_plain(conn, "commit", &result, err);
    if (code != ERR_OK)
        return PQstatus(conn->pg) == CONNECTION_OK ? code : settle_commit(conn, xid, err);
    code = check_committed(conn, PQcmdStatus(result), err);
    PQclear(result);
    return code;
}

int db_commit_with(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                   struct db_result **ret, struct error *err)
{
    AUTOFREE char *xid = NULL;
    PGresult *pg = NULL;
    TRY(prepare_commit(conn, &xid, err));
    int code = later_commit(conn, sql, params, nparams, &pg, err);
    if (code == ERR_OK) {
        *ret = mem_alloc(sizeof **ret);
        (*ret)->pg = pg;
        return ERR_OK;
    }
    PQclear(pg); /* of the statement, where only the reply to COMMIT was lost */
    if (PQstatus(conn->pg) == CONNECTION_OK)
        return code;
    TRY(settle_commit(conn, xid, err));
    return db_query(conn, sql, params, nparams, ret, err);
}

/* ---- advisory locks ----------------------------------------------------------------------- */

/* A lock as it is remembered: 's' (shared) or 'x' before its name. */
static int lock_take(struct db_conn *conn, const char *lock, bool *ret_taken, struct error *err)
{
    AUTO_RESULT struct db_result *result = NULL;
    TRY(db_query(conn, lock[0] == 's' ? sql_lock_try_shared : sql_lock_try, DB_PARAMS(lock + 1),
                 &result, err));
    *ret_taken = db_result_bool(result, 0, 0);
    return ERR_OK;
}

static int try_lock(struct db_conn *conn, char kind, const char *name, struct error *err)
{
    bool taken = false;
    size_t len = strlen(name);
    AUTOFREE char *lock = mem_alloc(len + 2);
    snprintf(lock, len + 2, "%c%s", kind, name);
    TRY(db_refuse_pooler(conn, err));
    TRY(lock_take(conn, lock, &taken, err));
    if (!taken)
        return error_set(err, ERR_RUNNING, "another session holds the lock '%s'", name);
    conn->locks =
        mem_grow(conn->locks, &conn->lock_capacity, conn->lock_count + 1, sizeof *conn->locks);
    conn->locks[conn->lock_count++] = mem_strdup(lock);
    return ERR_OK;
}

int db_try_lock(struct db_conn *conn, const char *name, struct error *err)
{
    return try_lock(conn, 'x', name, err);
}

int db_try_lock_shared(struct db_conn *conn, const char *name, struct error *err)
{
    return try_lock(conn, 's', name, err);
}

/* It is forgotten first: where the session is gone, so is the lock. */
int db_unlock(struct db_conn *conn, const char *name, struct error *err)
{
    for (size_t i = 0; i < conn->lock_count; i++) {
        if (conn->locks[i][0] != 'x' || strcmp(conn->locks[i] + 1, name) != 0)
            continue;
        free(conn->locks[i]);
        conn->locks[i] = conn->locks[--conn->lock_count];
        return db_execute(conn, sql_lock_release, DB_PARAMS(name), NULL, err);
    }
    return ERR_OK;
}
