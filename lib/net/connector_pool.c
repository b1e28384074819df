#include "core/hashmap.h"
#include "net/connector_internal.h"
#include <stdlib.h>

struct connector_pool {
    const struct config *config;
    const struct connector_builtin *builtins;
    struct tape *tape;
    int64_t parts; /* this pool has one of so many shares of every rate */
    struct http_budget budget;
    struct hashmap *by_name; /* of struct connector */
};

struct connector_pool *connector_pool_new(const struct config *config,
                                          const struct connector_builtin *builtins)
{
    struct connector_pool *pool = mem_alloc(sizeof(*pool));

    pool->config = config;
    pool->builtins = builtins;
    pool->by_name = hashmap_new();
    return pool;
}

void connector_pool_tape(struct connector_pool *pool, struct tape *tape)
{
    pool->tape = tape;
}

void connector_pool_share(struct connector_pool *pool, int64_t parts)
{
    pool->parts = parts;
}

void connector_pool_budget(struct connector_pool *pool, struct http_budget budget)
{
    pool->budget = budget;
}

/* Bursts are shared as well, so that all together stay within the rate at any time. */
static void take_share(struct field_rate *rate, int64_t parts)
{
    if (parts <= 1)
        return;
    if (rate->count >= parts)
        rate->count /= parts;
    else
        rate->per_ms *= parts;
}

int connector_pool_get(struct connector_pool *pool, const char *name, struct connector **ret,
                       struct error *err)
{
    struct connector *c = hashmap_gets(pool->by_name, name);

    if (!c) {
        TRY(connector_open_taped(name, pool->config, pool->builtins, pool->tape, &c, err));
        take_share(&c->spec.rate, pool->parts);
        c->budget = pool->budget;
        c->budget.name = c->name;
        hashmap_puts(pool->by_name, name, c);
    }
    *ret = c;
    return 0;
}

void connector_pool_free(struct connector_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < hashmap_count(pool->by_name); i++)
        connector_close(hashmap_at(pool->by_name, i, NULL));
    hashmap_free(pool->by_name);
    free(pool);
}
