/* lib/domain/campaign_apply.c - taking discounts for orders, and giving them back. */
#include "domain/campaign_internal.h"
#include "domain/order_internal.h"
#include "domain/outbox.h"
#include "domain/saga.h"
#include "gen/embed.h"
#include <inttypes.h>

/* ---- taking ------------------------------------------------------------------------------- */

static void refresh(struct quote *q, int64_t id, bool is_ended, int64_t rest_fen)
{
    for (size_t i = 0; i < q->count; i++) {
        if (q->campaigns[i].id != id)
            continue;
        q->campaigns[i].is_ended = is_ended;
        q->campaigns[i].rest_fen = rest_fen;
    }
}

/* The budgets that the basket may take from hold still from here on, as they are now. Those that
 * are used up are not waited for. What an order that there is has taken is given back. */
static int lock_budgets(struct domain_context *ctx, struct quote *q, struct error *err)
{
    const char *order_id = q->asked->order_id;
    AUTO_RESULT struct db_result *rows = NULL;
    int64_t *ids = arena_array(ctx->arena, q->count, sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < q->count; i++) {
        const struct pricing_campaign *c = &q->campaigns[i];
        if (c->rest_fen != -1 && (c->rest_fen > 0 || order_id != NULL) &&
            pricing_eligible(&q->basket, c) == PRICING_WHY_applied)
            ids[count++] = c->id;
    }
    if (count == 0 && order_id == NULL)
        return ERR_OK;
    const char *array = quote_ids(ctx, ids, count), *at = q->asked->at;
    TRY(db_query(ctx->conn, sql_campaign_lock, DB_PARAMS(array, order_id, at), &rows, err));
    if (order_id != NULL) {
        TRY(campaign_give_back(ctx, order_id, err));
        db_result_free(rows);
        rows = NULL;
        TRY(db_query(ctx->conn, sql_campaign_lock, DB_PARAMS(array, NULL, at), &rows, err));
    }
    for (size_t i = 0; i < db_result_rows(rows); i++)
        refresh(q, db_result_int(rows, i, 0), db_result_bool(rows, i, 1),
                db_result_int(rows, i, 2));
    return ERR_OK;
}

static bool has_member_limit(const struct quote *q, const struct pricing_campaign *c)
{
    return c->terms->per_member > 0 && pricing_eligible(&q->basket, c) == PRICING_WHY_applied;
}

/* Two orders of one member at once do not both have the last that the member may have. */
static int lock_member(struct domain_context *ctx, struct quote *q, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    const char *member_id = q->asked->member_id;
    int64_t *ids = arena_array(ctx->arena, q->count, sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < q->count; i++)
        if (has_member_limit(q, &q->campaigns[i]))
            ids[count++] = q->campaigns[i].id;
    if (count == 0)
        return ERR_OK;
    const char *array = quote_ids(ctx, ids, count);
    TRY(db_execute(ctx->conn, sql_campaign_member_lock, DB_PARAMS(array, member_id), NULL, err));
    TRY(db_query(ctx->conn, sql_campaign_member_uses,
                 DB_PARAMS(array, member_id, q->asked->order_id), &rows, err));
    for (size_t row = 0; row < db_result_rows(rows); row++)
        for (size_t i = 0; i < q->count; i++)
            if (q->campaigns[i].id == db_result_int(rows, row, 0))
                q->campaigns[i].member_orders = db_result_int(rows, row, 1);
    return ERR_OK;
}

static int refuse_coupon(struct domain_context *ctx, const struct shown *coupon,
                         enum pricing_why why, struct error *err)
{
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(coupon_refused),
                         arena_printf(ctx->arena, "{\"coupon\":\"%s\",\"reason\":\"%s\"}",
                                      coupon->code, pricing_why_name(why)),
                         "coupon '%s' gives nothing for this order: %s", coupon->code,
                         pricing_why_text(why));
}

