/* lib/domain/product.c - what is sold. */
#include "domain/product.h"
#include "gen/embed.h"

static const struct listing_sort product_sorts[] = {{"sku", {"p.sku", "text"}},
                                                    {"name", {"p.name", "text"}},
                                                    {"category", {"p.category", "text"}},
                                                    {"price", {"p.price", "numeric"}},
                                                    {"updated_at", {"p.updated_at", "timestamptz"}},
                                                    {0}};
const struct listing_spec product_listing = {.sql = sql_product_list,
                                             .count = sql_product_count,
                                             .ncount = 2,
                                             .sorts = product_sorts,
                                             .ties = {{"p.id", "bigint"}},
                                             .order = "sku"};

int product_list(struct domain_context *ctx, const struct product_filter *filter,
                 const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &product_listing, DB_PARAMS(filter->category, filter->active), from,
                       out, err);
}

int product_refuse_unknown(struct domain_context *ctx, const char *sku, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_product),
                         domain_detail(ctx, "product", sku), "there is no product '%s'", sku);
}

int product_find(struct domain_context *ctx, const char *sku, const char **ret_document,
                 const char **ret_id, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_product_get, DB_PARAMS(sku), &row, err));
    if (db_result_rows(row) == 0)
        return product_refuse_unknown(ctx, sku, err);
    *ret_document = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 1));
    return ERR_OK;
}

int product_get(struct domain_context *ctx, const char *sku, const char **ret_document,
                struct error *err)
{
    const char *id;
    return product_find(ctx, sku, ret_document, &id, err);
}

/* ---- writing ------------------------------------------------------------------------------ */

int product_check_rights(struct domain_context *ctx, struct error *err)
{
    if (ctx->only_store == NULL)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL,
                         "the catalogue is not a store's to change");
}

int product_check_version(struct domain_context *ctx, int64_t wanted, int64_t found,
                          struct error *err)
{
    if (wanted < 0 || wanted == found)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(version_conflict),
                         arena_printf(ctx->arena, "{\"version\":%lld}", (long long)found),
                         "it was changed meanwhile: version %lld, not %lld", (long long)found,
                         (long long)wanted);
}

/* The same as the schema's constraint, so that the refusal has a name. */
bool product_sku_is_valid(const char *sku)
{
    size_t n = strspn(sku, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= 64 && sku[n] == '\0';
}

int product_lock(struct domain_context *ctx, const char *sku, int64_t version,
                 struct product_lock *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_product_lock, DB_PARAMS(sku), &row, err));
    if (db_result_rows(row) == 0)
        return product_refuse_unknown(ctx, sku, err);
    TRY(product_check_version(ctx, version, db_result_int(row, 0, 1), err));
    ret->id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    ret->unit = arena_strdup(ctx->arena, db_result_text(row, 0, 2));
    ret->is_unit_used = db_result_bool(row, 0, 3);
    domain_touch(ctx, DOMAIN_PRODUCT, "0", ret->id); /* what is locked is about to change */
    return ERR_OK;
}

/* Of what a product's row holds only the material code can be another's. */
static int name_conflict(struct domain_context *ctx, const struct product_values *v, int status,
                         struct error *err)
{
    if (status == ERR_OK || strcmp(err->sqlstate, "23505") != 0)
        return status;
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(material_code_taken),
                         domain_detail(ctx, "material_code", v->material_code),
                         "another product has the material code '%s'", v->material_code);
}

int product_create(struct domain_context *ctx, const char *sku, const struct product_values *v,
                   const char **ret_document, struct error *err)
{
    int64_t made = 0;
    const char *code =
        v->material_code != NULL && v->material_code[0] != '\0' ? v->material_code : NULL;
    TRY(product_check_rights(ctx, err));
    int status =
        db_execute(ctx->conn, sql_product_insert,
                   DB_PARAMS(sku, v->name, code, v->unit, v->price, v->category), &made, err);
    TRY(name_conflict(ctx, v, status, err));
    if (made == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(product_exists),
                             domain_detail(ctx, "product", sku), "there is a product '%s' already",
                             sku);
    return product_get(ctx, sku, ret_document, err);
}

int product_update(struct domain_context *ctx, const char *sku, int64_t version,
                   const struct product_values *v, const char **ret_document, struct error *err)
{
    struct product_lock product = {.unit = ""};
    TRY(product_check_rights(ctx, err));
    TRY(product_lock(ctx, sku, version, &product, err));
    if (v->unit != NULL && strcmp(v->unit, product.unit) != 0 && product.is_unit_used)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(unit_in_use),
                             domain_detail(ctx, "unit", product.unit),
                             "quantities of '%s' are kept in '%s'", sku, product.unit);
    int status = db_execute(
        ctx->conn, sql_product_update,
        DB_PARAMS(product.id, v->name, v->material_code, v->unit, v->price, v->category, v->active),
        NULL, err);
    TRY(name_conflict(ctx, v, status, err));
    return product_get(ctx, sku, ret_document, err);
}
