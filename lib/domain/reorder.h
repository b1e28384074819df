/* lib/domain/reorder.h - what to order.
 *
 * For each product with a par level: max(0, par - available - on its way), in whole packs, once it
 * is at or below its minimum (without one: below par). On its way are transfers; what was ordered
 * from suppliers is not known here. */
#ifndef DINER_DOMAIN_REORDER_H
#define DINER_DOMAIN_REORDER_H

#include "domain/stock_document.h"

/* Filter: store. */
extern const struct listing_spec reorder_listing;

#endif
