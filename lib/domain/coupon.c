/* lib/domain/coupon.c - coupons. */
#include "domain/coupon.h"
#include "core/clock.h"
#include "domain/campaign.h"
#include "domain/wallet.h"
#include "format/jsonx.h"
#include "gen/embed.h"

/* Without what looks alike, and as many as 5 bits: 60 bits a code. */
#define LETTERS      "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
#define LETTERS_CODE 12

static const struct listing_sort coupon_sorts[] = {{"id", {0}}, {"code", {"d.code", "text"}}, {0}};
const struct listing_spec coupon_listing = {.sql = sql_coupon_list,
                                            .count = sql_coupon_count,
                                            .ncount = 3,
                                            .sorts = coupon_sorts,
                                            .ties = {{"d.id", "bigint"}},
                                            .order = "id"};

int coupon_list(struct domain_context *ctx, const char *campaign, const char *member,
                const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &coupon_listing, DB_PARAMS(campaign, member, ctx->only_store), from,
                       out, err);
}

int coupon_get(struct domain_context *ctx, const char *code, const char **ret_document,
               struct error *err)
{
    int status =
        listing_one(ctx, sql_coupon_get, DB_PARAMS(code, ctx->only_store), ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_coupon),
                             domain_detail(ctx, "coupon", code), "there is no coupon '%s'", code);
    return status;
}

/* ---- issuing ------------------------------------------------------------------------------ */

static int find_campaign(struct domain_context *ctx, const char *code, const char **ret_id,
                         struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_coupon_campaign, DB_PARAMS(code), &row, err));
    if (db_result_rows(row) == 0)
        return campaign_refuse_unknown(ctx, code, ERR_DATA, err);
    if (!db_result_bool(row, 0, 1))
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(no_coupons),
                             domain_detail(ctx, "campaign", code),
                             "campaign '%s' takes no coupons: it is for everybody", code);
    if (db_result_bool(row, 0, 2))
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(campaign_ended),
                             domain_detail(ctx, "campaign", code), "campaign '%s' has ended", code);
    *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

static void put_random(struct jwriter *w)
{
    char code[LETTERS_CODE + 1] = "";
    uint64_t bits = clock_random_u64();
    for (size_t i = 0; i < LETTERS_CODE; i++, bits >>= 5)
        code[i] = LETTERS[bits & 31];
    jwriter_string(w, code);
}

static const char *codes_of(struct domain_context *ctx, const struct coupon_request *r)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    if (r->code != NULL)
        jwriter_string(&w, r->code);
    for (int64_t i = 0; r->code == NULL && i < r->count; i++)
        put_random(&w);
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

int coupon_issue(struct domain_context *ctx, const struct coupon_request *r,
                 const char **ret_document, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    const char *campaign_id = NULL, *member_id = NULL;
    TRY(find_campaign(ctx, r->campaign, &campaign_id, err));
    if (r->member != NULL)
        TRY(wallet_customer(ctx, r->member, false, &member_id, err));
    TRY(db_query(ctx->conn, sql_coupon_insert,
                 DB_PARAMS(codes_of(ctx, r), campaign_id, member_id, domain_int(ctx, r->uses),
                           r->expires_on),
                 &made, err));
    if (db_result_int(made, 0, 0) != r->count)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(coupon_exists),
                             domain_detail(ctx, "coupon", r->code != NULL ? r->code : ""),
                             "there is a coupon of that code already");
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_object(&w);
    jwriter_kstring(&w, "campaign", r->campaign);
    jwriter_kstring(&w, "member", r->member);
    jwriter_kint(&w, "uses_max", r->uses);
    jwriter_kstring(&w, "expires_on", r->expires_on);
    jwriter_kint(&w, "count", r->count);
    jwriter_kraw(&w, "codes", db_result_text(made, 0, 1));
    jwriter_end(&w);
    *ret_document = arena_strndup(ctx->arena, text.data, text.len);
    return ERR_OK;
}
