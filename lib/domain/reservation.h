/* lib/domain/reservation.h - stock held for somebody until an instant.
 *
 * What is reserved is not available to sales, transfers and other reservations. A reservation ends
 * once: as sold (an order is made of it: stock_deduct), released, or expired; from its instant of
 * expiry on it holds nothing back. It names what is stocked: recipes are multiplied out when it is
 * made. */
#ifndef DINER_DOMAIN_RESERVATION_H
#define DINER_DOMAIN_RESERVATION_H

#include "domain/stock_document.h"

#define RESERVATION_SECONDS_DEFAULT 1800
#define RESERVATION_SECONDS_MAX     604800

struct reservation_request {
    const char *store;
    int64_t seconds; /* until it expires */
    const char *note;
    const struct stock_item *items; /* dishes and goods; each product once */
    size_t count;
};
/* Refused as unknown_store, forbidden_store, unknown_product, unknown_unit, duplicate_product,
 * insufficient_stock. */
int reservation_make(struct domain_context *ctx, const struct reservation_request *request,
                     const char **ret_document, struct error *err);
/* Refused as unknown_reservation, reservation_ended. */
int reservation_release(struct domain_context *ctx, const char *id, const char **ret_document,
                        struct error *err);
/* Locks an active one of this store, for stock_deduct. Refused likewise. */
int reservation_lock(struct domain_context *ctx, const char *id, const char *store,
                     struct error *err);
int reservation_get(struct domain_context *ctx, const char *id, const char **ret_document,
                    struct error *err);

bool reservation_status_is_known(const char *status);
/* Filters: store, status. */
extern const struct listing_spec reservation_listing;

#endif
