/* lib/domain/outbox.c - events. */
#include "domain/outbox.h"
#include "core/message.h"
#include "domain/listing.h"
#include "gen/embed.h"
#include <string.h>

const struct outbox_event outbox_events[] = {
    {"order.created", MESSAGE("an order was made, its stock taken")},
    {"order.repriced", MESSAGE("its discounts changed")},
    {"order.paid", MESSAGE("it is paid")},
    {"order.accepted", MESSAGE("the kitchen took it")},
    {"order.ready", MESSAGE("it waits for its guest")},
    {"order.fulfilled", MESSAGE("it was served or handed over")},
    {"order.cancelled", MESSAGE("it was cancelled, by somebody or because it was not paid")},
    {"order.refund_requested", MESSAGE("money is to go back")},
    {"order.refunded", MESSAGE("money went back")},
    {"order.refund_failed", MESSAGE("the channel refused to give money back")},
    {0},
};

static bool is_known(const char *type)
{
    for (const struct outbox_event *e = outbox_events; e->type != NULL; e++)
        if (strcmp(e->type, type) == 0)
            return true;
    return false;
}

int outbox_add_order(struct domain_context *ctx, const char *type, const char *order_no,
                     const char **ret_document, struct error *err)
{
    if (!is_known(type))
        return error_set(err, ERR_BUG, "no event '%s' is declared", type);
    return listing_one(ctx, sql_order_event, DB_PARAMS(type, order_no), ret_document, err);
}
