/* lib/platform/server/rate.h - token buckets, one pair (minute, hour) a client. Thread safe; memory
 * is bounded: the client not heard of for longest makes room. */
#ifndef DINER_PLATFORM_RATE_H
#define DINER_PLATFORM_RATE_H

#include "schema/field.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate_limiter;
struct rate_limiter *rate_limiter_new(size_t clients_max);
void rate_limiter_free(struct rate_limiter *r); /* NULL-safe */
/* Takes one request of `client` out of both buckets, or neither: then *ret_wait_ms says when the
 * next would be let through. A rate with per_ms 0 does not limit. */
bool rate_limiter_take(struct rate_limiter *r, const char *client, const struct field_rate *minute,
                       const struct field_rate *hour, int64_t now_ms, int64_t *ret_wait_ms);
/* Clients whose name begins with the prefix and that were heard of since then. */
size_t rate_limiter_seen(struct rate_limiter *r, const char *prefix, int64_t since_ms);

#endif
