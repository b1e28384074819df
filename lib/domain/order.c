/* lib/domain/order.c - reading and creating orders. */
#include "domain/campaign.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/outlet.h"
#include "domain/points.h"
#include "domain/reservation.h"
#include "domain/stock_sale.h"
#include "domain/wallet.h"
#include "format/jsonx.h"
#include "gen/embed.h"

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

bool order_status_is_known(const char *status)
{
    static const char *const known[] = {"pending",   "paid",      "accepted",
                                        "fulfilled", "cancelled", NULL};
    return is_one_of(status, known);
}

bool order_payment_status_is_known(const char *status)
{
    static const char *const known[] = {"unpaid",   "paid", "refunding", "partially_refunded",
                                        "refunded", NULL};
    return is_one_of(status, known);
}

bool order_channel_is_known(const char *channel)
{
    static const char *const known[] = {"dine_in", "takeout", "delivery", NULL};
    return is_one_of(channel, known);
}

/* ---- reading ------------------------------------------------------------------------------ */

static const char *store_of(const struct domain_context *ctx, const struct order_filter *f)
{
    return f->store != NULL ? f->store : ctx->only_store;
}

static const struct listing_sort order_sorts[] = {{"updated_at", {"o.updated_at", "timestamptz"}},
                                                  {"created_at", {"o.created_at", "timestamptz"}},
                                                  {"order_no", {"o.order_no", "text"}},
                                                  {"total_amount", {"o.total_amount", "numeric"}},
                                                  {0}};
const struct listing_spec order_listing = {.sql = sql_order_list,
                                           .count = sql_order_count,
                                           .ncount = 7,
                                           .sorts = order_sorts,
                                           .ties = {{"o.id", "bigint"}},
                                           .order = "updated_at",
                                           .page_order = "-created_at"};

int order_list(struct domain_context *ctx, const struct order_filter *f,
               const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &order_listing,
                       DB_PARAMS(store_of(ctx, f), f->status, f->payment_status, f->updated_since,
                                 f->updated_until, f->created_since, f->created_until),
                       from, out, err);
}

int order_get(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err)
{
    int status =
        listing_one(ctx, sql_order_get, DB_PARAMS(order_no, ctx->only_store), ret_document, err);
    return status == ERR_NOT_FOUND ? domain_unknown_order(ctx, order_no, err) : status;
}

int order_history(struct domain_context *ctx, const char *order_no, const char **ret_document,
                  struct error *err)
{
    int status = listing_one(ctx, sql_order_history, DB_PARAMS(order_no, ctx->only_store),
                             ret_document, err);
    return status == ERR_NOT_FOUND ? domain_unknown_order(ctx, order_no, err) : status;
}

/* ---- creating ----------------------------------------------------------------------------- */

