/* lib/domain/unit.c - the units of an item. */
#include "domain/unit.h"
#include "domain/product.h"
#include "domain/recipe.h"
#include "gen/embed.h"

static int check_unit(struct domain_context *ctx, const char *id, const char *unit,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_unit_problem, DB_PARAMS(id, unit), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    const char *why = db_result_text(row, 0, 0), *other = db_result_text(row, 0, 1);
    const char *details = domain_detail(ctx, "unit", unit);
    if (strcmp(why, "base") == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(bad_unit), details,
                             "'%s' is the base unit", unit);
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(bad_unit), details,
                         "what '%s' is follows from '%s' already", unit, other);
}

static int rebuild(struct domain_context *ctx, const char *id, struct error *err)
{
    TRY(db_execute(ctx->conn, sql_unit_rebuild, DB_PARAMS(id), NULL, err));
    TRY(recipe_check_digits(ctx, id, err));
    return db_execute(ctx->conn, sql_product_touch, DB_PARAMS(id), NULL, err);
}

int unit_put(struct domain_context *ctx, const char *sku, const char *unit,
             const struct unit_factor *factor, const char **ret_document, struct error *err)
{
    struct product_lock product;
    TRY(product_check_rights(ctx, err));
    TRY(recipe_lock(ctx, err));
    TRY(product_lock(ctx, sku, -1, &product, err));
    TRY(check_unit(ctx, product.id, unit, err));
    TRY(db_execute(ctx->conn, sql_unit_put,
                   DB_PARAMS(product.id, unit, factor->base_quantity, factor->per_base), NULL,
                   err));
    TRY(rebuild(ctx, product.id, err));
    return product_get(ctx, sku, ret_document, err);
}

int unit_delete(struct domain_context *ctx, const char *sku, const char *unit, struct error *err)
{
    struct product_lock product;
    AUTO_RESULT struct db_result *orphan = NULL;
    int64_t deleted = 0;
    TRY(product_check_rights(ctx, err));
    TRY(recipe_lock(ctx, err));
    TRY(product_lock(ctx, sku, -1, &product, err));
    TRY(db_execute(ctx->conn, sql_unit_delete, DB_PARAMS(product.id, unit), &deleted, err));
    if (deleted == 0)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_unit),
                             domain_detail(ctx, "unit", unit), "product '%s' has no unit '%s'", sku,
                             unit);
    TRY(db_query(ctx->conn, sql_unit_orphan, DB_PARAMS(product.id), &orphan, err));
    if (db_result_rows(orphan) > 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(unit_in_use),
                             domain_detail(ctx, "user", db_result_text(orphan, 0, 0)),
                             "'%s' counts '%s' in '%s'", db_result_text(orphan, 0, 0), sku,
                             db_result_text(orphan, 0, 1));
    return rebuild(ctx, product.id, err);
}
