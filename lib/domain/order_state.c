/* lib/domain/order_state.c - the transitions of an order. */
#include "core/decimal.h"
#include "domain/campaign.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/points.h"
#include "domain/refund.h"
#include "domain/stock_sale.h"
#include "domain/wallet.h"
#include "gen/embed.h"

struct transition {
    const char *from, *to;
};
static const struct transition transitions[] = {
    {"pending", "paid"},   {"pending", "cancelled"},  {"paid", "accepted"},
    {"paid", "cancelled"}, {"accepted", "fulfilled"},
};
#define TRANSITION_COUNT (sizeof transitions / sizeof transitions[0])
/* Of fulfilment, where being `ready` is refused: by accepting, cancelling, fulfilling. */
static const struct transition fulfilments[] = {
    {"waiting", "preparing"}, {"waiting", "cancelled"}, {"ready", "fulfilled"}};
#define FULFILMENT_COUNT (sizeof fulfilments / sizeof fulfilments[0])

const char *order_user(struct domain_context *ctx)
{
    return ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
}

int order_lock(struct domain_context *ctx, const char *order_no, struct locked_order *ret,
               struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_order_lock, DB_PARAMS(order_no, ctx->only_store), &row, err));
    if (db_result_rows(row) == 0)
        return domain_unknown_order(ctx, order_no, err);
    *ret = (struct locked_order){
        .id = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
        .order_no = order_no,
        .status = arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
        .payment_status = arena_strdup(ctx->arena, db_result_text(row, 0, 2)),
        .fulfilment_status = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
        .total_amount = arena_strdup(ctx->arena, db_result_text(row, 0, 4)),
        .payment_method = arena_strdup(ctx->arena, db_result_text(row, 0, 5)),
        .member_ref = arena_strdup(ctx->arena, db_result_text(row, 0, 6)),
        .member_id = arena_strdup(ctx->arena, db_result_text(row, 0, 7)),
    };
    return ERR_OK;
}

/* Where an axis can go from there, as a JSON array. */
static const char *allowed_from(struct domain_context *ctx, const struct transition *axis,
                                size_t count, const char *from)
{
    AUTO_STRBUF struct strbuf all = {0};
    strbuf_init(&all, 0);
    for (size_t i = 0; i < count; i++)
        if (strcmp(axis[i].from, from) == 0)
            strbuf_addf(&all, "%s\"%s\"", all.len > 0 ? "," : "", axis[i].to);
    return arena_printf(ctx->arena, "[%s]", all.data);
}

static int refuse_transition(struct domain_context *ctx, const struct locked_order *order,
                             const char *to, struct error *err)
{
    const char *allowed = allowed_from(ctx, transitions, TRANSITION_COUNT, order->status);
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(order_state),
                         arena_printf(ctx->arena,
                                      "{\"status\":\"%s\",\"wanted\":\"%s\",\"allowed\":%s}",
                                      order->status, to, allowed),
                         "an order that is '%s' cannot become '%s'", order->status, to);
}

int order_check_move(struct domain_context *ctx, const struct locked_order *order, const char *to,
                     struct error *err)
{
    for (size_t i = 0; i < TRANSITION_COUNT; i++)
        if (strcmp(transitions[i].from, order->status) == 0 && strcmp(transitions[i].to, to) == 0)
            return ERR_OK;
    return refuse_transition(ctx, order, to, err);
}

int order_move(struct domain_context *ctx, const struct locked_order *order, const char *to,
               const char *reason, const char *method, struct error *err)
{
    int64_t moved = 0;
    TRY(order_check_move(ctx, order, to, err));
    TRY(db_execute(ctx->conn, sql_order_move,
                   DB_PARAMS(order->id, order->status, to, reason, method, order_user(ctx)), &moved,
                   err));
    if (moved != 1)
        return error_set(err, ERR_BUG, "order '%s' changed under its lock", order->order_no);
    return ERR_OK;
}

int order_settle_money(struct domain_context *ctx, const char *id, const char *reason,
                       struct error *err)
{
    return db_execute(ctx->conn, sql_order_money, DB_PARAMS(id, reason, order_user(ctx)), NULL,
                      err);
}