/* Who shows a coupon wants it to count. */
static int check_coupons(struct domain_context *ctx, const struct quote *q, struct error *err)
{
    for (size_t k = 0; k < q->coupon_count; k++) {
        const struct shown *coupon = &q->coupons[k];
        for (size_t i = 0; i < q->count; i++) {
            if (q->campaigns[i].id != coupon->campaign)
                continue;
            if (quote_coupon(q, coupon->campaign) != coupon)
                return refuse_coupon(ctx, coupon, PRICING_WHY_group, err);
            if (q->campaigns[i].why != PRICING_WHY_applied)
                return refuse_coupon(ctx, coupon, q->campaigns[i].why, err);
        }
    }
    return ERR_OK;
}

static int take_budgets(struct domain_context *ctx, const struct quote *q, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    AUTO_STRBUF struct strbuf wanted = {0};
    char text[PRICING_FEN_TEXT];
    const char *coupons = "{", *comma = "";
    int64_t count = 0;
    strbuf_init(&wanted, 0);
    for (size_t i = 0; i < q->count; i++) {
        const struct pricing_campaign *c = &q->campaigns[i];
        if (c->line_off_fen != NULL && c->rest_fen != -1)
            strbuf_addf(&wanted, "%s{\"id\":%" PRId64 ",\"off\":%s}", count++ > 0 ? "," : "[",
                        c->id, pricing_fen_print(c->off_fen, text));
    }
    for (size_t i = 0; i < q->coupon_count; i++, comma = ",")
        coupons = arena_printf(ctx->arena, "%s%s%s", coupons, comma, q->coupons[i].id);
    if (count == 0 && q->coupon_count == 0)
        return ERR_OK;
    strbuf_adds(&wanted, count > 0 ? "]" : "[]");
    TRY(db_query(ctx->conn, sql_campaign_take,
                 DB_PARAMS(wanted.data, arena_printf(ctx->arena, "%s}", coupons)), &row, err));
    if (db_result_int(row, 0, 0) != count || db_result_int(row, 0, 1) != (int64_t)q->coupon_count)
        return error_set(err, ERR_BUG, "a budget or a coupon changed under its lock");
    return ERR_OK;
}

static const char *applied_json(struct domain_context *ctx, const struct quote *q)
{
    AUTO_STRBUF struct strbuf text = {0};
    char amount[PRICING_FEN_TEXT];
    strbuf_init(&text, 0);
    strbuf_adds(&text, "[");
    for (size_t i = 0; i < q->count; i++) {
        const struct pricing_campaign *c = &q->campaigns[i];
        const struct shown *coupon = quote_coupon(q, c->id);
        for (size_t k = 0; c->line_off_fen != NULL && k < q->basket.line_count; k++)
            if (c->line_off_fen[k] > 0)
                strbuf_addf(&text,
                            "%s{\"line_no\":%d,\"campaign\":%" PRId64
                            ",\"coupon\":%s,\"amount\":%s}",
                            text.len > 1 ? "," : "", q->basket.lines[k].line_no, c->id,
                            coupon != NULL ? coupon->id : "null",
                            pricing_fen_print(c->line_off_fen[k], amount));
    }
    strbuf_adds(&text, "]");
    return arena_strndup(ctx->arena, text.data, text.len);
}

static void fill(struct domain_context *ctx, const struct quote *q, struct campaign_discount *ret)
{
    AUTO_STRBUF struct strbuf lines = {0};
    char amount[PRICING_FEN_TEXT];
    if (q->off_fen == 0)
        return;
    strbuf_init(&lines, 0);
    for (size_t i = 0; i < q->basket.line_count; i++)
        strbuf_addf(&lines, "%s%s", i > 0 ? "," : "[", q->lines[i].json);
    strbuf_adds(&lines, "]");
    ret->lines = arena_strndup(ctx->arena, lines.data, lines.len);
    ret->amount = arena_strdup(ctx->arena, pricing_fen_print(q->off_fen, amount));
    ret->applied = applied_json(ctx, q);
}

