/* lib/db/conn.c - opening, setting up and closing connections. */
#include "db/conn.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/signals.h"
#include "db/internal.h"
#include "gen/embed.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 10000
#define LOCK_TIMEOUT_MS    5000

static void receive_notice(void *self, const PGresult *result)
{
    struct db_conn *conn = self;
    conn->notices++;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    log_debug("%s: %s", severity != NULL ? severity : "NOTICE", text != NULL ? text : "");
}

/* ---- what went wrong ---------------------------------------------------------------------- */

/* With PQERRORS_VERBOSE the server's refusal reads "FATAL:  28P01: password authentication ...".
 * libpq 15 has no other way to learn the SQLSTATE of a failed connection. Returns the last one
 * (several hosts may have been tried) and the text after it. */
static const char *find_sqlstate(const char *message, char ret_state[6])
{
    const char *found = NULL;
    for (const char *p = message; (p = strstr(p, ":  ")) != NULL; p += 3) {
        const char *s = p + 3;
        int n = 0;
        while (n < 5 && (isdigit((unsigned char)s[n]) || (s[n] >= 'A' && s[n] <= 'Z')))
            n++;
        if (n != 5 || s[5] != ':' || s[6] != ' ')
            continue;
        memcpy(ret_state, s, 5);
        ret_state[5] = '\0';
        found = s + 7;
    }
    return found;
}

static int refused_by_server(const char *state, const char *text, struct error *err)
{
    enum error_code code = sqlstate_code(state);
    error_set(err, code, "the database refused the connection: %.*s", (int)strcspn(text, "\n"),
              text);
    memcpy(err->sqlstate, state, 6);
    if (code == ERR_AUTH)
        error_hint(err, "check user and password of the connection, and the server's pg_hba.conf");
    return err->code;
}

/* Whether libpq refused its own options rather than failed to reach a server. */
static bool is_bad_option(const char *message)
{
    return strncmp(message, "invalid ", 8) == 0 || strncmp(message, "could not match", 15) == 0 ||
           strstr(message, " value \"") != NULL;
}

/* What helps when the two sides could not agree on TLS, or NULL. */
static const char *certificate_hint(const char *message)
{
    static const struct {
        const char *text, *hint;
    } hints[] = {
        {"does not match host name", MESSAGE("connect by a name of the server's certificate "
                                             "(hostaddr= gives its address), or get one "
                                             "with this name")},
        {"certificate verify failed",
         MESSAGE("sslrootcert must name the CA that signed the server's certificate")},
        {"could not read root certificate",
         MESSAGE("sslrootcert must name the CA's certificate as a PEM file")},
        {"root certificate file",
         MESSAGE("give the file of the CA that signed the server's certificate as sslrootcert=")},
        {"server does not support SSL",
         MESSAGE("set ssl = on there, or connect to a server that has it")},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(message, hints[i].text) != NULL)
            return message_text(hints[i].hint);
    return NULL;
}

static int connect_error(PGconn *pg, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    strbuf_adds(&text, PQerrorMessage(pg));
    secret_redact(&text);
    char state[6];
    const char *refusal = find_sqlstate(text.data, state);
    if (refusal != NULL)
        return refused_by_server(state, refusal, err);
    int line = (int)strcspn(text.data, "\n");
    if (PQconnectionNeedsPassword(pg)) {
        error_set(err, ERR_AUTH, "the database asks for a password and none was given");
        error_hint(err, "give it in the connection's DSN, in PGPASSWORD or in ~/.pgpass");
        return err->code;
    }
    if (is_bad_option(text.data))
        return error_set(err, ERR_CONFIG, "database connection: %.*s", line, text.data);
    const char *mend = certificate_hint(text.data);
    if (mend != NULL) { /* a retry is no help */
        error_set(err, ERR_DATABASE, "cannot connect to the database: %.*s", line, text.data);
        return error_hint(err, "%s", mend);
    }
    error_set(err, ERR_DATABASE_TRANSIENT, "cannot connect to the database: %.*s", line, text.data);
    memcpy(err->sqlstate, "08001", 6);
    return err->code;
}

