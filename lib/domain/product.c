/* lib/domain/product.c - what is sold. */
#include "domain/product.h"
#include "gen/embed.h"

int product_list(struct domain_context *ctx, const struct product_filter *filter,
                 const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, sql_product_list,
                       DB_PARAMS(filter->category, filter->active, from->after[0],
                                 listing_limit(ctx, from), listing_skip(ctx, from)),
                       from->limit, 1, out, err);
}

int product_count(struct domain_context *ctx, const struct product_filter *filter,
                  int64_t *ret_count, struct error *err)
{
    return db_query_int(ctx->conn, sql_product_count, DB_PARAMS(filter->category, filter->active),
                        ret_count, err);
}

int product_get(struct domain_context *ctx, const char *sku, const char **ret_document,
                struct error *err)
{
    int status = listing_one(ctx, sql_product_get, DB_PARAMS(sku), ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, "unknown_product",
                             domain_detail(ctx, "product", sku), "there is no product '%s'", sku);
    return status;
}
