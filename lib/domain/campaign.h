/* lib/domain/campaign.h - discounts: what they are, and taking them for orders.
 *
 * What a campaign gives, to whom and when is in its terms (pricing.h) and never changes; it can
 * only be ended. A budget is taken by the transaction that makes the order, under the campaign's
 * lock, so that it is never overspent; an order that is cancelled, or refunded in full, gives it
 * back, once, and its coupons too. A refund of a part gives nothing back. Lock order: the order,
 * the wallet, its coupons in the order of their ids, what the member may have of campaigns, these
 * likewise, then the stock. */
#ifndef DINER_DOMAIN_CAMPAIGN_H
#define DINER_DOMAIN_CAMPAIGN_H

#include "core/strbuf.h"
#include "domain/listing.h"

struct campaign_filter {
    const char *status, *store; /* NULL: all; a store: those that apply there */
};
extern const struct listing_spec campaign_listing;
int campaign_list(struct domain_context *ctx, const struct campaign_filter *filter,
                  const struct listing_from *from, struct listing *out, struct error *err);
bool campaign_status_is_known(const char *status);
/* With `figures`: what it cost and brought. Refused as unknown_campaign. */
int campaign_get(struct domain_context *ctx, const char *code, const char **ret_document,
                 struct error *err);
/* terms: a JSON object, well-formed. Refused as bad_parameter (details.errors has all that is wrong
 * with it, field by field), unknown_store, unknown_product, campaign_exists. */
int campaign_create(struct domain_context *ctx, struct span terms, const char **ret_document,
                    struct error *err);
/* at NULL, or past: now. Refused as unknown_campaign, campaign_ended. */
int campaign_end(struct domain_context *ctx, const char *code, const char *at,
                 const char **ret_document, struct error *err);
int campaign_refuse_unknown(struct domain_context *ctx, const char *code, enum error_code class,
                            struct error *err);

/* ---- for orders --------------------------------------------------------------------------- */

#define CAMPAIGN_COUPONS_MAX 10
struct campaign_basket {
    const char *store, *channel;
    const char *member_id; /* or NULL */
    const char *at;        /* RFC 3339; NULL: now */
    const char
        *lines; /* [{"line_no","product","quantity"}], with "price" where it is not today's */
    const char *order_id;       /* of one that there is, and is priced anew; or NULL */
    const char *const *coupons; /* codes */
    size_t coupon_count;
};
struct campaign_discount {
    const char *amount;  /* off the order; NULL: nothing */
    const char *lines;   /* those of the basket, at the prices that were reckoned with */
    const char *applied; /* for campaign_record */
};
/* Takes budgets and coupons for an order that is about to be made. Refused as unknown_coupon,
 * coupon_expired, coupon_used, coupon_refused (details.reason) when a coupon gives nothing. Without
 * any campaign it is one small statement. */
int campaign_take(struct domain_context *ctx, const struct campaign_basket *basket,
                  struct campaign_discount *ret, struct error *err);
/* What was taken, beside the order that was made. */
int campaign_record(struct domain_context *ctx, const char *order_id,
                    const struct campaign_discount *discount, struct error *err);
/* What the locked order took is there again; nothing when it was given back already. */
int campaign_give_back(struct domain_context *ctx, const char *order_id, struct error *err);

/* The price of a basket line by line, and why each campaign was applied or not, as a document;
 * nothing is taken. Refused as unknown_coupon, coupon_expired, coupon_used. */
int campaign_preview(struct domain_context *ctx, const struct campaign_basket *basket,
                     const char **ret_document, struct error *err);

/* An unpaid order is priced anew, as of when it was made and at its prices, with these coupons:
 * what it had is given back. Refused as unknown_order, order_state, order_busy, and as
 * campaign_take. */
int campaign_apply(struct domain_context *ctx, const char *order_no, const char *const *coupons,
                   size_t coupon_count, const char **ret_document, struct error *err);
/* What that would come to, in whatever state the order is. */
int campaign_apply_preview(struct domain_context *ctx, const char *order_no,
                           const char *const *coupons, size_t coupon_count,
                           const char **ret_document, struct error *err);

#endif