int campaign_take(struct domain_context *ctx, const struct campaign_basket *basket,
                  struct campaign_discount *ret, struct error *err)
{
    struct quote q;
    *ret = (struct campaign_discount){.lines = basket->lines};
    if (basket->coupon_count > 0 || basket->order_id != NULL)
        TRY(db_execute(
            ctx->conn, sql_coupon_lock,
            DB_PARAMS(quote_codes(ctx, basket->coupons, basket->coupon_count), basket->order_id),
            NULL, err));
    TRY(quote_load(ctx, basket, false, &q, err));
    if (q.count == 0 && basket->order_id == NULL)
        return ERR_OK;
    TRY(quote_load_lines(ctx, &q, err));
    TRY(lock_member(ctx, &q, err));
    TRY(lock_budgets(ctx, &q, err));
    quote_price(ctx, &q);
    TRY(check_coupons(ctx, &q, err));
    TRY(take_budgets(ctx, &q, err));
    fill(ctx, &q, ret);
    return ERR_OK;
}

int campaign_record(struct domain_context *ctx, const char *order_id,
                    const struct campaign_discount *discount, struct error *err)
{
    if (discount->amount == NULL)
        return ERR_OK;
    return db_execute(ctx->conn, sql_campaign_record, DB_PARAMS(order_id, discount->applied), NULL,
                      err);
}

int campaign_give_back(struct domain_context *ctx, const char *order_id, struct error *err)
{
    return db_execute(ctx->conn, sql_campaign_give_back, DB_PARAMS(order_id), NULL, err);
}

/* ---- an order that there is --------------------------------------------------------------- */

/* Nobody is paying it, nor may be: what a channel was told must stay true. */
static int check_unpaid(struct domain_context *ctx, const struct locked_order *order,
                        struct error *err)
{
    int64_t at_channel = 0;
    TRY(order_check_move(ctx, order, "paid", err));
    TRY(saga_check_idle(ctx, order, err));
    TRY(db_query_int(ctx->conn, sql_payment_at_channel, DB_PARAMS(order->id), &at_channel, err));
    if (at_channel > 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(order_busy), NULL,
                             "order '%s' is being paid", order->order_no);
    return ERR_OK;
}

/* Its texts are in the arena. */
static int read_order(struct domain_context *ctx, const char *order_no, const char *const *coupons,
                      size_t coupon_count, struct campaign_basket *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *texts[6];
    TRY(db_query(ctx->conn, sql_campaign_order, DB_PARAMS(order_no, ctx->only_store), &row, err));
    if (db_result_rows(row) == 0)
        return domain_unknown_order(ctx, order_no, err);
    for (size_t i = 0; i < 6; i++) {
        const char *text = db_result_text(row, 0, i);
        texts[i] = text != NULL ? arena_strdup(ctx->arena, text) : NULL;
    }
    *ret = (struct campaign_basket){.order_id = texts[0],
                                    .store = texts[1],
                                    .channel = texts[2],
                                    .member_id = texts[3],
                                    .at = texts[4],
                                    .lines = texts[5],
                                    .coupons = coupons,
                                    .coupon_count = coupon_count};
    return ERR_OK;
}

int campaign_apply(struct domain_context *ctx, const char *order_no, const char *const *coupons,
                   size_t coupon_count, const char **ret_document, struct error *err)
{
    struct locked_order order = LOCKED_ORDER_INIT;
    struct campaign_basket basket;
    struct campaign_discount discount;
    TRY(order_lock(ctx, order_no, &order, err));
    TRY(check_unpaid(ctx, &order, err));
    TRY(read_order(ctx, order_no, coupons, coupon_count, &basket, err));
    TRY(campaign_take(ctx, &basket, &discount, err));
    TRY(campaign_record(ctx, order.id, &discount, err));
    TRY(db_execute(ctx->conn, sql_campaign_reprice,
                   DB_PARAMS(order.id, discount.amount != NULL ? discount.amount : "0"), NULL,
                   err));
    return outbox_add_order(ctx, "order.repriced", order_no, ret_document, err);
}

int campaign_apply_preview(struct domain_context *ctx, const char *order_no,
                           const char *const *coupons, size_t coupon_count,
                           const char **ret_document, struct error *err)
{
    struct campaign_basket basket;
    TRY(read_order(ctx, order_no, coupons, coupon_count, &basket, err));
    return campaign_preview(ctx, &basket, ret_document, err);
}
