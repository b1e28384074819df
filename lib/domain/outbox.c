/* lib/domain/outbox.c - events. */
#include "domain/outbox.h"
#include "domain/listing.h"
#include "gen/embed.h"

int outbox_add_order(struct domain_context *ctx, const char *type, const char *order_no,
                     const char **ret_document, struct error *err)
{
    return listing_one(ctx, sql_order_event, DB_PARAMS(type, order_no), ret_document, err);
}
