/* lib/domain/stock_sale.h - what an order takes from stock, and what it gives back.
 *
 * Recipes are multiplied out and merged per ingredient before anything is locked; then reservations
 * are locked before stock, and stock in ascending product order. The ledger remembers what was
 * taken: that is given back, whatever the recipes say by then. */
#ifndef DINER_DOMAIN_STOCK_SALE_H
#define DINER_DOMAIN_STOCK_SALE_H

#include "domain/context.h"

/* Takes what the lines of the order need; a second call changes nothing. The order was made in this
 * transaction, or its row is locked. reservation: the id of one that ends as sold to this order
 * (reservation.h), or NULL. Refused as insufficient_stock with {"items": [{product, wanted,
 * available}]}. Call it last: the rows that everybody wants are locked until the commit. */
int stock_deduct(struct domain_context *ctx, const char *order_id, const char *reservation,
                 struct error *err);
/* The same as the last thing of the transaction, and its commit in the same trip. */
int stock_deduct_commit(struct domain_context *ctx, const char *order_id, const char *reservation,
                        struct error *err);
/* Gives back what was taken, once: a second call changes nothing. The order's row is locked. */
int stock_restore(struct domain_context *ctx, const char *order_id, const char *reason,
                  struct error *err);

#endif
