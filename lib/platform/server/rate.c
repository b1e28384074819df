/* lib/platform/server/rate.c - token buckets. */
#include "platform/server/rate.h"
#include "core/mem.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_NAME_MAX 80
#define WAYS            8 /* clients that share a place in the table; the stalest makes room */

/* Whole numbers only: a bucket fills by `count` units each millisecond up to count * per_ms, and a
 * request costs per_ms units. */
struct bucket {
    int64_t units;
};
struct client {
    char name[CLIENT_NAME_MAX];
    int64_t seen_ms;
    struct bucket minute, hour;
};
struct rate_limiter {
    pthread_mutex_t lock;
    size_t sets;
    struct client *clients; /* sets * WAYS */
};

struct rate_limiter *rate_limiter_new(size_t clients_max)
{
    struct rate_limiter *r = mem_alloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->sets = (clients_max + WAYS - 1) / WAYS;
    r->clients = mem_array(r->sets * WAYS, sizeof *r->clients);
    return r;
}

void rate_limiter_free(struct rate_limiter *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r->clients);
    free(r);
}

static uint64_t hash_name(const char *name)
{
    uint64_t h = 14695981039346656037U; /* FNV-1a */
    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211U;
    return h ^ h >> 32;
}

static void fill(struct bucket *b, const struct field_rate *rate, int64_t elapsed_ms)
{
    int64_t full = rate->count * rate->per_ms;
    if (elapsed_ms >= rate->per_ms || b->units + elapsed_ms * rate->count > full)
        b->units = full;
    else
        b->units += elapsed_ms * rate->count;
}

static int64_t wait_ms(const struct bucket *b, const struct field_rate *rate)
{
    if (rate->per_ms <= 0 || b->units >= rate->per_ms)
        return 0;
    return (rate->per_ms - b->units + rate->count - 1) / rate->count;
}

/* The client's place, taking that of the stalest of its set when it is new. */
static struct client *find(struct rate_limiter *r, const char *name, int64_t now_ms)
{
    struct client *set = &r->clients[hash_name(name) % r->sets * WAYS];
    struct client *stalest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (strncmp(set[i].name, name, CLIENT_NAME_MAX - 1) == 0)
            return &set[i];
        if (set[i].name[0] == '\0' || set[i].seen_ms < stalest->seen_ms)
            stalest = &set[i];
        if (set[i].name[0] == '\0')
            break;
    }
    memset(stalest, 0, sizeof *stalest);
    strncpy(stalest->name, name, CLIENT_NAME_MAX - 1);
    stalest->seen_ms = now_ms - (int64_t)1000 * 86400 * 365; /* full buckets */
    return stalest;
}

bool rate_limiter_take(struct rate_limiter *r, const char *client, const struct field_rate *minute,
                       const struct field_rate *hour, int64_t now_ms, int64_t *ret_wait_ms)
{
    pthread_mutex_lock(&r->lock);
    struct client *c = find(r, client, now_ms);
    int64_t elapsed_ms = now_ms > c->seen_ms ? now_ms - c->seen_ms : 0;
    fill(&c->minute, minute, elapsed_ms);
    fill(&c->hour, hour, elapsed_ms);
    c->seen_ms = now_ms;
    int64_t short_ms = wait_ms(&c->minute, minute), long_ms = wait_ms(&c->hour, hour);
    bool is_let_through = short_ms == 0 && long_ms == 0;
    if (is_let_through) {
        c->minute.units -= minute->per_ms;
        c->hour.units -= hour->per_ms;
    }
    pthread_mutex_unlock(&r->lock);
    *ret_wait_ms = short_ms > long_ms ? short_ms : long_ms;
    return is_let_through;
}

size_t rate_limiter_seen(struct rate_limiter *r, const char *prefix, int64_t since_ms)
{
    size_t count = 0, length = strlen(prefix);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->sets * WAYS; i++)
        if (r->clients[i].seen_ms >= since_ms && strncmp(r->clients[i].name, prefix, length) == 0)
            count++;
    pthread_mutex_unlock(&r->lock);
    return count;
}
