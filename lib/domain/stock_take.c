/* lib/domain/stock_take.c - stock-takes; the work is app.stock_take_post and its kin. */
#include "domain/stock_take.h"
#include "domain/outlet.h"
#include "gen/embed.h"

int stock_take_get(struct domain_context *ctx, const char *id, const char **ret_document,
                   struct error *err)
{
    return stock_document_get(ctx, sql_stock_take_get, id, API_ERROR(unknown_count), ret_document,
                              err);
}

int stock_take_post(struct domain_context *ctx, const struct stock_take_request *r,
                    const char **ret_document, struct error *err)
{
    const char *id;
    const char *user = ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
    TRY(outlet_check_scope(ctx, r->store, err));
    TRY(stock_document_run(ctx, sql_stock_take_post,
                           DB_PARAMS(r->store, stock_items_json(ctx, r->items, r->count),
                                     r->counted_at, r->note, user),
                           &id, err));
    return stock_take_get(ctx, id, ret_document, err);
}

int stock_take_preview(struct domain_context *ctx, const struct stock_take_request *r,
                       const char **ret_document, struct error *err)
{
    const char *items = stock_items_json(ctx, r->items, r->count);
    TRY(outlet_check_scope(ctx, r->store, err));
    TRY(stock_document_run(ctx, sql_stock_take_problem, DB_PARAMS(r->store, items, r->counted_at),
                           NULL, err));
    return listing_one(ctx, sql_stock_take_preview,
                       DB_PARAMS(r->store, items, r->counted_at, r->note), ret_document, err);
}

static const struct listing_sort stock_take_sorts[] = {
    {"id", {NULL, NULL}},
    {"counted_at", {"t.counted_at", "timestamptz"}},
    {"created_at", {"t.created_at", "timestamptz"}},
    {0}};
const struct listing_spec stock_take_listing = {.sql = sql_stock_take_list,
                                                .count = sql_stock_take_count,
                                                .ncount = 1,
                                                .sorts = stock_take_sorts,
                                                .ties = {{"t.id", "bigint"}},
                                                .order = "id"};
