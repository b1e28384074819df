/* lib/core/clock.h - the only source of time. Wall time is UTC microseconds since 1970,
 * monotonic time is nanoseconds from an arbitrary start. Tests inject both and sleeping. */
#ifndef DINER_CORE_CLOCK_H
#define DINER_CORE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_us(void);
int64_t clock_monotonic_ns(void);
int64_t clock_monotonic_ms(void);
/* Sleeps at most ms; returns early when a signal asked us to stop (see signals.h). */
void clock_sleep_ms(int64_t ms);

struct clock_source {
    int64_t (*wall_us)(void *self);
    int64_t (*monotonic_ns)(void *self);
    void (*sleep_ms)(void *self, int64_t ms);
    void *self;
};
/* For tests; NULL restores the system's clock. Borrowed until replaced. */
void clock_inject(const struct clock_source *source);

/* Uniform random 64 bits from the system (getrandom); for jitter, ids and keys. */
uint64_t clock_random_u64(void);
/* A random UUID, version 4, RFC 9562, lower case, NUL-terminated. */
void clock_random_uuid(char ret_uuid[37]);

#endif
