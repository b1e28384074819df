#include "net/breaker.h"

#define NS_PER_MS INT64_C(1000000)

enum breaker_answer breaker_ask(struct breaker *b, int64_t now_ns, bool *ret_is_probe,
                                int64_t *ret_wait_ms)
{
    *ret_is_probe = false;
    if (!b->is_open)
        return BREAKER_GO;
    int64_t wait_ns = b->opened_ns + b->open_ms * NS_PER_MS - now_ns;
    if (wait_ns > 0) {
        *ret_wait_ms = (wait_ns + NS_PER_MS - 1) / NS_PER_MS;
        return BREAKER_OPEN;
    }
    if (b->is_probing)
        return BREAKER_PROBING;
    b->is_probing = true;
    *ret_is_probe = true;
    return BREAKER_GO;
}

void breaker_report(struct breaker *b, bool ok, bool is_probe, int64_t now_ns)
{
    if (ok) {
        b->is_open = b->is_probing = false;
        b->failures = 0;
        return;
    }
    b->failures++;
    /* Failures of requests sent before it opened must not keep it open longer. */
    if (b->is_open && !is_probe)
        return;
    if (is_probe)
        b->is_probing = false;
    if (b->failures_max > 0 && (is_probe || b->failures >= b->failures_max)) {
        b->is_open = true;
        b->opened_ns = now_ns;
    }
}

void breaker_learn(struct breaker *b, bool is_answering)
{
    b->is_answering = is_answering;
}

void breaker_renew(struct breaker *b, int64_t now_ns)
{
    if (b->is_open && b->is_answering)
        b->opened_ns = now_ns - b->open_ms * NS_PER_MS;
}

void breaker_forget(struct breaker *b, bool is_probe)
{
    if (is_probe)
        b->is_probing = false;
}
