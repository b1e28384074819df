/* lib/platform/server/api_job.c - what a schedule runs, for those who cannot reach the database:
 * unpaid orders, what lies with a payment channel, points that are over, tiers.
 *
 * A request works for a few seconds at most, then says whether there is more: its caller comes
 * again. To come again is always safe, so no Idempotency-Key is needed. */
#include "core/clock.h"
#include "domain/order_timeout.h"
#include "domain/points.h"
#include "domain/settle.h"
#include "domain/tier.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

#define JOB_MS           2000
#define JOB_ORDERS       1000
#define OLDER_THAN_MAX_S ((int64_t)366 * 86400)

/* Jobs are the chain's, not a store's. */
static int check_role(struct request *r, struct error *err)
{
    if (strcmp(r->user.role, "admin") == 0 || strcmp(r->user.role, "integration") == 0)
        return ERR_OK;
    return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL,
                         "the role %s runs no jobs", r->user.role);
}

struct figure {
    const char *name;
    int64_t value;
};

static int respond_figures(struct request *r, const struct figure *figures, size_t count,
                           bool is_more)
{
    AUTO_STRBUF struct strbuf data = {0};
    struct jwriter w;
    strbuf_init(&data, 0);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    for (size_t i = 0; i < count; i++)
        jwriter_kint(&w, figures[i].name, figures[i].value);
    jwriter_kbool(&w, "more", is_more);
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){data.data, data.len});
}
#define RESPOND_FIGURES(r, is_more, ...)                                                           \
    respond_figures(r, (const struct figure[]){__VA_ARGS__},                                       \
                    sizeof((const struct figure[]){__VA_ARGS__}) / sizeof(struct figure), is_more)

static int read_timeout(struct request *r, struct order_timeout_options *ret, bool *ret_is_dry,
                        struct error *err)
{
    struct span body;
    struct members m;
    int64_t older_than_s = server_limits(r->server)->unpaid_after_ms / 1000;
    *ret = (struct order_timeout_options){.limit = JOB_ORDERS, .batch = JOB_ORDERS};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "older_than_s limit dry_run", &m, err));
    TRY(members_int(r, &m, "older_than_s", 0, OLDER_THAN_MAX_S, &older_than_s, err));
    TRY(members_int(r, &m, "limit", 1, JOB_ORDERS, &ret->limit, err));
    TRY(members_bool(r, &m, "dry_run", ret_is_dry, err));
    ret->older_than_ms = older_than_s * 1000;
    return ERR_OK;
}

static int look(struct request *r, int64_t older_than_ms, struct error *err)
{
    int64_t all, sent;
    TRY(order_timeout_count(&r->ctx, older_than_ms, &all, &sent, err));
    return RESPOND_FIGURES(r, false, {"would_cancel", all - sent}, {"would_ask_channel", sent});
}

static int post_auto_cancel(struct request *r, struct error *err)
{
    struct saga_desk desk = {0};
    struct order_timeout_options options;
    struct order_timeout_counts c = {0};
    bool is_dry = false;
    TRY(check_role(r, err));
    TRY(read_timeout(r, &options, &is_dry, err));
    if (is_dry)
        return look(r, options.older_than_ms, err);
    request_desk(r, &desk);
    desk.stop_at_ms = clock_monotonic_ms() + JOB_MS;
    int status = order_timeout_run(&desk, &options, &c, err);
    if (status != ERR_OK && status != ERR_CANCELLED) /* cancelled: the server is stopping */
        return status;
    bool is_more = status == ERR_CANCELLED || saga_desk_is_over(&desk) ||
                   c.cancelled + c.paid + c.waiting >= options.limit;
    return RESPOND_FIGURES(r, is_more, {"cancelled", c.cancelled}, {"paid", c.paid},
                           {"waiting", c.waiting});
}

static int post_settle(struct request *r, struct error *err)
{
    struct saga_desk desk = {0};
    struct settle_counts c = {0};
    TRY(check_role(r, err));
    TRY(request_body_nothing(r, err));
    if (r->server->channel == NULL)
        return domain_refuse(&r->ctx, err, ERR_DATA, API_ERROR(no_channel), NULL,
                             "the platform has no payment channel");
    request_desk(r, &desk);
    desk.stop_at_ms = clock_monotonic_ms() + JOB_MS;
    TRY(settle_due(&desk, &c, err));
    return RESPOND_FIGURES(r, saga_desk_is_over(&desk), {"sagas_done", c.sagas_done},
                           {"sagas_undone", c.sagas_undone}, {"payments_in", c.payments_in},
                           {"payments_closed", c.payments_closed}, {"refunds_paid", c.refunds_paid},
                           {"refunds_failed", c.refunds_failed}, {"waiting", c.waiting});
}

#define JOB_MEMBERS 1000 /* in a transaction */

static int read_dry(struct request *r, bool *ret, struct error *err)
{
    struct span body;
    struct members m;
    *ret = false;
    TRY(check_role(r, err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "dry_run", &m, err));
    return members_bool(r, &m, "dry_run", ret, err);
}

static int post_points_expire(struct request *r, struct error *err)
{
    struct points_expired e;
    bool is_dry, is_more = false;
    TRY(read_dry(r, &is_dry, err));
    int status = is_dry ? points_expire_count(&r->ctx, &e, err)
                        : points_expire(&r->ctx, JOB_MEMBERS, clock_monotonic_ms() + JOB_MS, &e,
                                        &is_more, err);
    if (status != ERR_OK && status != ERR_CANCELLED)
        return status;
    return RESPOND_FIGURES(r, is_more || status == ERR_CANCELLED, {"members", e.members},
                           {"lots", e.lots}, {"points", e.points});
}

static int post_tiers_evaluate(struct request *r, struct error *err)
{
    struct tier_counts c;
    bool is_dry, is_more = false;
    TRY(read_dry(r, &is_dry, err));
    int status = is_dry ? tier_evaluate_count(&r->ctx, &c, err)
                        : tier_evaluate(&r->ctx, clock_monotonic_ms() + JOB_MS, &c, &is_more, err);
    if (status != ERR_OK && status != ERR_CANCELLED)
        return status;
    return RESPOND_FIGURES(r, is_more || status == ERR_CANCELLED, {"raised", c.raised},
                           {"lowered", c.lowered});
}

const struct route routes_job[] = {
    {"POST", "/api/v1/orders/auto-cancel", 0, NULL, post_auto_cancel},
    {"POST", "/api/v1/orders/settle", 0, NULL, post_settle},
    {"POST", "/api/v1/points/expire", 0, NULL, post_points_expire},
    {"POST", "/api/v1/tiers/evaluate", 0, NULL, post_tiers_evaluate},
    {0},
};
