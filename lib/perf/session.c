/* lib/perf/session.c - see session.h. */
#include "perf/session.h"

#include "gen/embed.h"

int perf_session_open(const char *dsn, struct db_conn **ret, struct error *err)
{
    struct db_options options = {.dsn = dsn,
                                 .application_name = "diner perf-report",
                                 .statement_timeout_ms = PERF_STATEMENT_TIMEOUT_MS,
                                 .lock_timeout_ms = PERF_LOCK_TIMEOUT_MS};
    struct db_conn *conn = NULL;
    TRY(db_open(&options, &conn, err));
    int code = db_execute(conn, "set default_transaction_read_only = on /* diner perf-report */",
                          DB_NO_PARAMS, NULL, err);
    if (code == 0)
        code = db_execute(conn, sql_perf_search_path, DB_NO_PARAMS, NULL, err);
    if (code != 0) {
        db_close(conn);
        return code;
    }
    *ret = conn;
    return 0;
}
