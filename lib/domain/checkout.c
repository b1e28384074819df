/* lib/domain/checkout.c - paying and cancelling. */
#include "domain/checkout.h"
#include "domain/order_internal.h"
#include "domain/payment.h"
#include "gen/embed.h"

/* wechat and alipay are taken by a payment channel, where one is configured; any other method is
 * recorded, for somebody has the money already; wallet takes it from the member's wallet. */
static bool checkout_needs_channel(const struct channel *channel, const char *method)
{
    return channel != NULL && (strcmp(method, "wechat") == 0 || strcmp(method, "alipay") == 0);
}

/* Locks the order and sees that it can be paid. */
static int lock_payable(struct domain_context *ctx, const struct checkout_payment *payment,
                        struct locked_order *ret, struct error *err)
{
    TRY(order_lock(ctx, payment->order_no, ret, err));
    TRY(order_check_move(ctx, ret, "paid", err));
    TRY(order_check_amount(ctx, ret, payment->amount, err));
    return saga_check_idle(ctx, ret, err);
}

static const char *method_of(const struct checkout_payment *payment,
                             const struct locked_order *order)
{
    return payment->method != NULL ? payment->method : order->payment_method;
}

/* There is nothing to ask a channel for where nothing is to be paid. */
static bool is_free(const struct locked_order *order)
{
    return strcmp(order->total_amount, "0.00") == 0;
}

int checkout_pay(struct domain_context *ctx, const struct channel *channel,
                 const struct checkout_payment *payment, int64_t *ret_saga,
                 const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    struct payment made = {0};
    *ret_saga = 0;
    TRY(lock_payable(ctx, payment, &order, err));
    const char *method = method_of(payment, &order);
    if (!checkout_needs_channel(channel, method) || is_free(&order))
        return order_pay_locked(ctx, &order, method, ret_document, err);
    TRY(payment_begin(ctx, &order, method, channel->name, &made, err));
    return saga_begin_payment(ctx, &order, &made, payment->is_new, payment->request, ret_saga, err);
}

int checkout_prepay(struct domain_context *ctx, const struct channel *channel,
                    const struct checkout_payment *payment, struct payment *ret, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(lock_payable(ctx, payment, &order, err));
    const char *method = method_of(payment, &order);
    if (!checkout_needs_channel(channel, method) || is_free(&order))
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(no_channel),
                             domain_detail(ctx, "payment_method", method),
                             "payment method '%s' is not taken by a channel", method);
    return payment_begin(ctx, &order, method, channel->name, ret, err);
}

int checkout_cancel(struct domain_context *ctx, const struct channel *channel, const char *order_no,
                    const char *reason, const struct saga_request *request, int64_t *ret_saga,
                    const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    int64_t at_channel = 0;
    *ret_saga = 0;
    TRY(order_lock(ctx, order_no, &order, err));
    TRY(order_check_move(ctx, &order, "cancelled", err));
    if (channel != NULL)
        TRY(db_query_int(ctx->conn, sql_payment_at_channel, DB_PARAMS(order.id), &at_channel, err));
    if (at_channel == 0)
        return order_cancel_locked(ctx, &order, reason, ret_document, err);
    TRY(saga_check_closing(ctx, &order, err));
    return saga_begin_closing(ctx, &order, reason, false, request, ret_saga, err);
}
