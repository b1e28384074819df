#include "net/limit.h"

#define NS_PER_MS INT64_C(1000000)
#define BURST_MS  INT64_C(250)

void limit_init(struct limit *l, int64_t count, int64_t per_ms)
{
    *l = (struct limit){0};
    if (count <= 0 || per_ms <= 0)
        return;
    l->interval_ns = per_ms * NS_PER_MS / count;
    if (l->interval_ns < 1)
        l->interval_ns = 1;
    int64_t burst = BURST_MS * NS_PER_MS / l->interval_ns;
    l->burst_ns = burst > 1 ? (burst - 1) * l->interval_ns : 0;
}

int64_t limit_wait_ns(const struct limit *l, int64_t now_ns)
{
    int64_t wait_ns = l->next_ns - l->burst_ns - now_ns;
    return l->interval_ns > 0 && wait_ns > 0 ? wait_ns : 0;
}

void limit_take(struct limit *l, int64_t now_ns)
{
    if (l->next_ns < now_ns)
        l->next_ns = now_ns;
    l->next_ns += l->interval_ns;
}
