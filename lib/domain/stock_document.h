/* lib/domain/stock_document.h - what reservations, stock-takes and transfers have in common: items
 * as they are sent, and functions of the database that do the work or say what stands in the way.
 */
#ifndef DINER_DOMAIN_STOCK_DOCUMENT_H
#define DINER_DOMAIN_STOCK_DOCUMENT_H

#include "domain/listing.h"

struct stock_item {
    const char *product;  /* SKU */
    const char *quantity; /* not below zero, at most 6 decimals */
    const char *unit;     /* NULL: the product's base unit */
};
#define STOCK_ITEMS_MAX 1000

/* The items as JSON, in the arena. */
const char *stock_items_json(struct domain_context *ctx, const struct stock_item *items,
                             size_t count);
/* Runs a statement that answers one row: problem, message, details, store id, product ids,
 * document id. A problem is refused under its name; *ret_id (may be NULL) is in the arena. No row:
 * refused as unknown_store. */
int stock_document_run(struct domain_context *ctx, const char *sql, const char *const *params,
                       size_t nparams, const char **ret_id, struct error *err);
/* What the lists of documents, and of proposals, are filtered by; a list without a status does not
 * look at it. */
struct stock_document_filter {
    const char *store, *status; /* NULL: all */
};
int stock_document_list(struct domain_context *ctx, const struct listing_spec *spec,
                        const struct stock_document_filter *filter, const struct listing_from *from,
                        struct listing *out, struct error *err);
/* One document by id and the caller's store; refused as `unknown` when there is none. */
int stock_document_get(struct domain_context *ctx, const char *sql, const char *id,
                       const char *unknown, const char **ret_document, struct error *err);

#endif
