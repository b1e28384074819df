/* lib/domain/refund.c - refunds. */
#include "domain/refund.h"
#include "domain/campaign.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/points.h"
#include "domain/stock_sale.h"
#include "domain/wallet.h"
#include "gen/embed.h"

/* The payment to refund from, and what the request means for it. */
struct basis {
    const char *payment_id, *channel, *rest, *amount;
    int64_t refunds;
    bool is_too_much, is_full;
};

static int find_basis(struct domain_context *ctx, const struct locked_order *order,
                      const char *amount, struct basis *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    bool is_pending = strcmp(order->status, "pending") == 0;
    TRY(db_query(ctx->conn, sql_refund_basis, DB_PARAMS(order->id, amount), &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(not_refundable),
                             arena_printf(ctx->arena,
                                          "{\"payment_status\":\"%s\",\"allowed\":[%s]}",
                                          order->payment_status, is_pending ? "\"paid\"" : ""),
                             "order '%s' is '%s': there is nothing to refund", order->order_no,
                             order->payment_status);
    *ret = (struct basis){
        .payment_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
        .channel = arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
        .rest = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
        .refunds = db_result_int(row, 0, 4),
        .amount = arena_strdup(ctx->arena, db_result_text(row, 0, 5)),
        .is_too_much = db_result_bool(row, 0, 6),
        .is_full = db_result_bool(row, 0, 7),
    };
    return ERR_OK;
}

static int check_basis(struct domain_context *ctx, const struct refund_request *request,
                       const struct basis *basis, struct error *err)
{
    if (strcmp(basis->rest, "0.00") == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(not_refundable),
                             domain_detail(ctx, "refundable", basis->rest),
                             "all that was paid is refunded or about to be");
    if (basis->is_too_much)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(refund_exceeds_payment),
                             domain_detail(ctx, "refundable", basis->rest),
                             "at most %s can still be refunded, not %s", basis->rest,
                             basis->amount);
    if (basis->refunds >= REFUNDS_MAX)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(refund_limit),
                             domain_detail(ctx, "refundable", basis->rest),
                             "a payment has at most %d refunds", REFUNDS_MAX);
    if (request->restock && !basis->is_full)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(restock_needs_full_refund),
                             domain_detail(ctx, "refundable", basis->rest),
                             "stock goes back with the refund of all that is left, %s",
                             basis->rest);
    return ERR_OK;
}

static int insert_refund(struct domain_context *ctx, const struct refund_request *request,
                         const struct basis *basis, const char **ret_no, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    TRY(db_query(ctx->conn, sql_refund_insert,
                 DB_PARAMS(basis->payment_id, request->refund_no, basis->amount, request->reason,
                           request->restock ? "true" : "false", order_user(ctx)),
                 &made, err));
    if (db_result_rows(made) != 1)
        return error_set(err, ERR_BUG, "the refund was not inserted");
    *ret_no = arena_strdup(ctx->arena, db_result_text(made, 0, 1));
    return ERR_OK;
}

static bool is_ours(const char *channel)
{
    return strcmp(channel, "none") == 0 || strcmp(channel, "wallet") == 0;
}

/* What nobody has to be asked for is paid out as soon as it is asked for. */
static int pay_out(struct domain_context *ctx, const struct locked_order *order,
                   const struct basis *basis, const char *refund_no, struct error *err)
{
    if (!is_ours(basis->channel))
        return ERR_OK;
    if (strcmp(basis->channel, "wallet") == 0)
        TRY(wallet_refund(ctx, order, refund_no, basis->amount, err));
    TRY(db_execute(ctx->conn, sql_refund_settle, DB_PARAMS(refund_no, "succeeded", NULL), NULL,
                   err));
    return points_take_back(ctx, refund_no, err);
}

static int refund_from(struct domain_context *ctx, const struct locked_order *order,
                       const struct refund_request *request, const struct basis *basis,
                       const char **ret_no, struct error *err)
{
    const char *event;
    TRY(insert_refund(ctx, request, basis, ret_no, err));
    TRY(pay_out(ctx, order, basis, *ret_no, err));
    TRY(order_settle_money(ctx, order->id, request->reason, err));
    bool is_final = is_ours(basis->channel);
    return outbox_add_order(ctx, is_final ? "order.refunded" : "order.refund_requested",
                            order->order_no, &event, err);
}

int refund_rest(struct domain_context *ctx, const struct locked_order *order, const char *reason,
                struct error *err)
{
    struct basis basis = {.rest = "", .channel = "", .amount = ""};
    const struct refund_request request = {.order_no = order->order_no, .reason = reason};
    const char *refund_no = "";
    if (strcmp(order->payment_status, "unpaid") == 0)
        return ERR_OK;
    TRY(find_basis(ctx, order, NULL, &basis, err));
    if (strcmp(basis.rest, "0.00") == 0) /* a free meal, or all of it is on its way back */
        return order_settle_money(ctx, order->id, reason, err);
    return refund_from(ctx, order, &request, &basis, &refund_no, err);
}

