/* lib/domain/coupon.h - codes that open a campaign: once or several times, for one member or for
 * whoever has them. An order uses them up, and gives them back, with the campaign (campaign.h). */
#ifndef DINER_DOMAIN_COUPON_H
#define DINER_DOMAIN_COUPON_H

#include "domain/listing.h"

#define COUPONS_MAX           1000 /* issued at once */
#define COUPON_USES_MAX       1000000
#define COUPON_CODE_BYTES_MAX 64

extern const struct listing_spec coupon_listing;
int coupon_list(struct domain_context *ctx, const char *campaign, const char *member,
                const struct listing_from *from, struct listing *out, struct error *err);
/* Refused as unknown_coupon. */
int coupon_get(struct domain_context *ctx, const char *code, const char **ret_document,
               struct error *err);

struct coupon_request {
    const char *campaign;
    const char *code;       /* NULL: random ones, `count` of them */
    const char *member;     /* member_no; NULL: whoever has the code */
    const char *expires_on; /* the last business day, YYYY-MM-DD; NULL: it does not end */
    int64_t count, uses;
};
/* *ret_document: {"campaign","member","uses_max","expires_on","count","codes"}. Refused as
 * unknown_campaign, campaign_ended, no_coupons (the campaign takes none), unknown_member,
 * closed_member, coupon_exists. */
int coupon_issue(struct domain_context *ctx, const struct coupon_request *request,
                 const char **ret_document, struct error *err);

#endif
