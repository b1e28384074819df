/* lib/domain/stock_transfer.c - transfers; the work is app.transfer_send and its kin. */
#include "domain/stock_transfer.h"
#include "domain/outlet.h"
#include "gen/embed.h"

bool stock_transfer_status_is_known(const char *status)
{
    return strcmp(status, "in_transit") == 0 || strcmp(status, "received") == 0 ||
           strcmp(status, "cancelled") == 0;
}

int stock_transfer_get(struct domain_context *ctx, const char *id, const char **ret_document,
                       struct error *err)
{
    return stock_document_get(ctx, sql_transfer_get, id, API_ERROR(unknown_transfer), ret_document,
                              err);
}

int stock_transfer_send(struct domain_context *ctx, const struct stock_transfer_request *r,
                        const char **ret_document, struct error *err)
{
    const char *id;
    const char *user = ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
    TRY(outlet_check_scope(ctx, r->from_store, err));
    if (strcmp(r->from_store, r->to_store) == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(same_store),
                             domain_detail(ctx, "store", r->to_store),
                             "a transfer goes to another store");
    TRY(stock_document_run(ctx, sql_transfer_send,
                           DB_PARAMS(r->from_store, r->to_store,
                                     stock_items_json(ctx, r->items, r->count), r->note, user),
                           &id, err));
    return stock_transfer_get(ctx, id, ret_document, err);
}

int stock_transfer_receive(struct domain_context *ctx, const char *id,
                           const struct stock_item *items, size_t count, bool is_last,
                           const char **ret_document, struct error *err)
{
    const char *json = count > 0 ? stock_items_json(ctx, items, count) : NULL;
    TRY(stock_document_run(ctx, sql_transfer_receive,
                           DB_PARAMS(id, ctx->only_store, json, is_last ? "true" : "false"), NULL,
                           err));
    return stock_transfer_get(ctx, id, ret_document, err);
}

int stock_transfer_cancel(struct domain_context *ctx, const char *id, const char **ret_document,
                          struct error *err)
{
    TRY(stock_document_run(ctx, sql_transfer_cancel, DB_PARAMS(id, ctx->only_store), NULL, err));
    return stock_transfer_get(ctx, id, ret_document, err);
}

static const struct listing_sort stock_transfer_sorts[] = {
    {"id", {NULL, NULL}}, {"created_at", {"t.created_at", "timestamptz"}}, {0}};
const struct listing_spec stock_transfer_listing = {.sql = sql_transfer_list,
                                                    .count = sql_transfer_count,
                                                    .ncount = 2,
                                                    .sorts = stock_transfer_sorts,
                                                    .ties = {{"t.id", "bigint"}},
                                                    .order = "id"};
