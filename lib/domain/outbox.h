/* lib/domain/outbox.h - events, written in the transaction of what they tell. */
#ifndef DINER_DOMAIN_OUTBOX_H
#define DINER_DOMAIN_OUTBOX_H

#include "domain/context.h"

struct outbox_event {
    const char *type;    /* the routing key, too */
    const char *meaning; /* for documents: "an order was made" */
};
/* Every type there is; ends with type NULL. */
extern const struct outbox_event outbox_events[];

/* type: one of outbox_events, else ERR_BUG; the payload is the order as it is now, and so is
 * *ret_document (in the arena). */
int outbox_add_order(struct domain_context *ctx, const char *type, const char *order_no,
                     const char **ret_document, struct error *err);

#endif
