/* lib/domain/recipe.h - what dishes and semi-finished goods are made of.
 *
 * A recipe makes a quantity of its product from lines of ingredients, each in a unit that the
 * ingredient knows (unit.h), with the share that is left of it after cleaning (yield: net / gross).
 * Ingredients may have recipes; a cycle, and more than RECIPE_DEPTH_MAX recipes within one another,
 * are refused when a recipe is written, also when two are written at once. Recipes are multiplied
 * out then, as exact fractions; a sale reads only that. */
#ifndef DINER_DOMAIN_RECIPE_H
#define DINER_DOMAIN_RECIPE_H

#include "domain/context.h"

struct recipe_line {
    const char *product;  /* SKU */
    const char *quantity; /* positive, at most 6 decimals */
    const char *unit;     /* NULL: the ingredient's base unit */
    const char *yield;    /* over 0, at most 1; NULL: 1 */
};
#define RECIPE_LINES_MAX 200
#define RECIPE_DEPTH_MAX 8

/* Refused as unknown_product, no_recipe. */
int recipe_get(struct domain_context *ctx, const char *sku, const char **ret_document,
               struct error *err);
/* Writes or replaces. version: of the recipe it replaces (0: there is none), else refused as
 * version_conflict; -1: whatever is there. Refused as unknown_product, unknown_unit, recipe_cycle,
 * recipe_too_deep, recipe_too_fine; by the caller's rights as forbidden_role. */
int recipe_put(struct domain_context *ctx, const char *sku, const char *makes, int64_t version,
               const struct recipe_line *lines, size_t count, const char **ret_document,
               struct error *err);
/* The product is sold from its own stock then. Refused as unknown_product, no_recipe. */
int recipe_delete(struct domain_context *ctx, const char *sku, struct error *err);

/* Recipes and units are written one at a time; held until the transaction ends. */
int recipe_lock(struct domain_context *ctx, struct error *err);
/* Whether the factors of what is made of this product are of a size to work with; else refused as
 * recipe_too_fine. */
int recipe_check_digits(struct domain_context *ctx, const char *product_id, struct error *err);

#endif
