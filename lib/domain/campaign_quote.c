/* lib/domain/campaign_quote.c - a basket with the coupons, campaigns and prices there are for it.
 */
#include "domain/campaign_internal.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include <inttypes.h>

/* ---- coupons ------------------------------------------------------------------------------ */

const char *quote_codes(struct domain_context *ctx, const char *const *codes, size_t count)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++)
        jwriter_string(&w, codes[i]);
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

/* Another member's coupon is unknown, so that nobody learns which codes there are. */
static int take_coupon(struct domain_context *ctx, const struct db_result *rows, const char *code,
                       struct shown *ret, struct error *err)
{
    size_t i = 0;
    while (i < db_result_rows(rows) && strcmp(db_result_text(rows, i, 0), code) != 0)
        i++;
    if (i == db_result_rows(rows))
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_coupon),
                             domain_detail(ctx, "coupon", code), "there is no coupon '%s'", code);
    if (db_result_bool(rows, i, 3))
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(coupon_used),
                             domain_detail(ctx, "coupon", code), "coupon '%s' is used up", code);
    if (db_result_bool(rows, i, 4))
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(coupon_expired),
                             domain_detail(ctx, "coupon", code), "coupon '%s' is over", code);
    *ret = (struct shown){.code = code,
                          .id = arena_strdup(ctx->arena, db_result_text(rows, i, 1)),
                          .campaign = db_result_int(rows, i, 2)};
    return ERR_OK;
}

static int load_coupons(struct domain_context *ctx, struct quote *q, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    const struct campaign_basket *b = q->asked;
    if (b->coupon_count == 0)
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_campaign_coupons,
                 DB_PARAMS(quote_codes(ctx, b->coupons, b->coupon_count), b->member_id, b->order_id,
                           b->store, b->at),
                 &rows, err));
    for (size_t i = 0; i < b->coupon_count; i++)
        TRY(take_coupon(ctx, rows, b->coupons[i], &q->coupons[q->coupon_count++], err));
    return ERR_OK;
}

const struct shown *quote_coupon(const struct quote *q, int64_t campaign)
{
    for (size_t i = 0; i < q->coupon_count; i++)
        if (q->coupons[i].campaign == campaign)
            return &q->coupons[i];
    return NULL;
}

/* ---- campaigns and lines ------------------------------------------------------------------ */

const char *quote_ids(struct domain_context *ctx, const int64_t *ids, size_t count)
{
    const char *text = "{";
    for (size_t i = 0; i < count; i++)
        text = arena_printf(ctx->arena, "%s%s%" PRId64, text, i > 0 ? "," : "", ids[i]);
    return arena_printf(ctx->arena, "%s}", text);
}

static int read_campaign(struct domain_context *ctx, const struct quote *q,
                         const struct db_result *rows, size_t row, struct pricing_campaign *ret,
                         struct error *err)
{
    struct pricing_problems problems;
    struct pricing_terms *terms = arena_alloc(ctx->arena, sizeof *terms);
    pricing_terms_read(db_result_span(rows, row, 5), ctx->arena, terms, &problems);
    if (problems.count > 0)
        return error_set(err, ERR_BUG, "campaign %s: '%s' %s", db_result_text(rows, row, 4),
                         problems.items[0].field, problems.items[0].message);
    *ret = (struct pricing_campaign){.id = db_result_int(rows, row, 4),
                                     .terms = terms,
                                     .is_ended = db_result_bool(rows, row, 6),
                                     .rest_fen = db_result_int(rows, row, 7),
                                     .member_orders = db_result_int(rows, row, 8)};
    const struct shown *coupon = quote_coupon(q, ret->id);
    ret->coupon = coupon != NULL ? coupon->code : NULL;
    return ERR_OK;
}

static int load_campaigns(struct domain_context *ctx, struct quote *q, bool is_explained,
                          struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    const struct campaign_basket *b = q->asked;
    int64_t shown[CAMPAIGN_COUPONS_MAX];
    for (size_t i = 0; i < q->coupon_count; i++)
        shown[i] = q->coupons[i].campaign;
    TRY(db_query(ctx->conn, sql_campaign_candidates,
                 DB_PARAMS(b->store, b->at, b->member_id, quote_ids(ctx, shown, q->coupon_count),
                           is_explained ? "true" : "false", ctx->only_store, b->order_id),
                 &rows, err));
    if (db_result_rows(rows) == 0)
        return error_set(err, ERR_BUG, "store '%s' is gone", b->store);
    const char *level = db_result_text(rows, 0, 3);
    q->basket = (struct pricing_basket){
        .store = b->store,
        .channel = b->channel,
        .level = level != NULL ? arena_strdup(ctx->arena, level) : NULL,
        .business_date = arena_strdup(ctx->arena, db_result_text(rows, 0, 0)),
        .weekday = (int)db_result_int(rows, 0, 1),
        .minute = (int)db_result_int(rows, 0, 2),
    };
    if (db_result_text(rows, 0, 4) == NULL)
        return ERR_OK;
    q->campaigns = arena_array(ctx->arena, db_result_rows(rows), sizeof *q->campaigns);
    for (size_t i = 0; i < db_result_rows(rows); i++)
        TRY(read_campaign(ctx, q, rows, i, &q->campaigns[q->count++], err));
    return ERR_OK;
}

int quote_load_lines(struct domain_context *ctx, struct quote *q, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_campaign_lines, DB_PARAMS(q->asked->lines), &rows, err));
    size_t n = db_result_rows(rows);
    struct pricing_line *lines = arena_array(ctx->arena, n, sizeof *lines);
    q->lines = arena_array(ctx->arena, n, sizeof *q->lines);
    for (size_t i = 0; i < n; i++) {
        lines[i] = (struct pricing_line){
            .line_no = (int)db_result_int(rows, i, 0),
            .product = arena_strdup(ctx->arena, db_result_text(rows, i, 1)),
            .category = arena_strdup(ctx->arena, db_result_text(rows, i, 2)),
            .quantity_milli = db_result_int(rows, i, 4),
            .amount_fen = db_result_int(rows, i, 5),
        };
        q->lines[i] = (struct priced_line){
            .name = arena_strdup(ctx->arena, db_result_text(rows, i, 3)),
            .price = arena_strdup(ctx->arena, db_result_text(rows, i, 6)),
            .quantity = arena_strdup(ctx->arena, db_result_text(rows, i, 7)),
            .json = arena_strdup(ctx->arena, db_result_text(rows, i, 8)),
        };
        if (lines[i].amount_fen > PRICING_FEN_MAX) /* no order could keep it */
            return domain_refuse(ctx, err, ERR_DATA, API_ERROR(out_of_range),
                                 domain_detail(ctx, "product", lines[i].product),
                                 "so much of product '%s' costs too much", lines[i].product);
        q->gross_fen += lines[i].amount_fen;
    }
    q->basket.lines = lines;
    q->basket.line_count = n;
    return ERR_OK;
}

int quote_load(struct domain_context *ctx, const struct campaign_basket *basket, bool is_explained,
               struct quote *ret, struct error *err)
{
    *ret = (struct quote){.asked = basket};
    TRY(load_coupons(ctx, ret, err));
    return load_campaigns(ctx, ret, is_explained, err);
}

void quote_price(struct domain_context *ctx, struct quote *q)
{
    q->off_fen = pricing_apply(&q->basket, q->campaigns, q->count, ctx->arena);
}
