/* lib/net/adaptive.h - how many requests at once a system bears, found out while asking: one more
 * for each round of quick answers, half as many when it says that it is too much, a tenth less when
 * its answers become slow (additive increase, multiplicative decrease, as TCP does). Pure. */
#ifndef DINER_NET_ADAPTIVE_H
#define DINER_NET_ADAPTIVE_H

#include <stdbool.h>
#include <stdint.h>

struct adaptive {
    int64_t limit_milli, max;
    int64_t quick_us;   /* the time of a quick answer; learnt anew when few are under way */
    int64_t mean_us;    /* of late; 0: none yet */
    int64_t lowered_ns; /* when the limit was lowered last */
};

void adaptive_init(struct adaptive *a, int64_t max);
int64_t adaptive_limit(const struct adaptive *a); /* 1 to max */
/* One attempt: how long it took, and whether the system said or showed that it was too much (429,
 * 503, a timeout). Lowers the limit at most once for the answers of one round. */
void adaptive_report(struct adaptive *a, int64_t elapsed_us, bool is_overload, int64_t now_ns);

#endif
