/* lib/platform/server/api_campaign.c - /campaigns, /coupons, and discounts of an order. */
#include "domain/campaign.h"
#include "domain/coupon.h"
#include "domain/order.h"
#include "domain/outlet.h"
#include "platform/server/internal.h"

/* What the chain gives away is decided by the chain, not at a till; and codes are as good as money,
 * so a till learns them from guests. */
static int check_role(struct request *r, struct error *err)
{
    if (strcmp(r->user.role, "admin") == 0 || strcmp(r->user.role, "integration") == 0)
        return ERR_OK;
    return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL,
                         "the role %s neither makes nor ends campaigns, nor sees all coupons",
                         r->user.role);
}

/* ---- campaigns ---------------------------------------------------------------------------- */

static int get_campaigns(struct request *r, struct error *err)
{
    struct list_request l;
    const struct campaign_filter filter = {request_query(r, "status"), request_query(r, "store")};
    AUTO_LISTING struct listing found;
    listing_init(&found);
    if (filter.store != NULL)
        TRY(outlet_check_scope(&r->ctx, filter.store, err));
    if (filter.status != NULL && !campaign_status_is_known(filter.status))
        return request_refuse(r, err, "status", "'status' is scheduled, active or ended");
    TRY(list_begin(r, &campaign_listing, &l, err));
    TRY(campaign_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int get_campaign(struct request *r, struct error *err)
{
    const char *document;
    TRY(campaign_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_campaign(struct request *r, struct error *err)
{
    struct span body;
    const char *document;
    TRY(check_role(r, err));
    TRY(request_body_check(r, &body, err));
    TRY(campaign_create(&r->ctx, body, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_end(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *at, *document;
    TRY(check_role(r, err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "at", &m, err));
    TRY(members_time(r, &m, "at", &at, err));
    TRY(campaign_end(&r->ctx, r->captures[0], at, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_preview(struct request *r, struct error *err)
{
    struct order_request order;
    const char *at = NULL, *document;
    TRY(order_read(r, &order, &at, err));
    TRY(order_preview(&r->ctx, &order, at, &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- coupons ------------------------------------------------------------------------------ */

static int get_coupons(struct request *r, struct error *err)
{
    struct list_request l;
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(check_role(r, err));
    TRY(list_begin(r, &coupon_listing, &l, err));
    TRY(coupon_list(&r->ctx, request_query(r, "campaign"), request_query(r, "member"), &l.from,
                    &found, err));
    return list_end(r, &l, &found, err);
}

static int get_coupon(struct request *r, struct error *err)
{
    const char *document;
    TRY(coupon_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static bool is_code(const char *code)
{
    size_t n = strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && code[n] == '\0';
}

static int post_coupons(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct coupon_request coupon = {.count = 1, .uses = 1};
    const char *document;
    TRY(check_role(r, err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "campaign code member count uses expires_on", &m, err));
    TRY(members_text(r, &m, "campaign", true, 32, &coupon.campaign, err));
    TRY(members_text(r, &m, "code", false, COUPON_CODE_BYTES_MAX, &coupon.code, err));
    TRY(members_text(r, &m, "member", false, 32, &coupon.member, err));
    TRY(members_int(r, &m, "count", 1, COUPONS_MAX, &coupon.count, err));
    TRY(members_int(r, &m, "uses", 1, COUPON_USES_MAX, &coupon.uses, err));
    TRY(members_day(r, &m, "expires_on", &coupon.expires_on, err));
    if (coupon.code != NULL && !is_code(coupon.code))
        return request_refuse(r, err, "code", "'code' has 1 to 64 of A-Z, a-z, 0-9, _ and -");
    if (coupon.code != NULL && coupon.count > 1)
        return request_refuse(r, err, "count", "'count' goes with random codes: leave out 'code'");
    TRY(coupon_issue(&r->ctx, &coupon, &document, err));
    return respond_data(r, 201, span_of(document));
}

/* ---- an order's --------------------------------------------------------------------------- */

static int discounts(struct request *r,
                     int (*apply)(struct domain_context *, const char *, const char *const *,
                                  size_t, const char **, struct error *),
                     struct error *err)
{
    struct span body;
    struct members m;
    const char *const *coupons;
    size_t count;
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "coupons", &m, err));
    TRY(coupons_read(r, &m, &coupons, &count, err));
    TRY(apply(&r->ctx, r->captures[0], coupons, count, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_discounts(struct request *r, struct error *err)
{
    return discounts(r, campaign_apply, err);
}

static int post_discounts_preview(struct request *r, struct error *err)
{
    return discounts(r, campaign_apply_preview, err);
}

const struct route routes_campaign[] = {
    {"GET", "/api/v1/campaigns", 0, "status store " LIST_QUERY, get_campaigns},
    {"POST", "/api/v1/campaigns", ROUTE_WRITE, NULL, post_campaign},
    {"POST", "/api/v1/campaigns/preview", 0, NULL, post_preview},
    {"GET", "/api/v1/campaigns/{campaign}", 0, NULL, get_campaign},
    {"POST", "/api/v1/campaigns/{campaign}/end", ROUTE_WRITE, NULL, post_end},
    {"GET", "/api/v1/coupons", 0, "campaign member " LIST_QUERY, get_coupons},
    {"POST", "/api/v1/coupons", ROUTE_WRITE, NULL, post_coupons},
    {"GET", "/api/v1/coupons/{coupon}", 0, NULL, get_coupon},
    {"POST", "/api/v1/orders/{order_no}/discounts", ROUTE_WRITE, NULL, post_discounts},
    {"POST", "/api/v1/orders/{order_no}/discounts/preview", 0, NULL, post_discounts_preview},
    {0},
};
