/* lib/domain/outbox.c - events. */
#include "domain/outbox.h"
#include "gen/embed.h"

int outbox_add_order(struct domain_context *ctx, const char *type, const char *order_no,
                     struct error *err)
{
    return db_execute(ctx->conn, sql_order_event, DB_PARAMS(type, order_no), NULL, err);
}
