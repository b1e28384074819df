/* lib/db/pooler.c - whether a pooler takes the session away between two transactions. */
#include "core/clock.h"
#include "core/signals.h"
#include "db/internal.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* A server sends within milliseconds what it has for an idle session; to wait too long costs time
 * only where the answer is no. */
#define HEAR_MS 3000

/* Waits for the notification that carries `word`. */
static int hear(PGconn *pg, const char *word, bool *ret_heard, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + HEAR_MS;
    *ret_heard = false;
    for (int64_t left = HEAR_MS; left > 0 && !*ret_heard;
         left = deadline_ms - clock_monotonic_ms()) {
        struct pollfd fd = {.fd = PQsocket(pg), .events = POLLIN};
        if (poll(&fd, 1, (int)left) < 0 && errno == EINTR)
            TRY(signals_check(err));
        if (PQconsumeInput(pg) != 1)
            break;
        PGnotify *heard;
        while ((heard = PQnotifies(pg)) != NULL) {
            *ret_heard = *ret_heard || strcmp(heard->extra, word) == 0;
            PQfreemem(heard);
        }
    }
    return ERR_OK;
}

/* An idle session of its own hears what another one sends. In transaction mode an idle client has
 * no session, whichever the pooler, and hears nothing: its settings are no help, as only its
 * administrator may ask for them. */
static int keeps_session(struct db_conn *conn, bool *ret_kept, struct error *err)
{
    char word[24];
    snprintf(word, sizeof word, "%016llx", (unsigned long long)clock_random_u64());
    struct db_options options = {.dsn = conn->dsn,
                                 .application_name = conn->application_name,
                                 .connect_timeout_ms = conn->connect_timeout_ms};
    struct db_conn *other = NULL;
    TRY(db_open(&options, &other, err));
    int code = db_execute(conn, "listen diner_pooler", DB_NO_PARAMS, NULL, err);
    if (code == ERR_OK)
        code =
            db_execute(other, "select pg_notify('diner_pooler', $1)", DB_PARAMS(word), NULL, err);
    if (code == ERR_OK)
        code = hear(conn->pg, word, ret_kept, err);
    if (code == ERR_OK)
        code = db_execute(conn, "unlisten diner_pooler", DB_NO_PARAMS, NULL, err);
    db_close(other);
    return code;
}

int db_refuse_pooler(struct db_conn *conn, struct error *err)
{
    int64_t pid;
    if (conn->is_session_kept)
        return ERR_OK;
    TRY(db_query_int(conn, "select pg_backend_pid()", DB_NO_PARAMS, &pid, err));
    conn->is_session_kept = pid == PQbackendPID(conn->pg);
    if (!conn->is_session_kept && !db_in_transaction(conn)) {
        int code = keeps_session(conn, &conn->is_session_kept, err);
        if (code != ERR_OK) {
            error_context(err, "asking whether the pooler keeps sessions apart");
            return code;
        }
    }
    if (conn->is_session_kept)
        return ERR_OK;
    error_set(err, ERR_CONFIG,
              "the connection goes through a pooler in transaction mode, where locks and settings "
              "do not hold");
    return error_hint(err,
                      "connect to PostgreSQL itself (its own port, usually 5432), or give this "
                      "user and database pool_mode = session");
}
