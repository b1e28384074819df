/* lib/domain/saga_steps.c - what the steps of a saga do, and what undoes them. */
#include "domain/order_internal.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/saga_internal.h"
#include "domain/stock_sale.h"

/* ---- take_payment / refund_payment -------------------------------------------------------- */

/* An order that cannot be paid any more is not charged: what may be open there is closed. */
static int ask_payment(struct saga_desk *desk, const struct saga *saga, struct channel_reply *ret,
                       struct error *err)
{
    const struct channel *c = desk->channel;
    struct arena *arena = desk->ctx->arena;
    return saga->is_pending ? c->charge(c->self, saga->ref, saga->amount, arena, ret, err)
                            : c->close(c->self, saga->ref, arena, ret, err);
}

static int record_payment(struct saga_desk *desk, const struct saga *saga,
                          const struct channel_reply *reply, enum saga_result *ret,
                          const char **ret_failure, struct error *err)
{
    struct domain_context *ctx = desk->ctx;
    if (reply->answer == CHANNEL_PAID || (reply->answer == CHANNEL_DONE && saga->was_pending))
        return payment_succeed(ctx, saga->ref, reply->transaction_id, NULL, err);
    if (reply->answer == CHANNEL_ACCEPTED) {
        *ret = SAGA_STEP_LATER;
        *ret_failure = "the customer has to confirm";
        return payment_end(ctx, saga->ref, "sent", NULL, NULL, err);
    }
    *ret = SAGA_STEP_FAILED;
    *ret_failure = reply->reason != NULL ? reply->reason : "the order takes no payment any more";
    return payment_end(ctx, saga->ref, reply->answer == CHANNEL_DONE ? "closed" : "failed",
                       *ret_failure, NULL, err);
}

/* What the order could not keep is on its way back since it came in (payment_succeed). */
static int undo_payment(struct saga_desk *desk, const struct saga *saga, struct error *err)
{
    return payment_require_refund(desk->ctx, saga->ref, err);
}

/* ---- confirm_order ------------------------------------------------------------------------ */

static int record_confirmation(struct saga_desk *desk, const struct saga *saga,
                               const struct channel_reply *reply, enum saga_result *ret,
                               const char **ret_failure, struct error *err)
{
    bool pays = false;
    (void)reply;
    TRY(payment_pays(desk->ctx, saga->ref, &pays, err));
    if (pays)
        return ERR_OK;
    *ret = SAGA_STEP_FAILED;
    *ret_failure = "the order was cancelled or paid otherwise meanwhile";
    return ERR_OK;
}

/* ---- reduce_stock, create_order: done when the saga begins -------------------------------- */

static int undo_order(struct saga_desk *desk, const struct saga *saga, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    const char *document;
    TRY(order_lock(desk->ctx, saga->order_no, &order, err));
    if (strcmp(order.status, "pending") != 0)
        return ERR_OK;
    return order_cancel_locked(desk->ctx, &order, "Payment failed", &document, err);
}

/* Undone after the order: who cancelled it gave the stock back. */
static int undo_stock(struct saga_desk *desk, const struct saga *saga, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(order_lock(desk->ctx, saga->order_no, &order, err));
    if (strcmp(order.status, "cancelled") != 0)
        return ERR_OK; /* paid after all: it needs its stock */
    return stock_restore(desk->ctx, order.id, "Payment failed", err);
}

/* ---- close_payment, cancel_order ---------------------------------------------------------- */

static int ask_close(struct saga_desk *desk, const struct saga *saga, struct channel_reply *ret,
                     struct error *err)
{
    const struct channel *c = desk->channel;
    return c->close(c->self, saga->ref, desk->ctx->arena, ret, err);
}

static int record_close(struct saga_desk *desk, const struct saga *saga,
                        const struct channel_reply *reply, enum saga_result *ret,
                        const char **ret_failure, struct error *err)
{
    *ret = SAGA_STEP_DONE;
    *ret_failure = NULL;
    if (reply->answer == CHANNEL_PAID)
        return payment_succeed(desk->ctx, saga->ref, reply->transaction_id, NULL, err);
    return payment_end(desk->ctx, saga->ref, "closed", NULL, NULL, err);
}

static int record_cancel(struct saga_desk *desk, const struct saga *saga,
                         const struct channel_reply *reply, enum saga_result *ret,
                         const char **ret_failure, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    const char *document;
    (void)reply;
    TRY(order_lock(desk->ctx, saga->order_no, &order, err));
    bool is_pending = strcmp(order.status, "pending") == 0;
    bool is_paid = strcmp(order.status, "paid") == 0;
    if (is_pending || (is_paid && !saga->only_unpaid))
        return order_cancel_locked(desk->ctx, &order, saga->reason, &document, err);
    if (strcmp(order.status, "cancelled") == 0)
        return ERR_OK;
    *ret = SAGA_STEP_FAILED;
    *ret_failure = is_paid ? "the order was paid meanwhile" : "the order was accepted meanwhile";
    return ERR_OK;
}

static const struct saga_step steps[] = {
    {"reduce_stock", NULL, NULL, undo_stock},
    {"create_order", NULL, NULL, undo_order},
    {"take_payment", ask_payment, record_payment, undo_payment},
    {"confirm_order", NULL, record_confirmation, NULL},
    {"close_payment", ask_close, record_close, NULL},
    {"cancel_order", NULL, record_cancel, NULL},
};

const struct saga_step *saga_step_find(const char *name)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].name, name) == 0)
            return &steps[i];
    return NULL;
}
