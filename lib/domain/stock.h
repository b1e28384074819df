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
    const char *below;           /* "zero", "min", "par": only what is below it; NULL: all */
};
/* The sort `store` is by store, then product, in the order in which they were entered. moved_qty is
 * the sum of the ledger since then except erp_sync, of the same snapshot as qty. */
extern const struct listing_spec stock_listing;
int stock_list(struct domain_context *ctx, const struct stock_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err);
struct stock_found {
    const char *document, *store_id, *product_id; /* in the arena */
};
/* Refused as unknown_store, unknown_product, not_sold_here, forbidden_store. */
int stock_find(struct domain_context *ctx, const struct stock_filter *filter,
               struct stock_found *ret, struct error *err);
/* Its document only. */
int stock_get(struct domain_context *ctx, const struct stock_filter *filter,
              const char **ret_document, struct error *err);

struct stock_log_filter {
    const char *store, *product, *order_no, *change_type; /* NULL: all */
    const char *since, *until;                            /* RFC 3339, until exclusive */
    bool is_flagged;                                      /* only what ended below zero so */
    const char *after_id;                                 /* only higher ids; NULL: all */
};
bool stock_change_is_known(const char *change_type);
/* A ledger row may become visible after one with a higher id: who follows the ledger
 * reads again from a little before. */
extern const struct listing_spec stock_log_listing;
int stock_log_list(struct domain_context *ctx, const struct stock_log_filter *filter,
                   const struct listing_from *from, struct listing *out, struct error *err);

/* NULL: as it is; "": none (but a policy). */
struct stock_settings {
    const char *policy;  /* forbid allow flag */
    const char *par_qty; /* over zero */
    const char *min_qty; /* 0 to par */
    const char *pack_unit;
};
bool stock_policy_is_known(const char *policy);
/* version: the one the caller has seen, else refused as version_conflict; -1: any. Refused as
 * below_zero (it cannot be forbidden now), unknown_unit, bad_levels, and as stock_get. */
int stock_set(struct domain_context *ctx, const char *store, const char *product, int64_t version,
              const struct stock_settings *settings, const char **ret_document, struct error *err);

struct stock_adjustment {
    const char *store, *product; /* code, SKU */
    const char *delta;           /* signed, not zero */
    const char *unit;            /* of delta; NULL: the base unit */
    const char *reason;          /* erp_sync adjust count waste receipt supplier_return */
    const char *reason_code;     /* a code of app.stock_reasons; or NULL */
    const char *note;            /* or NULL */
    /* outcome, in the arena */
    const char *error;  /* NULL: applied; else insufficient_stock unknown_product unknown_store
                           unknown_unit unknown_reason_code wrong_sign forbidden_store */
    const char *qty;    /* what is there now; NULL when there is no such stock */
    const char *change; /* in base units; NULL: not applied */
};
#define STOCK_ADJUSTMENTS_MAX 500
/* Applies or refuses each item by itself, in the caller's transaction; items for the same product
 * are taken in the order given. ref names the batch in the ledger and must be new. */
int stock_adjust(struct domain_context *ctx, const char *ref, struct stock_adjustment *items,
                 size_t count, struct error *err);
bool stock_reason_is_known(const char *reason);

#endif
