/* lib/domain/product.h - what is sold. */
#ifndef DINER_DOMAIN_PRODUCT_H
#define DINER_DOMAIN_PRODUCT_H

#include "domain/listing.h"

struct product_filter {
    const char *category; /* NULL: all */
    const char *active;   /* "true", "false"; NULL: both */
};
/* Key: the SKU. */
int product_list(struct domain_context *ctx, const struct product_filter *filter,
                 const struct listing_from *from, struct listing *out, struct error *err);
int product_count(struct domain_context *ctx, const struct product_filter *filter,
                  int64_t *ret_count, struct error *err);
/* Refused as unknown_product. */
int product_get(struct domain_context *ctx, const char *sku, const char **ret_document,
                struct error *err);

#endif
