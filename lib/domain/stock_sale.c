/* lib/domain/stock_sale.c - selling and giving back; the work is app.stock_sell, app.stock_restore.
 */
#include "domain/stock_sale.h"
#include "gen/embed.h"
#include <string.h>

/* What app.stock_sell raises; the DETAIL is what is missing, as a JSON array. */
#define SHORTAGE_SQLSTATE "DN001"

static int finish_sale(struct domain_context *ctx, int status, const struct db_result *row,
                       struct error *err)
{
    if (status == ERR_OK) {
        domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 0), db_result_text(row, 0, 1));
        return ERR_OK;
    }
    if (strcmp(err->sqlstate, SHORTAGE_SQLSTATE) != 0)
        return status;
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(insufficient_stock),
                         arena_printf(ctx->arena, "{\"items\":%s}", db_refusal_detail(ctx->conn)),
                         "there is not enough stock");
}

int stock_deduct(struct domain_context *ctx, const char *order_id, const char *reservation,
                 struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    int status = db_query(ctx->conn, sql_stock_sell, DB_PARAMS(order_id, reservation), &row, err);
    return finish_sale(ctx, status, row, err);
}

int stock_deduct_commit(struct domain_context *ctx, const char *order_id, const char *reservation,
                        struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    int status =
        db_commit_with(ctx->conn, sql_stock_sell, DB_PARAMS(order_id, reservation), &row, err);
    return finish_sale(ctx, status, row, err);
}

int stock_restore(struct domain_context *ctx, const char *order_id, const char *reason,
                  struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_stock_restore, DB_PARAMS(order_id, reason), &row, err));
    domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 1), db_result_text(row, 0, 2));
    return ERR_OK;
}
