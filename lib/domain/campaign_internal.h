/* lib/domain/campaign_internal.h - a basket with what there is to price it, for the files about
 * campaigns and orders. */
#ifndef DINER_DOMAIN_CAMPAIGN_INTERNAL_H
#define DINER_DOMAIN_CAMPAIGN_INTERNAL_H

#include "domain/campaign.h"
#include "domain/pricing.h"

/* One coupon that is shown, and one line as the database has it. */
struct shown {
    const char *code, *id;
    int64_t campaign;
};
struct priced_line {
    const char *name, *price, *quantity, *json;
};
struct quote {
    const struct campaign_basket *asked;
    struct pricing_basket basket;
    struct priced_line *lines; /* beside those of the basket */
    struct pricing_campaign *campaigns;
    size_t count;
    struct shown coupons[CAMPAIGN_COUPONS_MAX];
    size_t coupon_count;
    int64_t gross_fen, off_fen;
};
/* Coupons and campaigns; is_explained: also those that only the explanation tells of. Refused as
 * unknown_coupon, coupon_expired, coupon_used. */
int quote_load(struct domain_context *ctx, const struct campaign_basket *basket, bool is_explained,
               struct quote *ret, struct error *err);
int quote_load_lines(struct domain_context *ctx, struct quote *q, struct error *err);
/* The first coupon that is shown for a campaign, or NULL; a second one has nothing to open. */
const struct shown *quote_coupon(const struct quote *q, int64_t campaign);
void quote_price(struct domain_context *ctx, struct quote *q);
/* In the arena: a list of codes as JSON, numbers as an array "{1,2}". */
const char *quote_codes(struct domain_context *ctx, const char *const *codes, size_t count);
const char *quote_ids(struct domain_context *ctx, const int64_t *ids, size_t count);

#endif
