/* lib/domain/order_timeout.h - unpaid orders are cancelled after a while.
 *
 * Those that no channel knows fall in batches, by one statement each. The others are claimed one by
 * one (a closing saga), the channel is asked to close the payment with nothing locked, and only
 * then the order falls; when the channel says it was paid, the order is paid. Any number of
 * machines may do it at the same time: each leaves out what another is at. */
#ifndef DINER_DOMAIN_ORDER_TIMEOUT_H
#define DINER_DOMAIN_ORDER_TIMEOUT_H

#include "domain/saga.h"

#define ORDER_TIMEOUT_REASON "Payment timeout"

struct order_timeout_options {
    int64_t older_than_ms;
    int64_t limit;          /* orders in all; 0: every one */
    int64_t batch;          /* orders in one transaction; 0: 1000 */
    struct db_conn *second; /* two batches at a time, without a limit; NULL: one after the other */
};
struct order_timeout_counts {
    int64_t cancelled;
    int64_t paid;    /* the channel says so */
    int64_t waiting; /* the channel did not answer: they are closed when it does */
};
/* No transaction is open, before and after. Stops early when the desk's time is over; on a signal
 * that is ERR_CANCELLED. */
int order_timeout_run(struct saga_desk *desk, const struct order_timeout_options *options,
                      struct order_timeout_counts *ret, struct error *err);
/* What a run would look at: all, and of them those a channel may know. */
int order_timeout_count(struct domain_context *ctx, int64_t older_than_ms, int64_t *ret_all,
                        int64_t *ret_sent, struct error *err);

#endif