/* ---- connecting --------------------------------------------------------------------------- */

/* A string libpq cannot parse is never shown: the parser's message quotes pieces of it. */
static int check_dsn(const char *dsn, struct error *err)
{
    bool is_uri = strncmp(dsn, "postgresql://", 13) == 0 || strncmp(dsn, "postgres://", 11) == 0;
    if (!is_uri && strchr(dsn, '=') == NULL)
        return ERR_OK; /* empty, or the name of a database */
    char *ignored = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &ignored);
    if (options == NULL) {
        PQfreemem(ignored);
        error_set(err, ERR_CONFIG, "the database connection string is malformed");
        error_hint(err, "write postgresql://user@host:5432/database or host=... dbname=...");
        return err->code;
    }
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, "password") == 0 && o->val != NULL)
            secret_register(o->val);
    PQconninfoFree(options);
    return ERR_OK;
}

static PGconn *start_connecting(const struct db_conn *conn)
{
    /* Those before the DSN may be overridden by it, those after it not. A peer that vanished is
     * noticed within a minute. */
    const char *const keys[] = {
        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "dbname",          "client_encoding",     "application_name", NULL};
    const char *const values[] = {
        "30", "10", "3", "60000", conn->dsn, "UTF8", conn->application_name, NULL};
    return PQconnectStartParams(keys, values, 1);
}

/* Waits for what PQconnectPoll asked for. */
static int wait_connecting(PGconn *pg, PostgresPollingStatusType want, int64_t deadline_ms,
                           struct error *err)
{
    int64_t left = deadline_ms - clock_monotonic_ms();
    if (left <= 0) {
        error_set(err, ERR_DATABASE_TRANSIENT, "connecting to the database timed out");
        memcpy(err->sqlstate, "08001", 6);
        return err->code;
    }
    short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    struct pollfd fd = {.fd = PQsocket(pg), .events = events};
    if (poll(&fd, 1, (int)(left > 1000 ? 1000 : left)) < 0 && errno == EINTR)
        return signals_check(err);
    return ERR_OK;
}

