/* lib/domain/reservation.c - reservations; the work is app.reservation_make and its kin. */
#include "domain/reservation.h"
#include "domain/outlet.h"
#include "gen/embed.h"

bool reservation_status_is_known(const char *status)
{
    static const char *const known[] = {"active", "sold", "released", "expired"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(status, known[i]) == 0)
            return true;
    return false;
}

int reservation_get(struct domain_context *ctx, const char *id, const char **ret_document,
                    struct error *err)
{
    return stock_document_get(ctx, sql_reservation_get, id, API_ERROR(unknown_reservation),
                              ret_document, err);
}

int reservation_make(struct domain_context *ctx, const struct reservation_request *r,
                     const char **ret_document, struct error *err)
{
    const char *id;
    const char *user = ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
    TRY(outlet_check_scope(ctx, r->store, err));
    TRY(stock_document_run(ctx, sql_reservation_make,
                           DB_PARAMS(r->store, stock_items_json(ctx, r->items, r->count),
                                     domain_int(ctx, r->seconds), r->note, user),
                           &id, err));
    return reservation_get(ctx, id, ret_document, err);
}

int reservation_release(struct domain_context *ctx, const char *id, const char **ret_document,
                        struct error *err)
{
    TRY(stock_document_run(ctx, sql_reservation_release, DB_PARAMS(id, ctx->only_store), NULL,
                           err));
    return reservation_get(ctx, id, ret_document, err);
}

int reservation_lock(struct domain_context *ctx, const char *id, const char *store,
                     struct error *err)
{
    return stock_document_run(ctx, sql_reservation_lock, DB_PARAMS(id, store), NULL, err);
}

static const struct listing_sort reservation_sorts[] = {
    {"id", {NULL, NULL}},
    {"created_at", {"r.created_at", "timestamptz"}},
    {"expires_at", {"r.expires_at", "timestamptz"}},
    {0}};
const struct listing_spec reservation_listing = {.sql = sql_reservation_list,
                                                 .count = sql_reservation_count,
                                                 .ncount = 2,
                                                 .sorts = reservation_sorts,
                                                 .ties = {{"r.id", "bigint"}},
                                                 .order = "id"};