int refund_whole(struct domain_context *ctx, const struct locked_order *order,
                 const char *payment_id, const char *channel, const char *amount,
                 const char *reason, struct error *err)
{
    const struct refund_request request = {.order_no = order->order_no, .reason = reason};
    const struct basis basis = {
        .payment_id = payment_id, .channel = channel, .rest = amount, .amount = amount};
    const char *refund_no = "";
    return refund_from(ctx, order, &request, &basis, &refund_no, err);
}

/* What else the last refund of an order does. */
static int finish_order(struct domain_context *ctx, const struct locked_order *order,
                        const struct refund_request *request, struct error *err)
{
    const char *event;
    if (strcmp(order->status, "paid") == 0)
        return order_cancel_locked(ctx, order, request->reason, &event, err);
    TRY(campaign_give_back(ctx, order->id, err));
    return request->restock ? stock_restore(ctx, order->id, request->reason, err) : ERR_OK;
}

static int refuse_unknown(struct domain_context *ctx, const char *refund_no, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_refund),
                         domain_detail(ctx, "refund_no", refund_no), "there is no refund '%s'",
                         refund_no);
}

static int find_earlier(struct domain_context *ctx, const struct locked_order *order,
                        const struct refund_request *request, bool *ret_is_there, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret_is_there = false;
    if (request->refund_no == NULL)
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_refund_find,
                 DB_PARAMS(request->refund_no, order->id, request->amount), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    if (!db_result_bool(row, 0, 0))
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(refund_no_reused),
                             domain_detail(ctx, "refund_no", request->refund_no),
                             "refund '%s' is another one", request->refund_no);
    *ret_is_there = true;
    return ERR_OK;
}

int refund_create(struct domain_context *ctx, const struct refund_request *request,
                  const char **ret_no, const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    struct basis basis = {.rest = "", .channel = "", .amount = ""};
    const char *refund_no = request->refund_no;
    bool is_there;
    TRY(order_lock(ctx, request->order_no, &order, err));
    TRY(find_earlier(ctx, &order, request, &is_there, err));
    if (!is_there) {
        TRY(find_basis(ctx, &order, request->amount, &basis, err));
        TRY(check_basis(ctx, request, &basis, err));
        TRY(refund_from(ctx, &order, request, &basis, &refund_no, err));
        if (basis.is_full)
            TRY(finish_order(ctx, &order, request, err));
    }
    *ret_no = refund_no;
    return refund_get(ctx, request->order_no, refund_no, ret_document, err);
}

int refund_get(struct domain_context *ctx, const char *order_no, const char *refund_no,
               const char **ret_document, struct error *err)
{
    int status = listing_one(ctx, sql_refund_get, DB_PARAMS(refund_no, order_no, ctx->only_store),
                             ret_document, err);
    return status == ERR_NOT_FOUND ? refuse_unknown(ctx, refund_no, err) : status;
}

bool refund_status_is_known(const char *status)
{
    return strcmp(status, "requested") == 0 || strcmp(status, "accepted") == 0 ||
           strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0;
}

static const struct listing_sort refund_sorts[] = {{"id", {NULL, NULL}},
                                                   {"created_at", {"r.created_at", "timestamptz"}},
                                                   {"amount", {"r.amount", "numeric"}},
                                                   {0}};
const struct listing_spec refund_listing = {.sql = sql_refund_list,
                                            .count = sql_refund_count,
                                            .ncount = 6,
                                            .sorts = refund_sorts,
                                            .ties = {{"r.id", "bigint"}},
                                            .order = "id",
                                            .page_order = "-created_at"};

int refund_search(struct domain_context *ctx, const struct money_filter *f,
                  const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &refund_listing,
                       DB_PARAMS(f->store != NULL ? f->store : ctx->only_store, f->method,
                                 f->channel, f->status, f->since, f->until),
                       from, out, err);
}

int refund_settle(struct domain_context *ctx, const char *refund_no, enum refund_outcome outcome,
                  const char *failure, struct error *err)
{
    static const char *const states[] = {"accepted", "succeeded", "failed"};
    AUTO_RESULT struct db_result *row = NULL;
    int64_t changed = 0;
    const char *event;
    TRY(db_query(ctx->conn, sql_refund_lock, DB_PARAMS(refund_no), &row, err));
    if (db_result_rows(row) == 0)
        return refuse_unknown(ctx, refund_no, err);
    TRY(db_execute(ctx->conn, sql_refund_settle, DB_PARAMS(refund_no, states[outcome], failure),
                   &changed, err));
    if (changed == 0 || outcome == REFUND_ACCEPTED || db_result_bool(row, 0, 4))
        return ERR_OK;
    TRY(order_settle_money(ctx, db_result_text(row, 0, 0), failure, err));
    TRY(points_take_back(ctx, refund_no, err));
    return outbox_add_order(ctx,
                            outcome == REFUND_SUCCEEDED ? "order.refunded" : "order.refund_failed",
                            db_result_text(row, 0, 1), &event, err);
}