static int finish_connecting(PGconn *pg, int64_t timeout_ms, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (PQstatus(pg) != CONNECTION_BAD && want != PGRES_POLLING_OK &&
           want != PGRES_POLLING_FAILED) {
        TRY(wait_connecting(pg, want, deadline_ms, err));
        struct pollfd fd = {.fd = PQsocket(pg),
                            .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (poll(&fd, 1, 0) > 0)
            want = PQconnectPoll(pg);
    }
    if (PQstatus(pg) != CONNECTION_OK)
        return connect_error(pg, err);
    PQsetErrorVerbosity(pg, PQERRORS_DEFAULT);
    return ERR_OK;
}

static int set_up_session(struct db_conn *conn, struct error *err)
{
    char statement_ms[24];
    char lock_ms[24];
    snprintf(statement_ms, sizeof statement_ms, "%" PRId64, conn->statement_timeout_ms);
    snprintf(lock_ms, sizeof lock_ms, "%" PRId64, conn->lock_timeout_ms);
    return db_execute(conn, sql_session_setup, DB_PARAMS(statement_ms, lock_ms, conn->search_path),
                      NULL, err);
}

static void disconnect(struct db_conn *conn)
{
    PQfreeCancel(conn->cancel);
    PQfinish(conn->pg);
    conn->cancel = NULL;
    conn->pg = NULL;
    conn->is_copying = false;
    query_forget_prepared(conn); /* they ended with the session */
    conn->is_session_kept = false;
}

int conn_connect(struct db_conn *conn, struct error *err)
{
    disconnect(conn);
    PGconn *pg = start_connecting(conn);
    if (pg == NULL)
        return error_set(err, ERR_DATABASE, "out of memory while connecting to the database");
    int code = finish_connecting(pg, conn->connect_timeout_ms, err);
    if (code != ERR_OK) {
        PQfinish(pg);
        return code;
    }
    PQsetNoticeReceiver(pg, receive_notice, conn);
    conn->pg = pg;
    conn->cancel = PQgetCancel(pg);
    code = set_up_session(conn, err);
    if (code != ERR_OK)
        disconnect(conn);
    else if (conn->is_preparing)
        conn->prepared = hashmap_new();
    return code;
}

int db_open(const struct db_options *options, struct db_conn **ret, struct error *err)
{
    const char *dsn = options->dsn != NULL ? options->dsn : "";
    secret_register_dsn(dsn);
    TRY(check_dsn(dsn, err));
    struct db_conn *conn = mem_alloc(sizeof *conn);
    conn->dsn = mem_strdup(dsn);
    conn->application_name =
        mem_strdup(options->application_name != NULL ? options->application_name : "diner");
    conn->search_path = mem_strdup(options->search_path);
    conn->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    conn->statement_timeout_ms = options->statement_timeout_ms;
    conn->lock_timeout_ms =
        options->lock_timeout_ms > 0 ? options->lock_timeout_ms : LOCK_TIMEOUT_MS;
    conn->is_preparing = options->prepare;
    strbuf_init(&conn->commented, 0);
    int code = conn_connect(conn, err);
    if (code != ERR_OK) {
        db_close(conn);
        return code;
    }
    *ret = conn;
    return ERR_OK;
}

void db_close(struct db_conn *conn)
{
    if (conn == NULL)
        return;
    disconnect(conn);
    later_drop(conn);
    free(conn->later);
    free(conn->started);
    for (size_t i = 0; i < conn->lock_count; i++)
        free(conn->locks[i]);
    free(conn->locks);
    free(conn->lost_lock);
    free(conn->application_name);
    free(conn->search_path);
    free(conn->comment);
    free(conn->refusal_detail);
    strbuf_release(&conn->commented);
    secret_free(conn->dsn);
    free(conn);
}

/* ---- state -------------------------------------------------------------------------------- */

bool db_is_alive(const struct db_conn *conn)
{
    if (conn == NULL || conn->pg == NULL || PQstatus(conn->pg) != CONNECTION_OK)
        return false;
    if (PQtransactionStatus(conn->pg) == PQTRANS_ACTIVE)
        return true;
    /* A server that closed an idle connection left a message, then the end of the stream. */
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    for (int i = 0; i < 4 && poll(&fd, 1, 0) > 0; i++)
        if (PQconsumeInput(conn->pg) != 1)
            return false;
    return PQstatus(conn->pg) == CONNECTION_OK;
}

int db_server_version(const struct db_conn *conn)
{
    return conn->pg != NULL ? PQserverVersion(conn->pg) : 0;
}

void db_set_step(struct db_conn *conn, const char *step)
{
    struct error ignored = ERROR_INIT;
    PGTransactionStatusType status =
        conn->pg != NULL ? PQtransactionStatus(conn->pg) : PQTRANS_UNKNOWN;
    if (conn->is_copying || (status != PQTRANS_IDLE && status != PQTRANS_INTRANS))
        return;
    char name[64]; /* the server keeps 63 bytes */
    if (step != NULL && *step != '\0')
        snprintf(name, sizeof name, "%s: %s", conn->application_name, step);
    else
        snprintf(name, sizeof name, "%s", conn->application_name);
    (void)db_execute(conn, "select set_config('application_name', $1, false)", DB_PARAMS(name),
                     NULL, &ignored);
}

int conn_check(const struct db_conn *conn, struct error *err)
{
    if (conn->lost_lock != NULL)
        return error_set(err, ERR_RUNNING,
                         "lock '%s' was lost with the connection and another session has it now",
                         conn->lost_lock);
    if (conn->is_copying)
        return error_set(err, ERR_BUG,
                         "a statement was sent before the one under way was finished");
    if (conn->pg == NULL || PQstatus(conn->pg) != CONNECTION_OK)
        return sqlstate_error(conn, NULL, NULL, err);
    return ERR_OK;
}
