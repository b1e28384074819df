/* lib/domain/read_cache.h - what was read a moment ago, for readers who say how old it may be.
 *
 * Documents lie in Redis under [prefix]:[id] (stock:42), a hash with one field a store, for at most
 * the kind's time to live. Nothing that decides (a sale, a write, a check) reads them. A change
 * drops them after its commit. A reader that finds nothing takes out a lease before it asks the
 * database, and may put its answer there only while that lease stands: a drop ends it, so that a
 * slow reader cannot put back what was true before the change. When a drop fails, this process
 * trusts nothing that was put before then. Without Redis, or when it is slow or gone, everything is
 * a miss. */
#ifndef DINER_DOMAIN_READ_CACHE_H
#define DINER_DOMAIN_READ_CACHE_H

#include "domain/context.h"
#include "schema/config.h"

struct read_cache; /* shared by threads */
/* *ret NULL when the settings name no Redis. ERR_CONFIG. */
int read_cache_open(const struct settings *settings, struct read_cache **ret, struct error *err);
void read_cache_close(struct read_cache *c); /* NULL-safe */

/* What a document is kept under: ids, for which the outside's names are learnt by putting. */
struct read_cache_key {
    enum domain_kind kind;
    const char *store, *name; /* code of the store ("" when of none), SKU */
};
struct read_cache_found {
    const char *document; /* in the arena; NULL: nothing */
    int64_t age_ms;
    char lease[64]; /* for read_cache_put; "": nothing can be put */
};
/* A document no older than max_age_ms; else, in found->document, NULL and a lease. c may be NULL.
 */
void read_cache_get(struct read_cache *c, const struct read_cache_key *key, int64_t max_age_ms,
                    struct arena *arena, struct read_cache_found *found);
/* Whatever there is within its time to live: when the database does not answer. */
void read_cache_get_any(struct read_cache *c, const struct read_cache_key *key, struct arena *arena,
                        struct read_cache_found *found);
/* store_id "0" when of none. lease: of the miss that led here. */
void read_cache_put(struct read_cache *c, const struct read_cache_key *key, const char *store_id,
                    const char *id, const char *document, const char *lease, struct arena *arena);
/* Forgets what the transaction changed (context.h: touched), after its commit. */
void read_cache_drop(struct read_cache *c, const struct domain_touch *touched, struct arena *arena);

#endif
