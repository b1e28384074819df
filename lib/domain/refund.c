/* lib/domain/refund.c - refunds. */
#include "domain/refund.h"
#include "domain/campaign.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/points.h"
#include "domain/stock_sale.h"
#include "domain/wallet.h"
#include "gen/embed.h"
#include <ctype.h>

/* The payment to refund from, and what the request means for it. */
struct basis {
    const char *payment_id, *channel, *rest, *amount;
    int64_t refunds;
    bool is_too_much, is_full, is_surplus;
};

static int refuse_no_basis(struct domain_context *ctx, const struct locked_order *order,
                           const char *payment_no, struct error *err)
{
    bool is_pending = strcmp(order->status, "pending") == 0;
    if (payment_no != NULL)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_payment),
                             domain_detail(ctx, "payment_no", payment_no),
                             "no payment '%s' came in for order '%s'", payment_no, order->order_no);
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(not_refundable),
                         arena_printf(ctx->arena, "{\"payment_status\":\"%s\",\"allowed\":[%s]}",
                                      order->payment_status, is_pending ? "\"paid\"" : ""),
                         "order '%s' is '%s': there is nothing to refund", order->order_no,
                         order->payment_status);
}

/* payment_no NULL: the payment that paid the order. */
static int find_basis(struct domain_context *ctx, const struct locked_order *order,
                      const char *payment_no, const char *amount, struct basis *ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_refund_basis, DB_PARAMS(order->id, amount, payment_no), &row, err));
    if (db_result_rows(row) == 0)
        return refuse_no_basis(ctx, order, payment_no, err);
    *ret = (struct basis){
        .payment_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
        .channel = arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
        .rest = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
        .refunds = db_result_int(row, 0, 4),
        .amount = arena_strdup(ctx->arena, db_result_text(row, 0, 5)),
        .is_too_much = db_result_bool(row, 0, 6),
        .is_full = db_result_bool(row, 0, 7),
        .is_surplus = db_result_bool(row, 0, 8),
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
    if (request->restock && (!basis->is_full || basis->is_surplus))
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

/* With the last of what was paid, and not before, comes back what the order took of campaigns and
 * coupons, and its stock where that was asked for. What is back already stays. */
static int give_back(struct domain_context *ctx, const char *order_id, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_refund_whole, DB_PARAMS(order_id), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    TRY(campaign_give_back(ctx, order_id, err));
    if (!db_result_bool(row, 0, 0))
        return ERR_OK;
    return stock_restore(ctx, order_id, db_result_text(row, 0, 1), err);
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
    if (is_final)
        TRY(give_back(ctx, order->id, err));
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
    TRY(find_basis(ctx, order, NULL, NULL, &basis, err));
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

static int refuse_unknown(struct domain_context *ctx, const char *refund_no, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_refund),
                         domain_detail(ctx, "refund_no", refund_no), "there is no refund '%s'",
                         refund_no);
}

/* Where what ends there without "-R2" (of letter R) ends; NULL: it does not end so. */
static const char *without_count(const char *text, const char *end, char letter)
{
    const char *p = end;
    while (p > text && isdigit((unsigned char)p[-1]))
        p--;
    return p < end && p - text >= 2 && p[-1] == letter && p[-2] == '-' ? p - 2 : NULL;
}

/* "ORDER-P1-R2": such numbers are made by us alone, else one could be taken before we need it. */
static bool is_of_our_form(const char *refund_no)
{
    const char *payment = without_count(refund_no, refund_no + strlen(refund_no), 'R');
    return payment != NULL && without_count(refund_no, payment, 'P') != NULL;
}

static int refuse_number(struct domain_context *ctx, const char *refund_no, bool is_here,
                         struct error *err)
{
    if (!is_here && is_of_our_form(refund_no))
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(reserved_refund_no),
                             domain_detail(ctx, "refund_no", refund_no),
                             "numbers like '%s' are given by the platform", refund_no);
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(refund_no_reused),
                         domain_detail(ctx, "refund_no", refund_no), "refund '%s' is another one",
                         refund_no);
}

static int find_earlier(struct domain_context *ctx, const struct locked_order *order,
                        const struct refund_request *request, bool *ret_is_there, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *refund_no = request->refund_no;
    *ret_is_there = false;
    if (refund_no == NULL)
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_refund_find,
                 DB_PARAMS(refund_no, order->id, request->amount, request->payment_no), &row, err));
    bool is_taken = db_result_rows(row) > 0;
    bool is_here = is_taken && db_result_bool(row, 0, 0);
    *ret_is_there = is_here && db_result_bool(row, 0, 1);
    if (*ret_is_there || (!is_taken && !is_of_our_form(refund_no)))
        return ERR_OK;
    return refuse_number(ctx, refund_no, is_here, err);
}

int refund_create(struct domain_context *ctx, const struct refund_request *request,
                  const char **ret_no, const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    struct basis basis = {.rest = "", .channel = "", .amount = ""};
    const char *refund_no = request->refund_no, *event;
    bool is_there;
    TRY(order_lock(ctx, request->order_no, &order, err));
    TRY(find_earlier(ctx, &order, request, &is_there, err));
    if (!is_there) {
        TRY(find_basis(ctx, &order, request->payment_no, request->amount, &basis, err));
        TRY(check_basis(ctx, request, &basis, err));
        TRY(refund_from(ctx, &order, request, &basis, &refund_no, err));
        if (basis.is_full && !basis.is_surplus && strcmp(order.status, "paid") == 0)
            TRY(order_cancel_locked(ctx, &order, request->reason, &event, err));
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

/* What a refund that has ended means for its order; what is surplus is none of its money. */
static int settle_order(struct domain_context *ctx, const char *order_id, const char *refund_no,
                        const char *failure, struct error *err)
{
    TRY(order_settle_money(ctx, order_id, failure, err));
    TRY(points_take_back(ctx, refund_no, err));
    return give_back(ctx, order_id, err);
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
    if (changed == 0 || outcome == REFUND_ACCEPTED)
        return ERR_OK;
    if (!db_result_bool(row, 0, 4))
        TRY(settle_order(ctx, db_result_text(row, 0, 0), refund_no, failure, err));
    return outbox_add_order(ctx,
                            outcome == REFUND_SUCCEEDED ? "order.refunded" : "order.refund_failed",
                            db_result_text(row, 0, 1), &event, err);
}
