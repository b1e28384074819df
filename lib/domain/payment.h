/* lib/domain/payment.h - money that comes in for an order.
 *
 * One payment pays an order. Its channel says who holds the money and so how it goes back: "none"
 * is only recorded (cash, a card terminal), "wallet" is ours, the others are asked (channel.h).
 * created -> sent -> succeeded, failed or closed. What comes in is recorded whatever we thought of
 * it before: for an order that cannot take it any more it is refunded at once, and so is what comes
 * on top. */
#ifndef DINER_DOMAIN_PAYMENT_H
#define DINER_DOMAIN_PAYMENT_H

#include "domain/listing.h"

#define PAYMENT_NO_BYTES_MAX 128

/* {"payments":[...],"refunds":[...]} of an order. Refused as unknown_order. */
int payment_list(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err);

/* Payments, or refunds, of all orders: by the channel's books, not by order. */
struct money_filter {
    const char *store, *method, *channel, *status; /* NULL: all */
    const char *since, *until; /* created; RFC 3339, since inclusive, until not */
};
extern const struct listing_spec payment_listing;
int payment_search(struct domain_context *ctx, const struct money_filter *filter,
                   const struct listing_from *from, struct listing *out, struct error *err);
bool payment_status_is_known(const char *status);

/* Before a channel is asked: the payment under its number, kept whatever becomes of us. The order
 * is locked and pending. Texts in the arena. */
struct locked_order;
struct payment {
    const char *id, *payment_no, *amount;
};
int payment_begin(struct domain_context *ctx, const struct locked_order *order, const char *method,
                  const char *channel, struct payment *ret, struct error *err);

/* It came in. amount NULL: as asked for. Repeated it changes nothing. Refused as unknown_payment.
 */
int payment_succeed(struct domain_context *ctx, const char *payment_no, const char *transaction_id,
                    const char *amount, struct error *err);
/* status: sent, failed or closed. Never takes back what came in. */
int payment_end(struct domain_context *ctx, const char *payment_no, const char *status,
                const char *failure, const char *code_url, struct error *err);

/* Whether this payment is the one that pays its order, which still stands. */
int payment_pays(struct domain_context *ctx, const char *payment_no, bool *ret, struct error *err);
/* Whatever of it came in and is not on its way back already goes back. */
int payment_require_refund(struct domain_context *ctx, const char *payment_no, struct error *err);

/* Numbers of the payments of a locked order that a channel may still take in. */
int payment_open(struct domain_context *ctx, const struct locked_order *order,
                 const char *const **ret, size_t *ret_count, struct error *err);

#endif
