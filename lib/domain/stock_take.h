/* lib/domain/stock_take.h - counting what is there, and what the count says about usage.
 *
 * A count is as of its instant: sales between counting and entering it are not lost, for the ledger
 * since then is added to what was counted. Each line says what the ledger expected, and, since the
 * count before, the theoretical usage (sales by recipe) against the actual one (opening + received
 * + transferred + adjusted - counted): variance, of which waste is what was logged. */
#ifndef DINER_DOMAIN_STOCK_TAKE_H
#define DINER_DOMAIN_STOCK_TAKE_H

#include "domain/stock_document.h"

struct stock_take_request {
    const char *store;
    const char *counted_at; /* RFC 3339, not in the future; NULL: now */
    const char *note;
    const struct stock_item *items; /* each product once */
    size_t count;
};
/* All lines or none. Refused as unknown_store, forbidden_store, unknown_product, unknown_unit,
 * duplicate_product, corrected_since (there is a later count, or a correction by the ERP),
 * insufficient_stock (more was sold since than was counted), with {"lines": [{line_no, product,
 * error}]}. */
int stock_take_post(struct domain_context *ctx, const struct stock_take_request *request,
                    const char **ret_document, struct error *err);
/* What it would say; changes nothing. */
int stock_take_preview(struct domain_context *ctx, const struct stock_take_request *request,
                       const char **ret_document, struct error *err);
/* Refused as unknown_count. */
int stock_take_get(struct domain_context *ctx, const char *id, const char **ret_document,
                   struct error *err);
/* Filter: store. */
extern const struct listing_spec stock_take_listing;

#endif
