/* lib/platform/server/pool.h - database connections shared by the request threads.
 *
 * Opened when first needed, never more than `max`; one that broke or was left inside a transaction
 * is closed or rolled back on return. Thread safe, provided that the
 * process has opened a connection with the same DSN before its threads began: that registers the
 * DSN's secrets, which is not thread safe (core/secret.h). */
#ifndef DINER_PLATFORM_POOL_H
#define DINER_PLATFORM_POOL_H

#include "db/conn.h"

struct pool;
/* Borrows the strings of options as long as it lives. */
struct pool *pool_new(const struct db_options *options, size_t max);
void pool_free(struct pool *p); /* all connections must be back; NULL-safe */
/* Waits at most wait_ms for one: ERR_UNAVAILABLE. */
int pool_take(struct pool *p, int64_t wait_ms, struct db_conn **ret, struct error *err);
/* For work that may wait for locks: some are never given to it, so that a row that everybody waits
 * for does not keep readers out. */
int pool_take_to_write(struct pool *p, int64_t wait_ms, struct db_conn **ret, struct error *err);
void pool_give(struct pool *p, struct db_conn *conn); /* NULL-safe */
struct pool_figures {
    size_t open, idle, max;
    uint64_t waits; /* how often a taker had to wait, since the start */
};
void pool_look(struct pool *p, struct pool_figures *ret);

#endif
