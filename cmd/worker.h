/* cmd/worker.h - what the files of `diner worker` share. */
#ifndef DINER_CMD_WORKER_H
#define DINER_CMD_WORKER_H

#include "cli/command.h"
#include "cli/table.h"
#include "cmd/desk.h"
#include "cmd/notify_channels.h"
#include "net/broker.h"
#include "pipeline/work.h"

struct worker_args {
    struct field_strings queues;
    int64_t prefetch, every_ms, retry_after_ms, retries;
    bool tasks, drain;
};
struct worker {
    struct cli cli; /* its arena is the message's */
    const struct worker_args *args;
    struct notify_channels channels;
    struct broker *in, *out;     /* NULL: it takes no messages */
    struct lease_holder *holder; /* NULL: no parts of distributed runs either */
    struct work_options work_options;
    struct work *work; /* NULL: not connected */
    struct desk *desk; /* NULL: not connected */
    struct arena *arena;
    uint64_t event_tag; /* the last event whose delivery is not done; 0: none */
    int64_t deliver_at_ms, forgive_at_ms;
    bool has_begun; /* it was connected once: what breaks from now on is waited for */
    bool is_open;   /* this session was */
};

/* What the settings say of the broker; ERR_CONFIG when there is none. */
int worker_broker(const struct notify_channels *channels, struct broker **ret, struct error *err);
/* One message, done and acknowledged, or to be tried later, or among the dead. Failures are those
 * of the broker and the database, and a second signal: the message comes again. */
int worker_handle(struct worker *w, const struct broker_delivery *d, struct error *err);

extern const struct command command_worker_ask; /* cmd/worker_ask.c */

#endif
