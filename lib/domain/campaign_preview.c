/* lib/domain/campaign_preview.c - prices explained. */
#include "domain/campaign_internal.h"
#include "format/jsonx.h"
#include <stdio.h>

static void put_fen(struct jwriter *w, const char *key, int64_t fen)
{
    char text[PRICING_FEN_TEXT];
    jwriter_kstring(w, key, pricing_fen_print(fen, text));
}

static void put_line(const struct quote *q, size_t line, struct jwriter *w)
{
    const struct pricing_line *l = &q->basket.lines[line];
    int64_t off_fen = 0;
    jwriter_object(w);
    jwriter_kint(w, "line_no", l->line_no);
    jwriter_kstring(w, "product", l->product);
    jwriter_kstring(w, "product_name", q->lines[line].name);
    jwriter_kstring(w, "price", q->lines[line].price);
    jwriter_kstring(w, "quantity", q->lines[line].quantity);
    put_fen(w, "amount", l->amount_fen);
    jwriter_key(w, "discounts");
    jwriter_array(w);
    for (size_t i = 0; i < q->count; i++) {
        const struct pricing_campaign *c = &q->campaigns[i];
        if (c->line_off_fen == NULL || c->line_off_fen[line] == 0)
            continue;
        off_fen += c->line_off_fen[line];
        jwriter_object(w);
        jwriter_kstring(w, "campaign", c->terms->code);
        put_fen(w, "amount", c->line_off_fen[line]);
        jwriter_end(w);
    }
    jwriter_end(w);
    put_fen(w, "discount_amount", off_fen);
    put_fen(w, "total_amount", l->amount_fen - off_fen);
    jwriter_end(w);
}

static void put_campaign(const struct pricing_campaign *c, struct jwriter *w)
{
    jwriter_object(w);
    jwriter_kstring(w, "campaign", c->terms->code);
    jwriter_kstring(w, "campaign_name", c->terms->name);
    jwriter_kstring(w, "coupon", c->coupon);
    jwriter_kbool(w, "applied", c->why == PRICING_WHY_applied);
    jwriter_kstring(w, "reason", pricing_why_name(c->why));
    jwriter_kstring(w, "message", pricing_why_text(c->why));
    put_fen(w, "amount", c->off_fen);
    jwriter_end(w);
}

static void put_quote(const struct quote *q, struct jwriter *w)
{
    const struct pricing_basket *b = &q->basket;
    char time[32];
    snprintf(time, sizeof time, "%02d:%02d", b->minute / 60, b->minute % 60);
    jwriter_object(w);
    jwriter_kstring(w, "store", b->store);
    jwriter_kstring(w, "channel", b->channel);
    jwriter_kstring(w, "business_date", b->business_date);
    jwriter_kstring(w, "local_time", time);
    put_fen(w, "gross_amount", q->gross_fen);
    put_fen(w, "discount_amount", q->off_fen);
    put_fen(w, "total_amount", q->gross_fen - q->off_fen);
    jwriter_key(w, "items");
    jwriter_array(w);
    for (size_t i = 0; i < b->line_count; i++)
        put_line(q, i, w);
    jwriter_end(w);
    jwriter_key(w, "campaigns");
    jwriter_array(w);
    for (size_t i = 0; i < q->count; i++)
        put_campaign(&q->campaigns[i], w);
    jwriter_end(w);
    jwriter_end(w);
}

int campaign_preview(struct domain_context *ctx, const struct campaign_basket *basket,
                     const char **ret_document, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct quote q;
    struct jwriter w;
    TRY(quote_load(ctx, basket, true, &q, err));
    TRY(quote_load_lines(ctx, &q, err));
    quote_price(ctx, &q);
    strbuf_init(&text, LISTING_BYTES_MAX);
    jwriter_init(&w, &text);
    put_quote(&q, &w);
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "the explanation is too long");
    *ret_document = arena_strndup(ctx->arena, text.data, text.len);
    return ERR_OK;
}