static int move_simply(struct domain_context *ctx, const char *order_no, const char *to,
                       const char *event, const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(order_lock(ctx, order_no, &order, err));
    TRY(order_move(ctx, &order, to, NULL, NULL, err));
    return outbox_add_order(ctx, event, order_no, ret_document, err);
}

int order_check_amount(struct domain_context *ctx, const struct locked_order *order,
                       const char *amount, struct error *err)
{
    struct decimal paid, total;
    if (amount == NULL)
        return ERR_OK;
    if (decimal_parse(amount, strlen(amount), &paid) &&
        decimal_parse(order->total_amount, strlen(order->total_amount), &total) &&
        decimal_compare(&paid, &total) == 0)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(amount_mismatch),
                         domain_detail(ctx, "total_amount", order->total_amount),
                         "the order's total is %s, not %s", order->total_amount, amount);
}

/* A payment that has come in; nothing is taken from a wallet for a meal that is free. */
static int record_payment(struct domain_context *ctx, const struct locked_order *order,
                          const char *method, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    bool is_of_wallet = strcmp(method, "wallet") == 0 && strcmp(order->total_amount, "0.00") != 0;
    TRY(db_query(ctx->conn, sql_payment_record,
                 DB_PARAMS(order->id, method, is_of_wallet ? "wallet" : "none"), &made, err));
    return is_of_wallet ? wallet_pay(ctx, order, db_result_text(made, 0, 0), err) : ERR_OK;
}

int order_pay_locked(struct domain_context *ctx, const struct locked_order *order,
                     const char *method, const char **ret_document, struct error *err)
{
    TRY(record_payment(ctx, order, method != NULL ? method : order->payment_method, err));
    TRY(order_move(ctx, order, "paid", NULL, method, err));
    TRY(points_earn_order(ctx, order, err));
    return outbox_add_order(ctx, "order.paid", order->order_no, ret_document, err);
}

int order_pay(struct domain_context *ctx, const char *order_no, const char *method,
              const char *amount, const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(order_lock(ctx, order_no, &order, err));
    TRY(order_check_move(ctx, &order, "paid", err));
    TRY(order_check_amount(ctx, &order, amount, err));
    return order_pay_locked(ctx, &order, method, ret_document, err);
}

int order_cancel_locked(struct domain_context *ctx, const struct locked_order *order,
                        const char *reason, const char **ret_document, struct error *err)
{
    TRY(order_move(ctx, order, "cancelled", reason, NULL, err));
    TRY(refund_rest(ctx, order, reason, err));
    TRY(campaign_give_back(ctx, order->id, err));
    TRY(stock_restore(ctx, order->id, reason, err));
    return outbox_add_order(ctx, "order.cancelled", order->order_no, ret_document, err);
}

int order_cancel(struct domain_context *ctx, const char *order_no, const char *reason,
                 const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(order_lock(ctx, order_no, &order, err));
    return order_cancel_locked(ctx, &order, reason, ret_document, err);
}

int order_accept(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err)
{
    return move_simply(ctx, order_no, "accepted", "order.accepted", ret_document, err);
}

int order_ready(struct domain_context *ctx, const char *order_no, const char **ret_document,
                struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    int64_t moved = 0;
    TRY(order_lock(ctx, order_no, &order, err));
    TRY(db_execute(ctx->conn, sql_order_ready, DB_PARAMS(order.id, order_user(ctx)), &moved, err));
    if (moved == 1)
        return outbox_add_order(ctx, "order.ready", order_no, ret_document, err);
    return domain_refuse(
        ctx, err, ERR_CONFLICT, API_ERROR(order_state),
        arena_printf(ctx->arena,
                     "{\"status\":\"%s\",\"fulfilment_status\":\"%s\","
                     "\"wanted\":\"ready\",\"allowed\":%s}",
                     order.status, order.fulfilment_status,
                     allowed_from(ctx, fulfilments, FULFILMENT_COUNT, order.fulfilment_status)),
        "an order whose fulfilment is '%s' cannot become 'ready'", order.fulfilment_status);
}

int order_fulfill(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err)
{
    return move_simply(ctx, order_no, "fulfilled", "order.fulfilled", ret_document, err);
}
