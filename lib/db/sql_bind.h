/* lib/db/sql_bind.h - parameters put into a query's text, for COPY, which takes none; inside
 * lib/db only. */
#ifndef DINER_DB_SQL_BIND_H
#define DINER_DB_SQL_BIND_H

#include "db/conn.h"

/* Appends the query with each $n outside of strings, quoted names, comments and dollar quotes
 * replaced by the literal of params[n - 1], and without a semicolon at the end. The caller puts a
 * line end behind it: the query may end in a comment. ERR_SPEC for a $n that was not given,
 * ERR_DATA for a parameter that is not valid UTF-8. */
int sql_bind(struct db_conn *conn, const char *query, const char *const *params, size_t nparams,
             struct strbuf *out, struct error *err);

#endif
