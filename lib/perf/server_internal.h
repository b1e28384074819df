/* lib/perf/server_internal.h - the parts of a look at a database. */
#ifndef DINER_PERF_SERVER_INTERNAL_H
#define DINER_PERF_SERVER_INTERNAL_H

#include "perf/server.h"

double server_number(const struct db_result *r, size_t row, size_t column); /* 0 for null */
/* Tables with columns and foreign keys, indexes. */
int server_take_tables(struct db_conn *conn, struct arena *arena, struct perf_study *study,
                       struct error *err);

#endif
