/* lib/db/ddl.h - the tables that migrations make, read from their text: for documents that must be
 * made without a database.
 *
 * Not a grammar of SQL: what creates, changes and drops tables and their indexes, in the forms that
 * migrations here use (names not quoted, no inheritance); every other statement is passed over.
 * That the result is what a database has is a test's business (tests/cli/handover.bats). */
#ifndef DINER_DB_DDL_H
#define DINER_DB_DDL_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>

struct ddl_column {
    const char *name, *type;
    const char *def;        /* an expression, "identity", or NULL */
    const char *references; /* "app.stores", or NULL */
    bool is_required;       /* not null */
};
/* A constraint or an index. */
struct ddl_rule {
    const char *name;
    const char *text; /* "CHECK (price >= 0)", "UNIQUE (sku)", "(status, created_at DESC)" */
};
struct ddl_rules {
    struct ddl_rule *items;
    size_t count, capacity;
};
struct ddl_table {
    const char *name; /* "app.orders" */
    struct ddl_column *columns;
    size_t count, capacity;
    struct ddl_rules constraints, indexes;
};
struct ddl_schema {
    struct arena *arena; /* set by the caller; all memory comes from it */
    struct ddl_table *tables;
    size_t count, capacity;
};

/* Adds what these statements do; *schema zeroed but for its arena, or what an earlier call left.
 * ERR_DATA with the statement's line when one about tables is not understood. */
int ddl_read(struct ddl_schema *schema, const char *sql, size_t n, struct error *err);
/* NULL: there is none of that name. */
const struct ddl_table *ddl_table(const struct ddl_schema *schema, const char *name);

#endif
