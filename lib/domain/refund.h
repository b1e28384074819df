/* lib/domain/refund.h - money that goes back.
 *
 * requested -> accepted -> succeeded or failed. A channel that answers has only accepted; the end
 * is learnt by asking or by a callback. The refund number is kept over every retry, so that the
 * channel pays out once. Refunds never exceed what was paid; one that failed counts for nothing:
 * what the order took of coupons, and its stock, comes back when all of the money is back. */
#ifndef DINER_DOMAIN_REFUND_H
#define DINER_DOMAIN_REFUND_H

#include "domain/payment.h"

#define REFUNDS_MAX         50 /* of one payment, as the channels have it */
#define REFUND_NO_BYTES_MAX 64

struct refund_request {
    const char *order_no, *reason;
    const char *amount;     /* positive; NULL: all that is left */
    const char *refund_no;  /* the caller's own; NULL: the next */
    const char *payment_no; /* NULL: the payment that paid the order; else a surplus one, too */
    bool restock;           /* of an accepted or fulfilled order, with its last refund */
};
/* Asks for a refund; the same refund_no again is the same refund. A paid order that is not accepted
 * yet is cancelled by the refund of all that is left, its stock restored. *ret_no and *ret_document
 * (the refund) in the arena. Refused as unknown_order, unknown_payment, not_refundable,
 * refund_exceeds_payment, refund_limit, refund_no_reused, reserved_refund_no (a number as we make
 * them that is no refund of this order), restock_needs_full_refund. */
int refund_create(struct domain_context *ctx, const struct refund_request *request,
                  const char **ret_no, const char **ret_document, struct error *err);

/* order_no NULL: of any order. Refused as unknown_refund. */
int refund_get(struct domain_context *ctx, const char *order_no, const char *refund_no,
               const char **ret_document, struct error *err);

/* Of all orders; method and channel are those of the payment. */
extern const struct listing_spec refund_listing;
int refund_search(struct domain_context *ctx, const struct money_filter *filter,
                  const struct listing_from *from, struct listing *out, struct error *err);
bool refund_status_is_known(const char *status);

/* Of all that is left of the payment of this order, which is locked and being cancelled; nothing
 * when it is not paid. */
struct locked_order;
int refund_rest(struct domain_context *ctx, const struct locked_order *order, const char *reason,
                struct error *err);

/* All of one payment that the locked order cannot keep. */
int refund_whole(struct domain_context *ctx, const struct locked_order *order,
                 const char *payment_id, const char *channel, const char *amount,
                 const char *reason, struct error *err);

enum refund_outcome { REFUND_ACCEPTED, REFUND_SUCCEEDED, REFUND_FAILED };
/* What the channel said. Late, repeated and out of order are harmless: what is final stays.
 * Refused as unknown_refund. */
int refund_settle(struct domain_context *ctx, const char *refund_no, enum refund_outcome outcome,
                  const char *failure, struct error *err);

#endif