static const char *lines_json(struct domain_context *ctx, const struct order_request *request)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < request->line_count; i++) {
        jwriter_object(&w);
        jwriter_kint(&w, "line_no", (int64_t)i + 1);
        jwriter_kstring(&w, "product", request->lines[i].product);
        jwriter_kstring(&w, "quantity", request->lines[i].quantity);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

/* The names are literals here, for a refusal keeps only the pointer. */
static const char *line_refusal(const char *name)
{
    if (strcmp(name, "unknown_product") == 0)
        return API_ERROR(unknown_product);
    return strcmp(name, "inactive_product") == 0 ? API_ERROR(inactive_product)
                                                 : API_ERROR(not_sold_here);
}

static int check_store(struct domain_context *ctx, const char *store, struct error *err)
{
    const char *ignored;
    int status = outlet_get(ctx, store, &ignored, err);
    if (status == ERR_NOT_FOUND) /* the order is wrong, not the address it was sent to */
        return domain_refuse(ctx, err, ERR_DATA, ctx->refusal, ctx->details,
                             "there is no store '%s'", store);
    return status;
}

/* A store that sells what is asked for is there. */
static int check_lines(struct domain_context *ctx, const char *store, const char *lines,
                       struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    AUTO_STRBUF struct strbuf details = {0};
    struct jwriter w;
    TRY(outlet_check_scope(ctx, store, err));
    TRY(db_query(ctx->conn, sql_order_lines, DB_PARAMS(store, lines), &rows, err));
    if (db_result_rows(rows) == 0)
        return ERR_OK;
    TRY(check_store(ctx, store, err));
    strbuf_init(&details, 0);
    jwriter_init(&w, &details);
    jwriter_object(&w);
    jwriter_key(&w, "lines");
    jwriter_array(&w);
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        jwriter_object(&w);
        jwriter_kint(&w, "line_no", db_result_int(rows, i, 0));
        jwriter_kstring(&w, "product", db_result_text(rows, i, 1));
        jwriter_kstring(&w, "error", db_result_text(rows, i, 2));
        jwriter_end(&w);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return domain_refuse(ctx, err, ERR_DATA, line_refusal(db_result_text(rows, 0, 2)),
                         arena_strdup(ctx->arena, details.data), "product '%s' cannot be ordered",
                         db_result_text(rows, 0, 1));
}

/* The wallet of an order that is going to be paid from it, and the points that it may earn at once,
 * are locked before the stock is. */
static int find_member(struct domain_context *ctx, const struct order_request *r,
                       const char **ret_id, struct error *err)
{
    bool with_wallet = r->payment_method != NULL && strcmp(r->payment_method, "wallet") == 0;
    *ret_id = NULL;
    if (r->member == NULL)
        return ERR_OK;
    TRY(wallet_customer(ctx, r->member, with_wallet, ret_id, err));
    return points_hold(ctx, *ret_id, err);
}

static int insert_order(struct domain_context *ctx, const struct order_request *r,
                        const char *member_id, const struct campaign_discount *discount,
                        const char **ret_id, const char **ret_no, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    TRY(db_query(ctx->conn, sql_order_insert,
                 DB_PARAMS(r->store, discount->lines, r->channel, domain_int(ctx, r->guests),
                           r->table_no, r->payment_method, r->member_ref, order_user(ctx),
                           member_id, discount->amount),
                 &made, err));
    if (db_result_rows(made) != 1)
        return error_set(err, ERR_BUG, "the order was not inserted");
    *ret_id = arena_strdup(ctx->arena, db_result_text(made, 0, 0));
    *ret_no = arena_strdup(ctx->arena, db_result_text(made, 0, 1));
    return ERR_OK;
}

/* What is reserved is free for this order from here on. */
static int lock_reservation(struct domain_context *ctx, const struct order_request *r,
                            struct error *err)
{
    if (r->reservation == NULL)
        return ERR_OK;
    int status = reservation_lock(ctx, r->reservation, r->store, err);
    if (status == ERR_NOT_FOUND) /* as with the store */
        return domain_refuse(ctx, err, ERR_DATA, ctx->refusal, ctx->details,
                             "store '%s' has no reservation %s", r->store, r->reservation);
    return status;
}

static struct campaign_basket basket_of(const struct order_request *r, const char *member_id,
                                        const char *lines)
{
    return (struct campaign_basket){.store = r->store,
                                    .channel = r->channel,
                                    .member_id = member_id,
                                    .lines = lines,
                                    .coupons = r->coupons,
                                    .coupon_count = r->coupon_count};
}

int order_draft(struct domain_context *ctx, const struct order_request *request,
                struct order_draft *ret, struct error *err)
{
    const char *member_id;
    struct campaign_discount discount;
    const char *lines = lines_json(ctx, request);
    TRY(check_lines(ctx, request->store, lines, err));
    TRY(find_member(ctx, request, &member_id, err));
    const struct campaign_basket basket = basket_of(request, member_id, lines);
    TRY(campaign_take(ctx, &basket, &discount, err));
    TRY(insert_order(ctx, request, member_id, &discount, &ret->id, &ret->order_no, err));
    TRY(campaign_record(ctx, ret->id, &discount, err));
    TRY(outbox_add_order(ctx, "order.created", ret->order_no, &ret->document, err));
    return lock_reservation(ctx, request, err);
}

int order_sell(struct domain_context *ctx, const struct order_request *request,
               const struct order_draft *draft, struct error *err)
{
    return stock_deduct_commit(ctx, draft->id, request->reservation, err);
}

int order_create(struct domain_context *ctx, const struct order_request *request,
                 const char **ret_no, const char **ret_document, struct error *err)
{
    struct order_draft draft = {0};
    TRY(order_draft(ctx, request, &draft, err));
    TRY(stock_deduct(ctx, draft.id, request->reservation, err));
    *ret_no = draft.order_no;
    *ret_document = draft.document;
    return ERR_OK;
}

int order_preview(struct domain_context *ctx, const struct order_request *request, const char *at,
                  const char **ret_document, struct error *err)
{
    const char *member_id = NULL;
    const char *lines = lines_json(ctx, request);
    TRY(check_lines(ctx, request->store, lines, err));
    if (request->member != NULL)
        TRY(wallet_customer(ctx, request->member, false, &member_id, err));
    struct campaign_basket basket = basket_of(request, member_id, lines);
    basket.at = at;
    return campaign_preview(ctx, &basket, ret_document, err);
}
