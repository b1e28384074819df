/* lib/domain/order.h - orders and their states.
 *
 * pending -> paid -> accepted -> fulfilled; pending and paid -> cancelled. Anything else is refused
 * as order_state, with the state and what is allowed. Creating takes the stock, cancelling gives it
 * back exactly once; each transition writes its history and an outbox row in the same transaction.
 * A paid order that is cancelled is refunded in full. Lock order: the order, then its stock in key
 * order. */
#ifndef DINER_DOMAIN_ORDER_H
#define DINER_DOMAIN_ORDER_H

#include "domain/listing.h"

struct order_filter {
    const char *store, *status;                /* NULL: all */
    const char *updated_since, *updated_until; /* RFC 3339: since inclusive, until not */
    const char *created_since, *created_until;
};
/* Keys: updated_at, id, ascending: a reader that goes on from its last key meets every change. */
int order_list(struct domain_context *ctx, const struct order_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err);
/* Newest first, by page. */
int order_page(struct domain_context *ctx, const struct order_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err);
int order_count(struct domain_context *ctx, const struct order_filter *filter, int64_t *ret_count,
                struct error *err);
/* Refused as unknown_order; another store's order is unknown too. */
int order_get(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err);
bool order_status_is_known(const char *status);
bool order_channel_is_known(const char *channel);

struct order_line {
    const char *product;  /* SKU */
    const char *quantity; /* positive, at most 3 decimals */
};
struct order_request {
    const char *store, *channel;
    int64_t guests;
    const char *table_no, *payment_method, *member_ref; /* or NULL */
    const struct order_line *lines;
    size_t line_count;
};
#define ORDER_LINES_MAX 200
/* *ret_no and *ret_document in the arena. Refused as unknown_store, forbidden_store,
 * unknown_product, inactive_product, not_sold_here, insufficient_stock (with what is there). */
int order_create(struct domain_context *ctx, const struct order_request *request,
                 const char **ret_no, const char **ret_document, struct error *err);

/* Transitions answer with the order as it is then. */
/* method NULL: as ordered; amount NULL: not compared, else refused as amount_mismatch. */
int order_pay(struct domain_context *ctx, const char *order_no, const char *method,
              const char *amount, const char **ret_document, struct error *err);
int order_cancel(struct domain_context *ctx, const char *order_no, const char *reason,
                 const char **ret_document, struct error *err);
int order_accept(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err);
int order_fulfill(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err);

#endif
