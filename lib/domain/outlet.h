/* lib/domain/outlet.h - the chain's restaurants (the API calls them stores). */
#ifndef DINER_DOMAIN_OUTLET_H
#define DINER_DOMAIN_OUTLET_H

#include "domain/listing.h"

extern const struct listing_spec outlet_listing;
int outlet_list(struct domain_context *ctx, const struct listing_from *from, struct listing *out,
                struct error *err);
/* Refused as unknown_store, or forbidden_store when it is not the caller's. */
int outlet_get(struct domain_context *ctx, const char *code, const char **ret_document,
               struct error *err);
/* Whether the caller may see and change this store: 0, or refused as forbidden_store. */
int outlet_check_scope(struct domain_context *ctx, const char *code, struct error *err);

#endif
