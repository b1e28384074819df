/* lib/domain/stock.h - what each store has of each product, and the ledger of its changes.
 *
 * Every change locks the rows it touches in ascending (store, product) order, repeats its condition
 * in the write, and appends to app.stock_log under a unique key (ref, change type, store, product):
 * no overselling, no deadlock, nothing applied twice. Quantities are decimal texts of at most 12
 * integer and 6 fraction digits. */
#ifndef DINER_DOMAIN_STOCK_H
#define DINER_DOMAIN_STOCK_H

#include "domain/listing.h"

struct stock_filter {
    const char *store, *product; /* code, SKU; NULL: all */
    const char *moved_since;     /* RFC 3339; NULL: moved_qty is "0" */
};
/* Keys: store id, product id. moved_qty is the sum of the ledger since then except erp_sync, of the
 * same snapshot as qty. */
int stock_list(struct domain_context *ctx, const struct stock_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err);
int stock_count(struct domain_context *ctx, const struct stock_filter *filter, int64_t *ret_count,
                struct error *err);
/* Refused as unknown_store, unknown_product, not_sold_here, forbidden_store. */
int stock_get(struct domain_context *ctx, const struct stock_filter *filter,
              const char **ret_document, struct error *err);

/* Key: the id. A ledger row may become visible after one with a higher id: who follows the ledger
 * reads again from a little before. */
int stock_log_list(struct domain_context *ctx, const struct stock_filter *filter,
                   const struct listing_from *from, struct listing *out, struct error *err);
/* Those after from's key. */
int stock_log_count(struct domain_context *ctx, const struct stock_filter *filter,
                    const struct listing_from *from, int64_t *ret_count, struct error *err);

struct stock_adjustment {
    const char *store, *product; /* code, SKU */
    const char *delta;           /* signed, not zero */
    const char *reason;          /* erp_sync adjust count waste */
    const char *note;            /* or NULL */
    /* outcome, in the arena */
    const char *error; /* NULL: applied; else insufficient_stock unknown_product unknown_store
                          forbidden_store */
    const char *qty;   /* what is there now; NULL when there is no such stock */
};
#define STOCK_ADJUSTMENTS_MAX 500
/* Applies or refuses each item by itself, in the caller's transaction; items for the same product
 * are taken in the order given. ref names the batch in the ledger and must be new. */
int stock_adjust(struct domain_context *ctx, const char *ref, struct stock_adjustment *items,
                 size_t count, struct error *err);
bool stock_reason_is_known(const char *reason);

#endif
