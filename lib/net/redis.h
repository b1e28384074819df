/* lib/net/redis.h - commands to a Redis, for what may be done without it.
 *
 * A few connections shared by all threads, short time limits, and a circuit breaker: a Redis that
 * is stopped or slow costs a few limits, then nothing until the breaker tries again. Every failure
 * is ERR_UNAVAILABLE, to be answered by doing without. */
#ifndef DINER_NET_REDIS_H
#define DINER_NET_REDIS_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

struct redis_options {
    const char *url;    /* redis://[[user]:password@]host[:port][/db], or unix:/path */
    int64_t timeout_ms; /* to connect, and for each command */
    int64_t breaker_failures, breaker_open_ms;
};
struct redis;
/* Connects when it is first used. ERR_CONFIG for a wrong URL, or without hiredis. */
int redis_open(const struct redis_options *options, struct redis **ret, struct error *err);
void redis_close(struct redis *r); /* NULL-safe; no thread may be using it */

/* One command, its words binary-safe. *ret_text (may be NULL: not wanted) is a string, a status or
 * a number as text in the arena, NULL for nil. ERR_UNAVAILABLE; ERR_REMOTE when Redis refuses the
 * command. Blocks for at most about two limits. Thread-safe. */
int redis_command(struct redis *r, const struct span *words, size_t count, struct arena *arena,
                  const char **ret_text, struct error *err);

#endif
