/* lib/net/loadgen_internal.h - what the two loops of the load generator share: loadgen.c checks,
 * keeps time and counts; loadgen_epoll.c drives plain http, loadgen_client.c https through http.h.
 * Times without a zone of their own are nanoseconds since the start of the load. */
#ifndef DINER_NET_LOADGEN_INTERNAL_H
#define DINER_NET_LOADGEN_INTERNAL_H

#include "net/loadgen.h"
#include <netdb.h>
#include <sys/socket.h>

#define LOADGEN_NS_PER_MS    INT64_C(1000000)
#define LOADGEN_NS_PER_S     INT64_C(1000000000)
#define LOADGEN_TURN_STEP_US 20
#define LOADGEN_TURN_STEPS   4096

struct loadgen_target {
    bool tls;
    char host[256]; /* without the brackets of an IPv6 literal */
    char port[8];
    const char *path; /* borrowed from the URL: "/x?y" or "" */
    size_t path_len;
    struct sockaddr_storage address; /* http only: the one that answered */
    socklen_t address_len;
    int family;
};

struct load {
    const struct loadgen_options *options;
    struct loadgen_target target;
    loadgen_sink sink;
    void (*tick)(void *self, int64_t elapsed_ns, uint64_t sent);
    void *self;
    int64_t start_ns; /* monotonic */
    int64_t warm_ns, end_ns, timeout_ns;
    int64_t next_tick_ns;
    uint64_t planned; /* open model: how many requests are meant to start; closed: the cap */
    uint64_t issued;  /* requests given to a connection or given up: the next one's number */
    struct loadgen_summary summary;
    uint64_t turns[LOADGEN_TURN_STEPS], turns_count; /* the loop's turns by their length */
    uint64_t lags[LOADGEN_TURN_STEPS], lags_count;   /* sent - meant to be sent */
    int64_t room_since; /* since when a connection is free; before all: always was */
};

int64_t load_now(const struct load *l);
/* Open model: when request i is meant to start. */
int64_t load_intended(const struct load *l, uint64_t i);
/* Whether another request may start now: the model, the end, the cap. */
bool load_wants(const struct load *l, int64_t now);
/* Which of several requests the next one is; it counts as issued. */
uint32_t load_issue(struct load *l);
/* The i-th request as a whole: that of the options where there are not several. */
struct loadgen_request load_request(const struct load *l, uint32_t i);
/* Open model: a free connection took a request that was meant to be sent at `intended`. */
void load_note_lag(struct load *l, int64_t intended, int64_t now);
void load_tell(struct load *l, const struct loadgen_event *event);
/* Open model: tells requests that waited timeout_ns for a connection as given up. */
void load_expire_unsent(struct load *l, int64_t now);
void load_note_turn(struct load *l, int64_t turn_ns);
void load_note_failure(struct load *l, const char *what);
/* Once a turn: the tick; true when a signal asked to stop. */
bool load_turn(struct load *l, int64_t now);
enum loadgen_outcome load_outcome_of(const struct load *l, uint32_t request, int status);

int load_run_epoll(struct load *l, struct error *err);
int load_run_client(struct load *l, struct error *err);

#endif
