/* lib/domain/order_state.c - the transitions of an order. */
#include "core/decimal.h"
#include "domain/order.h"
#include "domain/outbox.h"
#include "gen/embed.h"

struct transition {
    const char *from, *to, *event;
};
static const struct transition transitions[] = {
    {"pending", "paid", "order.paid"},
    {"pending", "cancelled", "order.cancelled"},
    {"paid", "accepted", "order.accepted"},
    {"paid", "cancelled", "order.cancelled"},
    {"accepted", "fulfilled", "order.fulfilled"},
};
#define TRANSITION_COUNT (sizeof transitions / sizeof transitions[0])

/* The order under lock. */
struct locked_order {
    const char *id, *status, *payment_status, *total_amount;
};

static int lock_order(struct domain_context *ctx, const char *order_no, struct locked_order *ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_order_lock, DB_PARAMS(order_no, ctx->only_store), &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, "unknown_order",
                             domain_detail(ctx, "order_no", order_no), "there is no order '%s'",
                             order_no);
    ret->id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    ret->status = arena_strdup(ctx->arena, db_result_text(row, 0, 1));
    ret->payment_status = arena_strdup(ctx->arena, db_result_text(row, 0, 2));
    ret->total_amount = arena_strdup(ctx->arena, db_result_text(row, 0, 3));
    return ERR_OK;
}

static int refuse_transition(struct domain_context *ctx, const struct locked_order *order,
                             const char *to, struct error *err)
{
    AUTO_STRBUF struct strbuf details = {0};
    const char *comma = "";
    strbuf_init(&details, 0);
    strbuf_addf(&details, "{\"status\":\"%s\",\"wanted\":\"%s\",\"allowed\":[", order->status, to);
    for (size_t i = 0; i < TRANSITION_COUNT; i++) {
        if (strcmp(transitions[i].from, order->status) != 0)
            continue;
        strbuf_addf(&details, "%s\"%s\"", comma, transitions[i].to);
        comma = ",";
    }
    strbuf_adds(&details, "]}");
    return domain_refuse(ctx, err, ERR_CONFLICT, "order_state",
                         arena_strdup(ctx->arena, details.data),
                         "an order that is '%s' cannot become '%s'", order->status, to);
}

static int find_transition(struct domain_context *ctx, const struct locked_order *order,
                           const char *to, const struct transition **ret, struct error *err)
{
    for (size_t i = 0; i < TRANSITION_COUNT; i++) {
        const struct transition *t = &transitions[i];
        if (strcmp(t->from, order->status) == 0 && strcmp(t->to, to) == 0) {
            *ret = t;
            return ERR_OK;
        }
    }
    return refuse_transition(ctx, order, to, err);
}

/* The order is locked and its state allows it. */
static int move_order(struct domain_context *ctx, const char *order_no,
                      const struct locked_order *order, const struct transition *t,
                      const char *reason, const char *method, const char **ret_document,
                      struct error *err)
{
    int64_t moved = 0;
    const char *user = ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
    TRY(db_execute(ctx->conn, sql_order_move,
                   DB_PARAMS(order->id, t->from, t->to, reason, method, user), &moved, err));
    if (moved != 1)
        return error_set(err, ERR_BUG, "order '%s' changed under its lock", order_no);
    return outbox_add_order(ctx, t->event, order_no, ret_document, err);
}

static int move_simply(struct domain_context *ctx, const char *order_no, const char *to,
                       const char **ret_document, struct error *err)
{
    struct locked_order order = {"", "", "", ""};
    const struct transition *t = NULL;
    TRY(lock_order(ctx, order_no, &order, err));
    TRY(find_transition(ctx, &order, to, &t, err));
    return move_order(ctx, order_no, &order, t, NULL, NULL, ret_document, err);
}

static int check_amount(struct domain_context *ctx, const struct locked_order *order,
                        const char *amount, struct error *err)
{
    struct decimal paid, total;
    if (amount == NULL)
        return ERR_OK;
    if (decimal_parse(amount, strlen(amount), &paid) &&
        decimal_parse(order->total_amount, strlen(order->total_amount), &total) &&
        decimal_compare(&paid, &total) == 0)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_DATA, "amount_mismatch",
                         domain_detail(ctx, "total_amount", order->total_amount),
                         "the order's total is %s, not %s", order->total_amount, amount);
}

int order_pay(struct domain_context *ctx, const char *order_no, const char *method,
              const char *amount, const char **ret_document, struct error *err)
{
    struct locked_order order = {"", "", "", ""};
    const struct transition *t = NULL;
    TRY(lock_order(ctx, order_no, &order, err));
    TRY(find_transition(ctx, &order, "paid", &t, err));
    TRY(check_amount(ctx, &order, amount, err));
    return move_order(ctx, order_no, &order, t, NULL, method, ret_document, err);
}

int order_cancel(struct domain_context *ctx, const char *order_no, const char *reason,
                 const char **ret_document, struct error *err)
{
    struct locked_order order = {"", "", "", ""};
    const struct transition *t = NULL;
    TRY(lock_order(ctx, order_no, &order, err));
    TRY(find_transition(ctx, &order, "cancelled", &t, err));
    TRY(db_execute(ctx->conn, sql_order_stock_lock, DB_PARAMS(order.id), NULL, err));
    TRY(db_execute(ctx->conn, sql_order_restore, DB_PARAMS(order.id, reason), NULL, err));
    return move_order(ctx, order_no, &order, t, reason, NULL, ret_document, err);
}

int order_accept(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err)
{
    return move_simply(ctx, order_no, "accepted", ret_document, err);
}

int order_fulfill(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err)
{
    return move_simply(ctx, order_no, "fulfilled", ret_document, err);
}
