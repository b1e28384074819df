/* lib/domain/order.h - orders and their states.
 *
 * Three axes. The order: pending -> paid -> accepted -> fulfilled; pending and paid -> cancelled.
 * Payment: unpaid, paid, refunding, partially_refunded, refunded (domain/refund.h). Fulfilment:
 * waiting, preparing (accepted), ready, fulfilled, cancelled. Anything else is refused as
 * order_state, with the state and what is allowed. Creating takes the stock, cancelling gives it
 * back exactly once; each change writes its history and an outbox row in the same transaction.
 * What was paid for an order that is cancelled is refunded. Lock order: the order, its payments and
 * refunds, the member's wallet, the member's points, its coupons and campaigns, then its stock in
 * key order. */
#ifndef DINER_DOMAIN_ORDER_H
#define DINER_DOMAIN_ORDER_H

#include "domain/listing.h"

struct order_filter {
    const char *store, *status, *payment_status; /* NULL: all */
    const char *updated_since, *updated_until;   /* RFC 3339: since inclusive, until not */
    const char *created_since, *created_until;
};
/* In the order of updated_at a reader that goes on from its last key meets every change. */
extern const struct listing_spec order_listing;
int order_list(struct domain_context *ctx, const struct order_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err);
/* Refused as unknown_order; another store's order is unknown too. */
int order_get(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err);
/* Every change of the order, oldest first, as JSON. Refused as unknown_order. */
int order_history(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err);
bool order_status_is_known(const char *status);
bool order_payment_status_is_known(const char *status);
bool order_channel_is_known(const char *channel);

struct order_line {
    const char *product;  /* SKU */
    const char *quantity; /* positive, at most 3 decimals */
};
struct order_request {
    const char *store, *channel;
    int64_t guests;
    const char *table_no, *payment_method, *member_ref; /* or NULL */
    const char *member;                                 /* member_no of who orders, or NULL */
    const char
        *reservation; /* id of one that ends as sold to this order (reservation.h), or NULL */
    const char *const *coupons; /* codes (campaign.h) */
    size_t coupon_count;
    const struct order_line *lines;
    size_t line_count;
};
#define ORDER_LINES_MAX 200
/* *ret_no and *ret_document in the arena. Refused as unknown_store, forbidden_store,
 * unknown_member, closed_member, unknown_product, inactive_product, not_sold_here,
 * insufficient_stock (with what is there), unknown_reservation, reservation_ended, unknown_coupon,
 * coupon_used, coupon_refused. What campaigns take off is off its total. */
int order_create(struct domain_context *ctx, const struct order_request *request,
                 const char **ret_no, const char **ret_document, struct error *err);
/* The same in two steps: order_draft makes the order without its stock, and order_sell takes that
 * and commits in one trip, so that the rows everybody wants are locked for no longer. */
struct order_draft {
    const char *id, *order_no, *document;
};
int order_draft(struct domain_context *ctx, const struct order_request *request,
                struct order_draft *ret, struct error *err);
int order_sell(struct domain_context *ctx, const struct order_request *request,
               const struct order_draft *draft, struct error *err);

/* What the order would cost at an instant (NULL: now), line by line, and why each campaign counts
 * or not; nothing is taken. Refused as order_create, but for its stock and reservation. */
int order_preview(struct domain_context *ctx, const struct order_request *request, const char *at,
                  const char **ret_document, struct error *err);

/* Transitions answer with the order as it is then. */
/* method NULL: as ordered; wallet: from the wallet of its member, refused as no_member,
 * insufficient_balance; any other: recorded. amount NULL: not compared, else refused as
 * amount_mismatch. */
int order_pay(struct domain_context *ctx, const char *order_no, const char *method,
              const char *amount, const char **ret_document, struct error *err);
int order_cancel(struct domain_context *ctx, const char *order_no, const char *reason,
                 const char **ret_document, struct error *err);
int order_accept(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err);
/* Being prepared -> ready, on the axis of fulfilment; the order stays accepted. */
int order_ready(struct domain_context *ctx, const char *order_no, const char **ret_document,
                struct error *err);
int order_fulfill(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err);

#endif
