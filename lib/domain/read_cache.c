/* lib/domain/read_cache.c - documents in Redis. */
#include "domain/read_cache.h"
#include "core/clock.h"
#include "core/hashmap.h"
#include "net/redis.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of so many documents are remembered; then all are forgotten and learnt again. */
#define NAMES_MAX 100000
#define DROP_MAX  500

struct read_cache {
    struct redis *redis;
    char *prefix[2]; /* by kind */
    int64_t time_to_live_ms[2];
    atomic_llong distrust_ms; /* wall time: what was put before is not believed */
    pthread_mutex_t lock;     /* names */
    struct hashmap *names;    /* "kind/store/name" to "id/store id" */
};

/* ---- opening ------------------------------------------------------------------------------ */

int read_cache_open(const struct settings *s, struct read_cache **ret, struct error *err)
{
    struct redis *redis = NULL;
    *ret = NULL;
    if (s == NULL || s->cache_url == NULL || s->cache_url[0] == '\0')
        return ERR_OK;
    const struct redis_options options = {.url = s->cache_url,
                                          .timeout_ms = s->cache_timeout_ms,
                                          .breaker_failures = s->breaker_failures,
                                          .breaker_open_ms = s->breaker_open_ms};
    TRY(redis_open(&options, &redis, err));
    struct read_cache *c = mem_alloc(sizeof *c);
    c->redis = redis;
    c->prefix[DOMAIN_STOCK] = mem_strdup(s->cache_stock_prefix);
    c->prefix[DOMAIN_PRODUCT] = mem_strdup(s->cache_product_prefix);
    c->time_to_live_ms[DOMAIN_STOCK] = s->cache_stock_ttl_ms;
    c->time_to_live_ms[DOMAIN_PRODUCT] = s->cache_hot_ttl_ms;
    c->names = hashmap_new();
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return ERR_OK;
}

static void forget_names(struct read_cache *c)
{
    const char *name;
    for (size_t i = 0; i < hashmap_count(c->names); i++)
        free(hashmap_at(c->names, i, &name));
    hashmap_free(c->names);
    c->names = NULL;
}

void read_cache_close(struct read_cache *c)
{
    if (c == NULL)
        return;
    redis_close(c->redis);
    forget_names(c);
    pthread_mutex_destroy(&c->lock);
    free(c->prefix[0]);
    free(c->prefix[1]);
    free(c);
}

/* ---- names -------------------------------------------------------------------------------- */

/* Ids never change, so what was learnt once stays true. */
struct address {
    const char *key, *field; /* in the arena */
};

static const char *name_of(const struct read_cache_key *key, struct arena *arena)
{
    return arena_printf(arena, "%d/%s/%s", (int)key->kind, key->store, key->name);
}

static bool find_address(struct read_cache *c, const struct read_cache_key *key,
                         struct arena *arena, struct address *ret)
{
    pthread_mutex_lock(&c->lock);
    const char *ids = hashmap_gets(c->names, name_of(key, arena));
    char *copy = ids != NULL ? arena_strdup(arena, ids) : NULL;
    pthread_mutex_unlock(&c->lock);
    if (copy == NULL)
        return false;
    char *slash = strchr(copy, '/');
    *slash = '\0';
    ret->key = arena_printf(arena, "%s:%s", c->prefix[key->kind], copy);
    ret->field = slash + 1;
    return true;
}

static void learn(struct read_cache *c, const struct read_cache_key *key, const char *id,
                  const char *store_id, struct arena *arena)
{
    char *ids = mem_strdup(arena_printf(arena, "%s/%s", id, store_id));
    pthread_mutex_lock(&c->lock);
    if (hashmap_count(c->names) >= NAMES_MAX) {
        forget_names(c);
        c->names = hashmap_new();
    }
    free(hashmap_puts(c->names, name_of(key, arena), ids));
    pthread_mutex_unlock(&c->lock);
}

/* ---- talking ------------------------------------------------------------------------------ */

/* False when Redis did not do it: the caller does without. */
static bool talk(struct read_cache *c, const char *const *texts, size_t count, struct arena *arena,
                 const char **ret_text)
{
    struct error err = ERROR_INIT;
    struct span *words = arena_array(arena, count, sizeof *words);
    for (size_t i = 0; i < count; i++)
        words[i] = span_of(texts[i]);
    return redis_command(c->redis, words, count, arena, ret_text, &err) == ERR_OK;
}
#define TALK(c, arena, ret, ...)                                                                   \
    talk(c, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), arena, ret)

/* A value is "READ_AT_MS DOCUMENT". False when it is not to be believed, or too old. */
static bool read_value(struct read_cache *c, const char *value, int64_t max_age_ms,
                       struct read_cache_found *found)
{
    char *end;
    int64_t read_ms = strtoll(value, &end, 10);
    int64_t age_ms = clock_wall_us() / 1000 - read_ms;
    if (*end != ' ' || read_ms <= atomic_load(&c->distrust_ms) || age_ms > max_age_ms)
        return false;
    found->age_ms = age_ms > 0 ? age_ms : 0;
    found->document = end + 1;
    return true;
}

/* A value young enough, else a lease is noted. KEYS: key; ARGV: field, the oldest read_at, lease,
 * time to live. */
