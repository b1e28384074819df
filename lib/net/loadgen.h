/* lib/net/loadgen.h - sends one HTTP request, or several in turns, over and over, and times each
 * answer.
 *
 * Open model (rate_per_s > 0): request i is meant to start at i / rate whatever the server does;
 * its latency counts from then, also while it waits for a connection: a stall is seen by all the
 * requests that fell into it (no coordinated omission). Closed model: each connection sends its
 * next request when the last was answered; latency counts from the sending.
 *
 * Plain http runs on one epoll loop over non-blocking sockets, HTTP/1.1 with keep-alive, without
 * allocation per request; https runs on the client of net/http.h, closed or open. Requests are
 * never repeated, redirects never followed. Bounded by duration, requests_max, connections and
 * the limits on time and body. INT or TERM ends the load at once; what was measured stands. */
#ifndef DINER_NET_LOADGEN_H
#define DINER_NET_LOADGEN_H

#include "core/error.h"
#include "core/mem.h"
#include "net/http.h"
#include <stdbool.h>
#include <stdint.h>

#define LOADGEN_CONNECTIONS_MAX 20000
#define LOADGEN_RATE_MAX        200000
#define LOADGEN_DURATION_MAX_MS ((int64_t)3600 * 1000)
#define LOADGEN_REQUESTS_MAX    ((uint64_t)50 * 1000 * 1000)

/* One of several requests. */
struct loadgen_request {
    const char *method;                /* NULL: as in loadgen_options */
    const char *target;                /* path and query behind the URL, "/x?y" */
    const struct http_header *headers; /* besides those of all */
    size_t nheaders;
    struct span body;
    int expect; /* the status of a right answer; 0: any 2xx or 304 */
};
#define LOADGEN_VARIANTS_MAX 100000

struct loadgen_options {
    const char *url;    /* http:// or https://, no user:password@ */
    const char *method; /* NULL: GET */
    const struct http_header *headers;
    size_t nheaders;
    struct span body;        /* ptr NULL: none */
    int64_t rate_per_s;      /* > 0: open model */
    int64_t connections;     /* closed: at work all the time; open: at most */
    int64_t warmup_ms;       /* sent first, told with `warmup` set */
    int64_t duration_ms;     /* after the warm-up */
    int64_t timeout_ms;      /* one request, from its sending; 0: 5 s */
    uint64_t body_max_bytes; /* 0: 64 MiB; more is a failure of that request */
    uint64_t requests_max;   /* 0: LOADGEN_REQUESTS_MAX */
    const char *ca_file;     /* https; NULL: the system's */
    /* Several requests instead of the one: request i of the load is requests[pick(self, i)]. pick
     * is called once for each i, in order; NULL: one after the other. body above is not used. */
    const struct loadgen_request *requests;
    size_t nrequests;
    uint32_t (*pick)(void *self, uint64_t i);
};

enum loadgen_outcome {
    LOADGEN_OK,        /* 2xx or 304 */
    LOADGEN_LIMITED,   /* 429: the server's own rate limit */
    LOADGEN_STATUS,    /* any other status */
    LOADGEN_TIMEOUT,   /* no whole answer in timeout_ms */
    LOADGEN_UNSENT,    /* open model: no connection came free in timeout_ms */
    LOADGEN_CONNECT,   /* no connection could be made */
    LOADGEN_CUT,       /* closed by the server before the answer was whole */
    LOADGEN_MALFORMED, /* not HTTP, or too large */
    LOADGEN_OUTCOMES
};
const char *loadgen_outcome_name(enum loadgen_outcome outcome); /* "ok", "rate_limited", ... */

/* One finished request. Times are since the start of the load (warm-up included). */
struct loadgen_event {
    int64_t intended_ns; /* open: when it was meant to start; closed: when it was sent */
    int64_t sent_ns;     /* UNSENT: when it was given up */
    int64_t done_ns;
    enum loadgen_outcome outcome;
    int status; /* 0 without one */
    bool warmup;
    uint64_t body_bytes;
    uint32_t request; /* which of several */
};
typedef void (*loadgen_sink)(void *self, const struct loadgen_event *event);

struct loadgen_summary {
    int64_t elapsed_ns;       /* of the sending: warm-up and duration, or until stopped */
    uint64_t sent;            /* all that went out, warm-up and unfinished ones included */
    uint64_t abandoned;       /* unfinished when a signal came */
    uint64_t connects;        /* connections made */
    int64_t connections_peak; /* open at the same time */
    bool interrupted;         /* by a signal */
    bool capped;              /* by requests_max */
    int64_t cpu_ns;           /* spent by this process while loading */
    int64_t loop_p99_us;      /* 99 % of the loop's turns took at most this: its own delay */
    int64_t lag_p99_us;       /* open model: 99 % of the requests that found a free connection were
                               * sent at most this after they were meant to; -1 none */
    char first_failure[160];  /* in words, of the first connection that failed; "" when none did */
};

/* Checks the options (ERR_USAGE), resolves and tries the address (ERR_UNAVAILABLE), loads, and
 * returns when the last request is answered or timed out. events are told in order of done_ns.
 * Blocks. tick (may be NULL) is called about ten times a second with the counts so far. */
int loadgen_run(const struct loadgen_options *options, loadgen_sink sink,
                void (*tick)(void *self, int64_t elapsed_ns, uint64_t sent), void *self,
                struct loadgen_summary *ret, struct error *err);

#endif
