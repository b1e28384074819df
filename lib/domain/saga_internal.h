/* lib/domain/saga_internal.h - the steps, for the engine that runs them. */
#ifndef DINER_DOMAIN_SAGA_INTERNAL_H
#define DINER_DOMAIN_SAGA_INTERNAL_H

#include "domain/saga.h"

enum saga_result { SAGA_STEP_DONE, SAGA_STEP_FAILED, SAGA_STEP_LATER };

struct saga_step;
/* A saga in the hands of its runner; texts in the arena. */
struct saga {
    int64_t id, epoch, attempts;
    const char *kind, *order_no, *reason;
    bool only_unpaid, is_going_back;
    bool is_pending;  /* the order, when the saga was last looked at */
    bool was_pending; /* and when the channel was asked */
    /* the step at hand */
    const struct saga_step *step;
    int64_t step_no;
    const char *ref, *amount; /* of the payment it is about */
    struct channel_reply reply;
    const char *silence; /* why there was no reply */
    bool must_ask, is_later;
};
struct saga_step {
    const char *name;
    /* Outside; NULL: the step is all inside. A failure: nobody knows. */
    int (*ask)(struct saga_desk *desk, const struct saga *saga, struct channel_reply *ret,
               struct error *err);
    /* Inside, in a transaction. reply NULL when there was nothing to ask. */
    int (*record)(struct saga_desk *desk, const struct saga *saga,
                  const struct channel_reply *reply, enum saga_result *ret,
                  const char **ret_failure, struct error *err);
    int (*undo)(struct saga_desk *desk, const struct saga *saga, struct error *err);
};
const struct saga_step *saga_step_find(const char *name);

#endif
