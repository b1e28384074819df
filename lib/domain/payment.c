/* lib/domain/payment.c - payments. */
#include "domain/payment.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/points.h"
#include "domain/refund.h"
#include "gen/embed.h"

int payment_list(struct domain_context *ctx, const char *order_no, const char **ret_document,
                 struct error *err)
{
    int status = listing_one(ctx, sql_order_payments, DB_PARAMS(order_no, ctx->only_store),
                             ret_document, err);
    return status == ERR_NOT_FOUND ? domain_unknown_order(ctx, order_no, err) : status;
}

bool payment_status_is_known(const char *status)
{
    return strcmp(status, "created") == 0 || strcmp(status, "sent") == 0 ||
           strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0 ||
           strcmp(status, "closed") == 0;
}

static const struct listing_sort payment_sorts[] = {{"id", {NULL, NULL}},
                                                    {"created_at", {"p.created_at", "timestamptz"}},
                                                    {"amount", {"p.amount", "numeric"}},
                                                    {0}};
const struct listing_spec payment_listing = {.sql = sql_payment_list,
                                             .count = sql_payment_count,
                                             .ncount = 6,
                                             .sorts = payment_sorts,
                                             .ties = {{"p.id", "bigint"}},
                                             .order = "id",
                                             .page_order = "-created_at"};

int payment_search(struct domain_context *ctx, const struct money_filter *f,
                   const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &payment_listing,
                       DB_PARAMS(f->store != NULL ? f->store : ctx->only_store, f->method,
                                 f->channel, f->status, f->since, f->until),
                       from, out, err);
}

int payment_begin(struct domain_context *ctx, const struct locked_order *order, const char *method,
                  const char *channel, struct payment *ret, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    TRY(db_query(ctx->conn, sql_payment_begin, DB_PARAMS(order->id, method, channel), &made, err));
    *ret = (struct payment){
        .id = arena_strdup(ctx->arena, db_result_text(made, 0, 0)),
        .payment_no = arena_strdup(ctx->arena, db_result_text(made, 0, 1)),
        .amount = arena_strdup(ctx->arena, db_result_text(made, 0, 2)),
    };
    return ERR_OK;
}

static int lock_order_of(struct domain_context *ctx, const char *payment_no,
                         struct locked_order *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_payment_order, DB_PARAMS(payment_no), &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_payment),
                             domain_detail(ctx, "payment_no", payment_no),
                             "there is no payment '%s'", payment_no);
    return order_lock(ctx, arena_strdup(ctx->arena, db_result_text(row, 0, 0)), ret, err);
}

/* What came in and is not ours to keep goes back, whole. */
static int send_back(struct domain_context *ctx, const struct locked_order *order,
                     const char *payment_id, const char *channel, const char *amount,
                     struct error *err)
{
    const char *reason = strcmp(order->status, "cancelled") == 0
                             ? "paid after the order was cancelled"
                             : "paid beside what the order needed";
    return refund_whole(ctx, order, payment_id, channel, amount, reason, err);
}

int payment_succeed(struct domain_context *ctx, const char *payment_no, const char *transaction_id,
                    const char *amount, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct locked_order order = LOCKED_ORDER_INIT;
    const char *event;
    TRY(lock_order_of(ctx, payment_no, &order, err));
    TRY(db_query(ctx->conn, sql_payment_find, DB_PARAMS(payment_no, amount), &row, err));
    if (strcmp(db_result_text(row, 0, 1), "succeeded") == 0)
        return ERR_OK;
    const char *id = db_result_text(row, 0, 0), *came_in = db_result_text(row, 0, 4);
    bool is_exact = db_result_bool(row, 0, 5);
    bool is_wanted = is_exact && strcmp(order.payment_status, "unpaid") == 0;
    bool pays = is_wanted && strcmp(order.status, "pending") == 0;
    TRY(db_execute(ctx->conn, sql_payment_succeed,
                   DB_PARAMS(id, transaction_id, came_in, is_wanted ? "false" : "true"), NULL,
                   err));
    if (!pays)
        return send_back(ctx, &order, id, db_result_text(row, 0, 2), came_in, err);
    TRY(order_move(ctx, &order, "paid", NULL, db_result_text(row, 0, 3), err));
    TRY(points_earn_order(ctx, &order, err));
    return outbox_add_order(ctx, "order.paid", order.order_no, &event, err);
}

int payment_pays(struct domain_context *ctx, const char *payment_no, bool *ret, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    int64_t paying = 0;
    TRY(lock_order_of(ctx, payment_no, &order, err));
    TRY(db_query_int(ctx->conn, sql_payment_paying, DB_PARAMS(payment_no), &paying, err));
    *ret = paying == 1 && strcmp(order.status, "cancelled") != 0;
    return ERR_OK;
}

int payment_require_refund(struct domain_context *ctx, const char *payment_no, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct locked_order order = LOCKED_ORDER_INIT;
    TRY(lock_order_of(ctx, payment_no, &order, err));
    TRY(db_query(ctx->conn, sql_payment_rest, DB_PARAMS(payment_no), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    return send_back(ctx, &order, db_result_text(row, 0, 0), db_result_text(row, 0, 1),
                     db_result_text(row, 0, 2), err);
}

int payment_end(struct domain_context *ctx, const char *payment_no, const char *status,
                const char *failure, const char *code_url, struct error *err)
{
    return db_execute(ctx->conn, sql_payment_end, DB_PARAMS(payment_no, status, failure, code_url),
                      NULL, err);
}

int payment_open(struct domain_context *ctx, const struct locked_order *order,
                 const char *const **ret, size_t *ret_count, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_payment_open, DB_PARAMS(order->id), &rows, err));
    const char **numbers = arena_array(ctx->arena, db_result_rows(rows) + 1, sizeof *numbers);
    for (size_t i = 0; i < db_result_rows(rows); i++)
        numbers[i] = arena_strdup(ctx->arena, db_result_text(rows, i, 0));
    *ret = numbers;
    *ret_count = db_result_rows(rows);
    return ERR_OK;
}
