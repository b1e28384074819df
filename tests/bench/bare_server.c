/* tests/bench/bare_server.c - the least that can answer an order from PostgreSQL over HTTP:
 * libmicrohttpd, 4 threads, one prepared statement. What `diner serve` is measured against.
 *
 * usage: bare_server PORT DSN SQL PARAMETER      (port 0: a free one; prints the port) */
#include <libpq-fe.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4

static const char *dsn, *sql, *parameter;

static PGconn *connection(void)
{
    static __thread PGconn *conn;
    if (conn == NULL) {
        conn = PQconnectdb(dsn);
        PQclear(PQprepare(conn, "q", sql, 1, NULL));
    }
    return conn;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    (void)cls, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (*state == NULL) {
        *state = mhd;
        return MHD_YES;
    }
    PGresult *row = PQexecPrepared(connection(), "q", 1, &parameter, NULL, NULL, 0);
    if (PQntuples(row) != 1) {
        fprintf(stderr, "bare_server: %s", PQresultErrorMessage(row));
        exit(1);
    }
    char *text = PQgetvalue(row, 0, 0);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    PQclear(row);
    enum MHD_Result queued = MHD_queue_response(mhd, 200, response);
    MHD_destroy_response(response);
    return queued;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    dsn = argv[2], sql = argv[3], parameter = argv[4];
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (unsigned short)atoi(argv[1]), NULL, NULL,
                         answer, NULL, MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("%u\n", (unsigned)info->port);
    fflush(stdout);
    int received;
    sigwait(&stops, &received);
    MHD_stop_daemon(daemon);
    return 0;
}
