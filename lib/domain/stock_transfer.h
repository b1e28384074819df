/* lib/domain/stock_transfer.h - goods from one store to another.
 *
 * Sending takes the stock at one end; until it is received it is in transit, and nobody's to sell.
 * It may come in parts. Closing says that the rest is lost; cancelling sends back what has not
 * come. Over both ends and what is in transit or lost nothing is made and nothing vanishes. */
#ifndef DINER_DOMAIN_STOCK_TRANSFER_H
#define DINER_DOMAIN_STOCK_TRANSFER_H

#include "domain/stock_document.h"

struct stock_transfer_request {
    const char *from_store, *to_store, *note;
    const struct stock_item *items; /* over zero, each product once */
    size_t count;
};
/* A store's user sends from his own store. Refused as unknown_store, forbidden_store,
 * unknown_product, unknown_unit, duplicate_product, insufficient_stock. */
int stock_transfer_send(struct domain_context *ctx, const struct stock_transfer_request *request,
                        const char **ret_document, struct error *err);
/* By the receiving store. count 0: all that is on its way; is_last: what has not come by now is
 * lost. Refused as unknown_transfer, forbidden_store, transfer_ended, over_received. */
int stock_transfer_receive(struct domain_context *ctx, const char *id,
                           const struct stock_item *items, size_t count, bool is_last,
                           const char **ret_document, struct error *err);
/* By the sending store. Refused as unknown_transfer, forbidden_store, transfer_ended. */
int stock_transfer_cancel(struct domain_context *ctx, const char *id, const char **ret_document,
                          struct error *err);
int stock_transfer_get(struct domain_context *ctx, const char *id, const char **ret_document,
                       struct error *err);

bool stock_transfer_status_is_known(const char *status);
/* Filters: store, status. */
extern const struct listing_spec stock_transfer_listing;

#endif
