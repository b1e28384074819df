/* lib/domain/outlet.c - the chain's restaurants. */
#include "domain/outlet.h"
#include "gen/embed.h"

int outlet_check_scope(struct domain_context *ctx, const char *code, struct error *err)
{
    if (ctx->only_store == NULL || strcmp(ctx->only_store, code) == 0)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_AUTH, API_ERROR(forbidden_store),
                         domain_detail(ctx, "store", code), "store '%s' is not yours", code);
}

static const struct listing_sort outlet_sorts[] = {{"code", {"s.code", "text"}},
                                                   {"name", {"s.name", "text"}},
                                                   {"updated_at", {"s.updated_at", "timestamptz"}},
                                                   {0}};
const struct listing_spec outlet_listing = {.sql = sql_outlet_list,
                                            .count = sql_outlet_count,
                                            .ncount = 1,
                                            .sorts = outlet_sorts,
                                            .ties = {{"s.id", "bigint"}},
                                            .order = "code"};

int outlet_list(struct domain_context *ctx, const struct listing_from *from, struct listing *out,
                struct error *err)
{
    return listing_run(ctx, &outlet_listing, DB_PARAMS(ctx->only_store), from, out, err);
}

int outlet_get(struct domain_context *ctx, const char *code, const char **ret_document,
               struct error *err)
{
    TRY(outlet_check_scope(ctx, code, err));
    int status = listing_one(ctx, sql_outlet_get, DB_PARAMS(code), ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_store),
                             domain_detail(ctx, "store", code), "there is no store '%s'", code);
    return status;
}
