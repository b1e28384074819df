/* lib/db/migrate.h - numbered, forward-only migrations, each in its own transaction, under an
 * advisory lock, safe to run twice. Recorded in diner.migration with a hash: an edited migration
 * that was applied is refused. */
#ifndef DINER_DB_MIGRATE_H
#define DINER_DB_MIGRATE_H

#include "db/conn.h"

struct migration {
    const char *name; /* "0001_runs"; NULL ends the list */
    const char *sql;
};
struct migration_set {
    const char *name; /* "pipeline", "platform" */
    const struct migration *migrations;
};
struct migration_status {
    const char *set, *name; /* borrowed */
    bool applied;
    char applied_at[32]; /* RFC 3339, "" when not applied */
};
/* Applies what is missing, in order. *ret_applied: how many. */
int migrate_apply(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                  int *ret_applied, struct error *err);
/* List in the arena. Also works before the first migration. */
int migrate_status(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                   struct arena *arena, struct migration_status **ret, size_t *ret_count,
                   struct error *err);
/* ERR_DATABASE with the hint "run 'diner db migrate'" when something is missing. */
int migrate_require(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                    struct error *err);

#endif
