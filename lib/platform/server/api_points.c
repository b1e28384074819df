/* lib/platform/server/api_points.c - /members/{member_no}/points: how many there are, their ledger,
 * what other systems put in and take out; /members/{member_no}/tier, /tiers: the levels. */
#include "domain/points.h"
#include "domain/tier.h"
#include "platform/server/internal.h"

static int get_points(struct request *r, struct error *err)
{
    const char *document;
    TRY(points_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_points_log(struct request *r, struct error *err)
{
    struct list_request l;
    const char *kind = request_query(r, "kind");
    AUTO_LISTING struct listing found;
    listing_init(&found);
    if (kind != NULL && !points_kind_is_known(kind))
        return request_refuse(r, err, "kind",
                              "'kind' is earn, spend, refund, clawback, expire or transfer");
    TRY(list_begin(r, &points_log_listing, &l, err));
    TRY(points_log_list(&r->ctx, r->captures[0], kind, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* ---- changes ------------------------------------------------------------------------------ */

/* Points are money: a till moves them by its orders alone. */
static int check_role(struct request *r, struct error *err)
{
    if (strcmp(r->user.role, "admin") == 0 || strcmp(r->user.role, "integration") == 0)
        return ERR_OK;
    return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL,
                         "the role %s does not move points", r->user.role);
}

/* allowed: the members that the change may have. */
static int read_change(struct request *r, const char *allowed, struct points_change *ret,
                       struct error *err)
{
    struct span body;
    struct members m;
    *ret = (struct points_change){.member_no = r->captures[0]};
    TRY(check_role(r, err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, allowed, &m, err));
    TRY(members_int(r, &m, "points", 1, POINTS_MAX, &ret->points, err));
    TRY(members_text(r, &m, "of_ref", false, POINTS_REF_BYTES_MAX, &ret->of_ref, err));
    TRY(members_text(r, &m, "note", false, 500, &ret->note, err));
    TRY(members_day(r, &m, "expires_on", &ret->expires_on, err));
    return members_ref(r, &m, POINTS_REF_BYTES_MAX, &ret->ref, err);
}

static int require_points(struct request *r, const struct points_change *change, struct error *err)
{
    return change->points > 0 ? ERR_OK : request_refuse(r, err, "points", "'points' is missing");
}

static int post_earn(struct request *r, struct error *err)
{
    struct points_change change;
    const char *document;
    TRY(read_change(r, "points ref note expires_on", &change, err));
    TRY(require_points(r, &change, err));
    TRY(points_earn(&r->ctx, &change, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_spend(struct request *r, struct error *err)
{
    struct points_change change;
    const char *document;
    TRY(read_change(r, "points ref note", &change, err));
    TRY(require_points(r, &change, err));
    TRY(points_spend(&r->ctx, &change, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_refund(struct request *r, struct error *err)
{
    struct points_change change;
    const char *document;
    TRY(read_change(r, "of_ref points ref note", &change, err));
    if (change.of_ref == NULL)
        return request_refuse(r, err, "of_ref", "'of_ref' is missing");
    TRY(points_refund(&r->ctx, &change, &document, err));
    return respond_data(r, 201, span_of(document));
}

/* ---- tiers -------------------------------------------------------------------------------- */

static int get_tiers(struct request *r, struct error *err)
{
    const char *document;
    TRY(tier_list(&r->ctx, &document, err));
    return respond_data(r, 200, span_of(arena_printf(r->arena, "{\"items\":%s}", document)));
}

static int get_tier(struct request *r, struct error *err)
{
    const char *document;
    TRY(tier_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_points[] = {
    {"GET", "/api/v1/members/{member_no}/points", 0, NULL, get_points},
    {"GET", "/api/v1/members/{member_no}/points/log", 0, "kind " LIST_QUERY, get_points_log},
    {"POST", "/api/v1/members/{member_no}/points/earn", ROUTE_WRITE, NULL, post_earn},
    {"POST", "/api/v1/members/{member_no}/points/spend", ROUTE_WRITE, NULL, post_spend},
    {"POST", "/api/v1/members/{member_no}/points/refund", ROUTE_WRITE, NULL, post_refund},
    {"GET", "/api/v1/members/{member_no}/tier", 0, NULL, get_tier},
    {"GET", "/api/v1/tiers", 0, NULL, get_tiers},
    {0},
};
