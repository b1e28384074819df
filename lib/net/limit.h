/* lib/net/limit.h - a token bucket (as GCRA): at most `count` per `per_ms`, evenly, with a small
 * burst of a quarter of a second's worth, so that no server window of any phase sees more than
 * count + burst. Pure: the time is given. */
#ifndef DINER_NET_LIMIT_H
#define DINER_NET_LIMIT_H

#include <stdint.h>

struct limit {
    int64_t interval_ns; /* 0: no limit */
    int64_t burst_ns;
    int64_t next_ns; /* when the bucket is full again */
};
void limit_init(struct limit *l, int64_t count, int64_t per_ms);
int64_t limit_wait_ns(const struct limit *l, int64_t now_ns); /* 0: take one now */
void limit_take(struct limit *l, int64_t now_ns);

#endif
