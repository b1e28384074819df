/* lib/domain/settle.h - what lies with a payment channel is brought to its end.
 *
 * Each is taken by a row lock that others skip, and kept from them for a while by the time at which
 * it is due again; nothing is locked while the channel is asked. Any number of machines may settle
 * at once. No transaction is open, before and after. */
#ifndef DINER_DOMAIN_SETTLE_H
#define DINER_DOMAIN_SETTLE_H

#include "domain/saga.h"

struct settle_counts {
    int64_t sagas_done, sagas_undone;
    int64_t payments_in, payments_closed;
    int64_t refunds_paid, refunds_failed;
    int64_t waiting; /* the channel does not answer, or takes its time */
};
/* Everything that is due, until the desk's time is over: sagas that were interrupted, payments that
 * may have come in, refunds. */
int settle_due(struct saga_desk *desk, struct settle_counts *counts, struct error *err);
/* The refunds that were just asked for, of one order. What does not end now is left to settle_due:
 * only errors of ours fail. */
int settle_refunds_of(struct saga_desk *desk, const char *order_no, struct error *err);

/* What a channel called back. A repetition changes nothing. Opens its own transactions.
 * *ret_result: "recorded", "duplicate" or "unknown", a literal. Refused as bad_parameter: the
 * amount is none of money. */
int settle_event(struct domain_context *ctx, const struct channel *channel,
                 const struct channel_event *event, struct span body, const char **ret_result,
                 struct error *err);

#endif
