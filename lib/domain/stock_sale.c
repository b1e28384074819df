/* lib/domain/stock_sale.c - selling and giving back; the work is app.stock_sell, app.stock_restore.
 */
#include "domain/stock_sale.h"
#include "gen/embed.h"

int stock_deduct(struct domain_context *ctx, const char *order_id, const char *reservation,
                 struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_stock_sell, DB_PARAMS(order_id, reservation), &row, err));
    const char *shortage = db_result_text(row, 0, 0);
    domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 1), db_result_text(row, 0, 2));
    if (shortage == NULL)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(insufficient_stock),
                         arena_printf(ctx->arena, "{\"items\":%s}", shortage),
                         "there is not enough stock");
}

int stock_restore(struct domain_context *ctx, const char *order_id, const char *reason,
                  struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_stock_restore, DB_PARAMS(order_id, reason), &row, err));
    domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 1), db_result_text(row, 0, 2));
    return ERR_OK;
}
