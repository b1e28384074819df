/* lib/domain/unit.h - what an item is counted in besides its base unit.
 *
 * Masses (g 克 kg 公斤 斤 500 g, 两 50 g, 钱, 吨), volumes (ml 毫升 L 升) and pieces (个, 打)
 * convert into one another by themselves. A case, a bag, a bundle is an item's own: 1 箱 = 24 袋.
 * An item may also say one unit of another dimension (1 袋 = 500 g): its kin follow. Factors are
 * exact fractions of whole numbers; 斤 of other regions differ, so an item cannot redefine them. */
#ifndef DINER_DOMAIN_UNIT_H
#define DINER_DOMAIN_UNIT_H

#include "domain/context.h"

struct unit_factor {
    const char *base_quantity; /* base units in one of it; or NULL */
    const char *per_base; /* of it in one base unit; or NULL. One of the two, or both: a ratio */
};
#define UNIT_NAME_BYTES_MAX 32

/* Answers with the product. Refused as unknown_product, bad_unit (the base unit, one that follows
 * from it, a second one of a dimension), recipe_too_fine, forbidden_role. */
int unit_put(struct domain_context *ctx, const char *sku, const char *unit,
             const struct unit_factor *factor, const char **ret_document, struct error *err);
/* Refused as unknown_product, unknown_unit, unit_in_use (by a recipe, or packs). */
int unit_delete(struct domain_context *ctx, const char *sku, const char *unit, struct error *err);

#endif
