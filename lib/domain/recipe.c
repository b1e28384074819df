/* lib/domain/recipe.c - reading and writing recipes. */
#include "domain/recipe.h"
#include "domain/listing.h"
#include "domain/product.h"
#include "format/jsonx.h"
#include "gen/embed.h"

/* Fractions of more digits than this come of no kitchen, and every sale would pay for them. */
#define FACTOR_DIGITS_MAX 120

int recipe_lock(struct domain_context *ctx, struct error *err)
{
    return db_execute(ctx->conn, sql_recipe_lock, DB_NO_PARAMS, NULL, err);
}

/* The product's id, and its recipe's version (0: none). */
static int find(struct domain_context *ctx, const char *sku, const char **ret_id,
                int64_t *ret_version, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_recipe_find, DB_PARAMS(sku), &row, err));
    if (db_result_rows(row) == 0)
        return product_refuse_unknown(ctx, sku, err);
    *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    *ret_version = db_result_int(row, 0, 1);
    domain_touch(ctx, DOMAIN_PRODUCT, "0", *ret_id); /* it says whether there is a recipe */
    return ERR_OK;
}

static int refuse_missing(struct domain_context *ctx, const char *sku, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(no_recipe),
                         domain_detail(ctx, "product", sku), "product '%s' has no recipe", sku);
}

int recipe_get(struct domain_context *ctx, const char *sku, const char **ret_document,
               struct error *err)
{
    const char *id;
    int64_t version;
    int status = listing_one(ctx, sql_recipe_get, DB_PARAMS(sku), ret_document, err);
    if (status != ERR_NOT_FOUND)
        return status;
    TRY(find(ctx, sku, &id, &version, err));
    return refuse_missing(ctx, sku, err);
}

/* ---- writing ------------------------------------------------------------------------------ */

static const char *lines_json(struct domain_context *ctx, const struct recipe_line *lines,
                              size_t count)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        jwriter_object(&w);
        jwriter_kint(&w, "line_no", (int64_t)i + 1);
        jwriter_kstring(&w, "product", lines[i].product);
        jwriter_kstring(&w, "quantity", lines[i].quantity);
        jwriter_kstring(&w, "unit", lines[i].unit);
        jwriter_kstring(&w, "yield", lines[i].yield);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

static int refuse_cycle(struct domain_context *ctx, const char *sku, const char *through,
                        struct error *err)
{
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(recipe_cycle),
                         domain_detail(ctx, "product", through),
                         "the recipe of '%s' would contain itself through '%s'", sku, through);
}

static int check_lines(struct domain_context *ctx, const char *sku, const char *id,
                       const char *lines, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_recipe_problems, DB_PARAMS(id, lines), &rows, err));
    if (db_result_rows(rows) == 0)
        return ERR_OK;
    const char *product = db_result_text(rows, 0, 1);
    const char *problem = db_result_text(rows, 0, 2);
    if (strcmp(problem, "recipe_cycle") == 0)
        return refuse_cycle(ctx, sku, product, err);
    if (strcmp(problem, "unknown_unit") == 0)
        return domain_refuse(
            ctx, err, ERR_DATA, API_ERROR(unknown_unit), domain_detail(ctx, "product", product),
            "product '%s' knows no unit '%s'", product, db_result_text(rows, 0, 3));
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_product),
                         domain_detail(ctx, "product", product), "there is no product '%s'",
                         product);
}

static int check_shape(struct domain_context *ctx, const char *sku, const char *id,
                       struct error *err)
{
    AUTO_RESULT struct db_result *cycle = NULL;
    int64_t depth = 0;
    TRY(db_query(ctx->conn, sql_recipe_cycle, DB_PARAMS(id), &cycle, err));
    if (db_result_rows(cycle) > 0)
        return refuse_cycle(ctx, sku, db_result_text(cycle, 0, 0), err);
    TRY(db_query_int(ctx->conn, sql_recipe_depth, DB_PARAMS(id), &depth, err));
    if (depth > RECIPE_DEPTH_MAX)
        return domain_refuse(
            ctx, err, ERR_DATA, API_ERROR(recipe_too_deep), domain_detail(ctx, "product", sku),
            "with '%s' more than %d recipes would lie within one another", sku, RECIPE_DEPTH_MAX);
    return ERR_OK;
}

int recipe_check_digits(struct domain_context *ctx, const char *product_id, struct error *err)
{
    int64_t digits = 0;
    TRY(db_query_int(ctx->conn, sql_recipe_digits, DB_PARAMS(product_id), &digits, err));
    if (digits > FACTOR_DIGITS_MAX)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(recipe_too_fine), NULL,
                             "quantities, yields and units multiply to a fraction of %lld digits",
                             (long long)digits);
    return ERR_OK;
}

static int write_recipe(struct domain_context *ctx, const char *sku, const char *id,
                        const char *makes, const char *lines, struct error *err)
{
    TRY(check_lines(ctx, sku, id, lines, err));
    TRY(db_execute(ctx->conn, sql_recipe_upsert, DB_PARAMS(id, makes), NULL, err));
    TRY(db_execute(ctx->conn, sql_recipe_lines_delete, DB_PARAMS(id), NULL, err));
    TRY(db_execute(ctx->conn, sql_recipe_lines_insert, DB_PARAMS(id, lines), NULL, err));
    TRY(check_shape(ctx, sku, id, err));
    TRY(db_execute(ctx->conn, sql_recipe_rebuild, DB_PARAMS(id), NULL, err));
    return recipe_check_digits(ctx, id, err);
}

int recipe_put(struct domain_context *ctx, const char *sku, const char *makes, int64_t version,
               const struct recipe_line *lines, size_t count, const char **ret_document,
               struct error *err)
{
    const char *id = NULL;
    int64_t found = 0;
    TRY(product_check_rights(ctx, err));
    TRY(recipe_lock(ctx, err));
    TRY(find(ctx, sku, &id, &found, err));
    TRY(product_check_version(ctx, version, found, err));
    TRY(write_recipe(ctx, sku, id, makes, lines_json(ctx, lines, count), err));
    return recipe_get(ctx, sku, ret_document, err);
}

int recipe_delete(struct domain_context *ctx, const char *sku, struct error *err)
{
    const char *id = NULL;
    int64_t found = 0;
    TRY(product_check_rights(ctx, err));
    TRY(recipe_lock(ctx, err));
    TRY(find(ctx, sku, &id, &found, err));
    if (found == 0)
        return refuse_missing(ctx, sku, err);
    TRY(db_execute(ctx->conn, sql_recipe_delete, DB_PARAMS(id), NULL, err));
    return db_execute(ctx->conn, sql_recipe_rebuild, DB_PARAMS(id), NULL, err);
}
