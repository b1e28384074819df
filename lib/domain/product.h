/* lib/domain/product.h - what is sold and stocked. */
#ifndef DINER_DOMAIN_PRODUCT_H
#define DINER_DOMAIN_PRODUCT_H

#include "domain/listing.h"

struct product_filter {
    const char *category; /* NULL: all */
    const char *active;   /* "true", "false"; NULL: both */
};
extern const struct listing_spec product_listing;
int product_list(struct domain_context *ctx, const struct product_filter *filter,
                 const struct listing_from *from, struct listing *out, struct error *err);
/* Refused as unknown_product. Both in the arena. */
int product_find(struct domain_context *ctx, const char *sku, const char **ret_document,
                 const char **ret_id, struct error *err);
/* Its document only. */
int product_get(struct domain_context *ctx, const char *sku, const char **ret_document,
                struct error *err);

/* NULL: as it is (in a new product: none). */
struct product_values {
    const char *name, *material_code /* "": none */, *unit, *price, *category;
    const char *active; /* "true", "false" */
};
bool product_sku_is_valid(const char *sku);
/* Needs name, unit, price. Refused as product_exists, material_code_taken, forbidden_role. */
int product_create(struct domain_context *ctx, const char *sku, const struct product_values *values,
                   const char **ret_document, struct error *err);
/* version: as in product_lock. Refused as unknown_product, version_conflict, material_code_taken,
 * unit_in_use (quantities in the old unit exist), forbidden_role. */
int product_update(struct domain_context *ctx, const char *sku, int64_t version,
                   const struct product_values *values, const char **ret_document,
                   struct error *err);

/* A product under lock against other changes of it, in the arena. */
struct product_lock {
    const char *id, *unit;
    bool is_unit_used;
};
/* version: the one the caller has seen, else refused as version_conflict; -1: any. */
int product_lock(struct domain_context *ctx, const char *sku, int64_t version,
                 struct product_lock *ret, struct error *err);
/* The catalogue is the chain's: who is bound to a store is refused as forbidden_role. */
int product_check_rights(struct domain_context *ctx, struct error *err);
int product_refuse_unknown(struct domain_context *ctx, const char *sku, struct error *err);
int product_check_version(struct domain_context *ctx, int64_t wanted, int64_t found,
                          struct error *err);

#endif
