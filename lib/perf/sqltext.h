/* lib/perf/sqltext.h - names in the SQL that a person is to read and run: quoted only where SQL
 * wants it. */
#ifndef DINER_PERF_SQLTEXT_H
#define DINER_PERF_SQLTEXT_H

#include "core/mem.h"
#include "core/strbuf.h"

/* Appends the name: as it is when it is lower-case ASCII and no reserved word of PostgreSQL, else
 * in quotes. */
void sql_add_name(struct strbuf *out, const char *name);
/* "schema.name" in the arena; schema NULL: the name alone. */
const char *sql_name(const char *schema, const char *name, struct arena *arena);

#endif