static const char get_script[] =
    "local v = redis.call('HGET', KEYS[1], ARGV[1]) "
    "if v and tonumber(string.match(v, '^%d+')) >= tonumber(ARGV[2]) then return v end "
    "redis.call('HSET', KEYS[1], 'lease:' .. ARGV[1], ARGV[3]) "
    "redis.call('PEXPIRE', KEYS[1], ARGV[4]) return false";

void read_cache_get(struct read_cache *c, const struct read_cache_key *key, int64_t max_age_ms,
                    struct arena *arena, struct read_cache_found *found)
{
    struct address at;
    const char *value = NULL;
    char id[37];
    *found = (struct read_cache_found){0};
    if (c == NULL)
        return;
    int64_t ttl_ms = c->time_to_live_ms[key->kind];
    if (max_age_ms > ttl_ms)
        max_age_ms = ttl_ms;
    clock_random_uuid(id);
    if (!find_address(c, key, arena, &at)) {
        snprintf(found->lease, sizeof found->lease, "new"); /* see read_cache_put */
        return;
    }
    int64_t now_ms = clock_wall_us() / 1000, oldest_ms = now_ms - max_age_ms;
    /* A document is as old as the lease: it was read after that. */
    const char *lease = arena_printf(arena, "%" PRId64 "-%s", now_ms, id);
    int64_t distrust_ms = atomic_load(&c->distrust_ms) + 1;
    if (oldest_ms < distrust_ms)
        oldest_ms = distrust_ms;
    if (!TALK(c, arena, &value, "EVAL", get_script, "1", at.key, at.field,
              arena_printf(arena, "%" PRId64, oldest_ms), lease,
              arena_printf(arena, "%" PRId64, ttl_ms)))
        return;
    if (value == NULL || !read_value(c, value, max_age_ms, found))
        snprintf(found->lease, sizeof found->lease, "%s", lease);
}

void read_cache_get_any(struct read_cache *c, const struct read_cache_key *key, struct arena *arena,
                        struct read_cache_found *found)
{
    struct address at;
    const char *value = NULL;
    *found = (struct read_cache_found){0};
    if (c == NULL || !find_address(c, key, arena, &at))
        return;
    if (TALK(c, arena, &value, "HGET", at.key, at.field) && value != NULL)
        (void)read_value(c, value, c->time_to_live_ms[key->kind], found);
}

/* KEYS: key; ARGV: field, lease, value, time to live. */
static const char put_script[] =
    "if redis.call('HGET', KEYS[1], 'lease:' .. ARGV[1]) ~= ARGV[2] then return 0 end "
    "redis.call('HDEL', KEYS[1], 'lease:' .. ARGV[1]) "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) "
    "redis.call('PEXPIRE', KEYS[1], ARGV[4]) return 1";

void read_cache_put(struct read_cache *c, const struct read_cache_key *key, const char *store_id,
                    const char *id, const char *document, const char *lease, struct arena *arena)
{
    struct address at;
    if (c == NULL || lease[0] == '\0')
        return;
    if (strcmp(lease, "new") == 0) { /* its address was not known: the next reader takes a lease */
        learn(c, key, id, store_id, arena);
        return;
    }
    if (!find_address(c, key, arena, &at))
        return;
    (void)TALK(c, arena, NULL, "EVAL", put_script, "1", at.key, at.field, lease,
               arena_printf(arena, "%lld %s", strtoll(lease, NULL, 10), document),
               arena_printf(arena, "%" PRId64, c->time_to_live_ms[key->kind]));
}

/* ---- dropping ----------------------------------------------------------------------------- */

/* KEYS: keys; ARGV: field. */
static const char drop_script[] =
    "for i, k in ipairs(KEYS) do redis.call('HDEL', k, ARGV[1], 'lease:' .. ARGV[1]) end return 1";

/* words: the script's, then count keys. */
static void drop_keys(struct read_cache *c, const char **words, size_t count, const char *field,
                      struct arena *arena)
{
    if (count == 0)
        return;
    words[0] = "EVAL";
    words[1] = drop_script;
    words[2] = arena_printf(arena, "%zu", count);
    words[3 + count] = field;
    if (!talk(c, words, count + 4, arena, NULL))
        atomic_store(&c->distrust_ms, clock_wall_us() / 1000);
}

static void drop_one(struct read_cache *c, const struct domain_touch *t, struct arena *arena)
{
    const char **words = arena_array(arena, DROP_MAX + 4, sizeof *words);
    char *ids = arena_strdup(arena, t->ids), *id;
    size_t count = 0;
    while ((id = strsep(&ids, "{,} ")) != NULL) {
        if (id[0] == '\0')
            continue;
        words[3 + count++] = arena_printf(arena, "%s:%s", c->prefix[t->kind], id);
        if (count == DROP_MAX) {
            drop_keys(c, words, count, t->store_id, arena);
            count = 0;
        }
    }
    drop_keys(c, words, count, t->store_id, arena);
}

void read_cache_drop(struct read_cache *c, const struct domain_touch *touched, struct arena *arena)
{
    if (c == NULL)
        return;
    for (; touched != NULL; touched = touched->next)
        drop_one(c, touched, arena);
}
