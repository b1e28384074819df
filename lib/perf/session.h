/* lib/perf/session.h - how perf-report speaks to a database it looks at: sessions that only read,
 * give up after 5 s, and wait for no lock longer than 100 ms. */
#ifndef DINER_PERF_SESSION_H
#define DINER_PERF_SESSION_H

#include "db/conn.h"

#define PERF_STATEMENT_TIMEOUT_MS 5000
#define PERF_LOCK_TIMEOUT_MS      100

/* The schema of pg_stat_statements, where there is one, is in its search path. */
int perf_session_open(const char *dsn, struct db_conn **ret, struct error *err);

#endif
