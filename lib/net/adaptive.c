#include "net/adaptive.h"

#define START     2
#define SLACK_US  INT64_C(5000) /* differences below are noise */
#define NS_PER_US INT64_C(1000)
#define ROUND_NS  INT64_C(50000000)

void adaptive_init(struct adaptive *a, int64_t max)
{
    *a = (struct adaptive){.max = max, .limit_milli = (max < START ? max : START) * 1000};
}

int64_t adaptive_limit(const struct adaptive *a)
{
    return a->limit_milli / 1000;
}

static void lower(struct adaptive *a, int64_t percent, int64_t now_ns)
{
    int64_t round_ns = a->mean_us * NS_PER_US > ROUND_NS ? a->mean_us * NS_PER_US : ROUND_NS;

    if (a->lowered_ns != 0 && now_ns - a->lowered_ns < round_ns)
        return;
    a->lowered_ns = now_ns;
    a->limit_milli = a->limit_milli * percent / 100;
    if (a->limit_milli < 1000)
        a->limit_milli = 1000;
}

static void learn(struct adaptive *a, int64_t elapsed_us)
{
    a->mean_us = a->mean_us == 0 ? elapsed_us : (a->mean_us * 7 + elapsed_us) / 8;
    if (a->quick_us == 0 || elapsed_us < a->quick_us)
        a->quick_us = elapsed_us;
    else if (adaptive_limit(a) <= START) /* few at once: this is what it takes by itself */
        a->quick_us += (elapsed_us - a->quick_us) / 16;
}

void adaptive_report(struct adaptive *a, int64_t elapsed_us, bool is_overload, int64_t now_ns)
{
    if (is_overload) {
        lower(a, 50, now_ns);
        return;
    }
    learn(a, elapsed_us);
    if (a->mean_us > 2 * a->quick_us + SLACK_US) {
        lower(a, 90, now_ns);
        return;
    }
    a->limit_milli += 1000 * 1000 / a->limit_milli;
    if (a->limit_milli > a->max * 1000)
        a->limit_milli = a->max * 1000;
}
