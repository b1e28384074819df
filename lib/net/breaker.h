/* lib/net/breaker.h - a circuit breaker: after N consecutive failures a host is left alone for a
 * while, then one probe decides. Pure: the time is given. */
#ifndef DINER_NET_BREAKER_H
#define DINER_NET_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker {
    int64_t failures_max; /* 0: never opens */
    int64_t open_ms;
    int64_t failures; /* in a row */
    int64_t opened_ns;
    bool is_open, is_probing;
    bool is_answering; /* the last failure was an answer: a host that is there */
};

enum breaker_answer {
    BREAKER_GO,      /* *ret_is_probe: this one decides, report or forget it */
    BREAKER_PROBING, /* another request is finding out */
    BREAKER_OPEN,    /* not before *ret_wait_ms */
};
enum breaker_answer breaker_ask(struct breaker *b, int64_t now_ns, bool *ret_is_probe,
                                int64_t *ret_wait_ms);
void breaker_report(struct breaker *b, bool ok, bool is_probe, int64_t now_ns);
/* A failure that is an answer of the host, or none of it at all. After breaker_report. */
void breaker_learn(struct breaker *b, bool is_answering);
/* Something else is asked for from now on: of a host that is there the next request is the probe at
 * once, for what failed may lie in what was asked. One that gave no answer stays alone. */
void breaker_renew(struct breaker *b, int64_t now_ns);
/* The probe ended without telling anything about the host. */
void breaker_forget(struct breaker *b, bool is_probe);

#endif
