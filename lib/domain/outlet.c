/* lib/domain/outlet.c - the chain's restaurants. */
#include "domain/outlet.h"
#include "gen/embed.h"

int outlet_check_scope(struct domain_context *ctx, const char *code, struct error *err)
{
    if (ctx->only_store == NULL || strcmp(ctx->only_store, code) == 0)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_AUTH, "forbidden_store", domain_detail(ctx, "store", code),
                         "store '%s' is not yours", code);
}

int outlet_list(struct domain_context *ctx, const struct listing_from *from, struct listing *out,
                struct error *err)
{
    return listing_run(ctx, sql_outlet_list,
                       DB_PARAMS(ctx->only_store, from->after[0], listing_limit(ctx, from),
                                 listing_skip(ctx, from)),
                       from->limit, 1, out, err);
}

int outlet_count(struct domain_context *ctx, int64_t *ret_count, struct error *err)
{
    return db_query_int(ctx->conn, sql_outlet_count, DB_PARAMS(ctx->only_store), ret_count, err);
}

int outlet_get(struct domain_context *ctx, const char *code, const char **ret_document,
               struct error *err)
{
    TRY(outlet_check_scope(ctx, code, err));
    int status = listing_one(ctx, sql_outlet_get, DB_PARAMS(code), ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, "unknown_store",
                             domain_detail(ctx, "store", code), "there is no store '%s'", code);
    return status;
}
